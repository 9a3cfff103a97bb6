//! Every callsite that was met, and what decides which of them are on.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{Callsite, CallsiteKind, Catalogue, Filter, FilterError, OFF, ON};
use crate::data::{CALLSITES, Level};
use crate::diagnostics;
use crate::sync::{Counter, ForkLocal, generation};

/// The name of the environment variable that holds the filter.
const FILTER_VARIABLE: &str = "ONELOGGER_FILTER";

/// Read while a callsite registers, written while the states of all are computed anew: so a callsite
/// that is new is found, or sees what has changed. A forked child begins with the environment's
/// filter and without providers.
static SETTINGS: ForkLocal<RwLock<Settings>> =
    ForkLocal::new(|| RwLock::new(Settings::from_environment()));

struct Settings {
    filter: Filter,
    /// Why the environment's filter could not be used.
    problem: Option<FilterError>,
    /// How many providers are configured. Where there is none, every callsite is off.
    providers: usize,
    /// The spans that recorders of these are called for, each as often as one asks for it.
    called_for: Vec<&'static str>,
}

impl Settings {
    fn from_environment() -> Settings {
        let text = std::env::var_os(FILTER_VARIABLE).unwrap_or_default();
        let (filter, problem) = match text.to_string_lossy().parse() {
            Ok(filter) => (filter, None),
            Err(problem) => (Filter::default(), Some(problem)),
        };
        Settings { filter, problem, providers: 0, called_for: Vec::new() }
    }

    fn state_of(&self, callsite: &Callsite) -> u8 {
        if self.providers > 0 && self.filter.allows(&callsite.catalogue) { ON } else { OFF }
    }

    /// Switches a callsite. It has no number before it is on for the first time: macros that find one do
    /// not ask again.
    fn set(&self, callsite: &Callsite, state: u8) {
        if state == ON {
            let is_span = callsite.catalogue.kind == CallsiteKind::Span;
            callsite.plant(is_span && self.called_for.contains(&callsite.name()));
        }
        callsite.state.set(state);
    }
}

/// Takes in a callsite that is met for the first time; whether it is on.
#[cold]
pub(super) fn register(callsite: &'static Callsite) -> bool {
    let settings = read();
    let state = settings.state_of(callsite);
    let is_new = CALLSITES.add(callsite);
    if is_new {
        settings.set(callsite, state);
    }
    // Otherwise another thread is about to set the state, or was when this process was forked: then
    // the callsite asks again each time, because no change would find it.
    let is_idle = settings.providers == 0;
    // Not held while a logger of the application runs.
    drop(settings);
    if is_new && is_idle && diagnostics::is_debugging() {
        say_that_nothing_is_recorded(callsite);
    }
    state == ON
}

/// Tells whoever looks for missing telemetry that it was never asked for.
fn say_that_nothing_is_recorded(callsite: &Callsite) {
    /// Programs have thousands of callsites; the first ones say all there is to know.
    const NAMED: u64 = 20;
    static COUNT: Counter = Counter::new(0);
    let before = COUNT.add(1);
    let Catalogue { file, line, .. } = callsite.catalogue;
    let name = callsite.name();
    if before < NAMED {
        diagnostics::debug(format_args!(
            "`{name}` ({file}:{line}) is met while no provider records; configure one before, in \
             `main`: `OneLoggerProvider::instance().configure(config, recorder)`"
        ));
    } else if before == NAMED {
        diagnostics::debug(format_args!("further callsites that record nothing are not named"));
    }
}

/// While one of these lives, callsites are on as the filter says.
#[derive(Debug)]
pub(crate) struct Interest {
    /// The process that it was made in.
    generation: u64,
    called_for: Vec<&'static str>,
}

impl Interest {
    /// `called_for` are the spans for which macros are to call the recorder.
    pub(crate) fn new(called_for: &[&'static str]) -> Interest {
        change(|settings| {
            settings.providers += 1;
            settings.called_for.extend(called_for);
        });
        Interest { generation: generation(), called_for: called_for.to_vec() }
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        if self.generation == generation() {
            change(|settings| {
                settings.providers = settings.providers.saturating_sub(1);
                for name in &self.called_for {
                    let place = settings.called_for.iter().position(|called| called == name);
                    place.map(|place| settings.called_for.swap_remove(place));
                }
            });
        }
    }
}

/// The filter in force.
pub fn filter() -> Filter {
    read().filter.clone()
}

/// Replaces the filter. Every callsite follows before this returns.
pub fn set_filter(filter: Filter) {
    change(|settings| settings.filter = filter);
}

/// Sets the level of a group, or of a module and what is below it; `None` switches it off. The rest
/// of the filter stays.
pub fn set_level(name: &str, level: impl Into<Option<Level>>) {
    let level = level.into();
    change(|settings| settings.filter.set(name, level));
}

/// Every callsite that was met so far, in no particular order.
pub fn all() -> impl Iterator<Item = &'static Callsite> {
    CALLSITES.iter()
}

/// Why the environment's filter is not in force; told once.
pub(crate) fn environment_problem() -> Option<String> {
    // Looked at first, because most of the time nothing has to be changed.
    read().problem.as_ref()?;
    let problem = write().problem.take()?;
    Some(format!("{FILTER_VARIABLE} is ignored: {problem}"))
}

fn change(change: impl FnOnce(&mut Settings)) {
    let mut settings = write();
    change(&mut settings);
    for callsite in CALLSITES.iter() {
        settings.set(callsite, settings.state_of(callsite));
    }
}

fn read() -> RwLockReadGuard<'static, Settings> {
    SETTINGS.get().read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Settings> {
    SETTINGS.get().write().unwrap_or_else(PoisonError::into_inner)
}
