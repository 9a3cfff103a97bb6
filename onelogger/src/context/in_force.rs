//! Which recorder is in force: that of the context, else that of the process.

use std::cell::RefCell;
use std::sync::{Arc, PoisonError, RwLock};

use super::{InForce, with_current};
use crate::recorder::{Configured, Span};
use crate::sync::{Counter, ForkLocal, generation};

/// What the provider of the process is configured with. A forked child begins without.
static OF_PROCESS: ForkLocal<RwLock<Option<Arc<Configured>>>> =
    ForkLocal::new(|| RwLock::new(None));

/// How often that has changed. Grows when the change is done, so that who finds the number of before
/// may have what was in force before, and who finds the number of after has what is in force now.
static CHANGES: Counter = Counter::new(0);

/// What a thread has seen of it, so that recording takes no lock.
struct Seen {
    /// The number of changes, and the process, in which it was seen.
    at: (u64, u64),
    configured: Option<Arc<Configured>>,
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// Puts a recorder in force for the process, or none.
pub(crate) fn set_of_process(configured: Option<Arc<Configured>>) {
    let mut place = OF_PROCESS.get().write().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::replace(&mut *place, configured);
    // Not held while a recorder ends.
    drop(place);
    CHANGES.add(1);
    drop(before);
}

/// The recorder in force here; none where nothing is recorded. A provider of the context's own that is
/// closed is as if it were not there.
pub(crate) fn in_force() -> Option<Arc<Configured>> {
    let own = with_current(|current| match &current.provider {
        InForce::Own(Some(closed)) if closed.is_closed() => None,
        InForce::Own(configured) => Some(configured.clone()),
        InForce::Global => None,
    });
    match own.flatten() {
        Some(own) => own,
        None => of_process(),
    }
}

/// Calls `use_it` with the recorder in force here, without a handle of its own; `None` where nothing
/// is recorded.
pub(crate) fn with_in_force<R>(use_it: impl FnOnce(&Arc<Configured>) -> R) -> Option<R> {
    let is_own = with_current(|current| matches!(current.provider, InForce::Own(_)));
    if is_own == Some(false) {
        // In a cell, so that it can be called in one of two places.
        let mut use_it = Some(use_it);
        let seen = SEEN.try_with(|seen| {
            refresh(seen);
            let seen = seen.try_borrow().ok()?;
            let seen = seen.as_ref().filter(|seen| seen.at == now())?;
            let configured = seen.configured.as_ref();
            Some(configured.and_then(|configured| Some(use_it.take()?(configured))))
        });
        return match seen {
            Ok(Some(result)) => result,
            // The thread is ending, or the recorder has changed while it was called.
            _ => in_force().and_then(|configured| Some(use_it.take()?(&configured))),
        };
    }
    in_force().map(|configured| use_it(&configured))
}

/// Calls `use_it` with what a span was started through, or with what is in force if nobody knows that;
/// `None` where neither is there any more.
pub(crate) fn with_owner<R>(span: &Span, use_it: impl FnOnce(&Arc<Configured>) -> R) -> Option<R> {
    let mut use_it = Some(use_it);
    let in_force = with_in_force(|configured| {
        let use_it = if span.is_owned_by(configured) { use_it.take() } else { None };
        use_it.map(|use_it| use_it(configured))
    });
    match in_force.flatten() {
        Some(result) => Some(result),
        None => span.owner().and_then(|owner| Some(use_it.take()?(&owner))),
    }
}

/// Which process this is, and how often its recorder has changed.
fn now() -> (u64, u64) {
    (CHANGES.get(), generation())
}

/// Looks again if something has changed since the thread looked last.
fn refresh(seen: &RefCell<Option<Seen>>) {
    let at = now();
    let is_fresh = |seen: &Option<Seen>| seen.as_ref().is_some_and(|seen| seen.at == at);
    if seen.try_borrow().is_ok_and(|seen| is_fresh(&seen)) {
        return;
    }
    let configured = of_process();
    // Dropped outside of the borrow: it may be the last handle of a recorder.
    let _before =
        seen.try_borrow_mut().ok().and_then(|mut seen| seen.replace(Seen { at, configured }));
}

fn of_process() -> Option<Arc<Configured>> {
    OF_PROCESS.get().read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The recorder of the process, unless somebody is changing it just now.
pub(crate) fn try_of_process() -> Option<Arc<Configured>> {
    OF_PROCESS.get().try_read().ok()?.clone()
}
