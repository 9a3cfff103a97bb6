use std::cell::{Cell, OnceCell};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::baggage::add_baggage;
use super::failure::Failure;
use super::made::with_made;
use super::panic::{PanicMark, panic_error};
use crate::callsite::Callsite;
use crate::context;
use crate::data::{Argument, Attributes, Link, Name, Outcome, SpanContext, ToValue};
use crate::recorder::short::{self, LocalNumber};
use crate::recorder::{
    Configured, Direct, PlantedSpan, RecordError, Recorder, Refused, Span, SpanBuilder, SpanParent,
    SpanStop, Under,
};

/// A span that ends when this is dropped, on the thread that opened it.
///
/// Made by [`span!`](crate::span). Where the callsite is off, or no provider is configured, it holds
/// no span and everything that is done with it does nothing.
///
/// Belongs to its thread; others get the [span](SpanGuard::span).
#[must_use = "the span ends when its guard is dropped: bind it to a name, as `let _span = span!(…)`"]
pub struct SpanGuard {
    /// The number of a span that only this thread knows ([`short`]), until somebody asks for more.
    local: Cell<Option<LocalNumber>>,
    /// When that was opened.
    panics: PanicMark,
    /// A span that has a handle. Dropped by the guard's own destructor, so that a guard without one has
    /// nothing left to drop.
    active: ManuallyDrop<OnceCell<ActiveSpan>>,
    /// The span is current on this thread, so this is where it ends.
    not_send: PhantomData<*const ()>,
}

/// What is there to be seen of a span is not left half done by a panic.
impl UnwindSafe for SpanGuard {}
impl RefUnwindSafe for SpanGuard {}

impl SpanGuard {
    /// A guard without a span.
    pub const fn new() -> SpanGuard {
        SpanGuard::of(OnceCell::new())
    }

    const fn of(active: OnceCell<ActiveSpan>) -> SpanGuard {
        let (local, panics) = (Cell::new(None), PanicMark::NONE);
        SpanGuard { local, panics, active: ManuallyDrop::new(active), not_send: PhantomData }
    }

    /// The guard of a span that its thread alone knows.
    #[inline(always)]
    pub(super) fn local(number: LocalNumber) -> SpanGuard {
        SpanGuard::local_since(number, PanicMark::now())
    }

    /// The same for one that was opened when the thread had this mark.
    #[inline(always)]
    pub(super) fn local_since(number: LocalNumber, panics: PanicMark) -> SpanGuard {
        let active = ManuallyDrop::new(OnceCell::new());
        SpanGuard { local: Cell::new(Some(number)), panics, active, not_send: PhantomData }
    }

    /// The guard of a span that has a handle.
    pub(super) fn active_span(active: ActiveSpan) -> SpanGuard {
        SpanGuard::of(OnceCell::from(active))
    }

    /// The span with its handle.
    fn active(&self) -> Option<&ActiveSpan> {
        if let Some(number) = self.local.take() {
            self.settle(number);
        }
        self.active.get()
    }

    #[cold]
    #[inline(never)]
    fn settle(&self, number: LocalNumber) {
        if let Some(active) = ActiveSpan::settled(number, self.panics) {
            let _ = self.active.set(active);
        }
    }

    fn active_mut(&mut self) -> Option<&mut ActiveSpan> {
        self.active();
        self.active.get_mut()
    }

    /// Whether there is a span, and what is recorded of it reaches exporters. Costs nothing to ask:
    /// for work that is done for telemetry only.
    pub fn is_recording(&self) -> bool {
        let is_recording = self.local.get().and_then(short::is_recording);
        is_recording.unwrap_or_else(|| self.span().is_recording())
    }

    /// Whether there is a span that has not ended, recorded or not: what is said of one that found no
    /// room, or that a filter holds back, is counted with it.
    #[doc(hidden)]
    pub fn is_open(&self) -> bool {
        self.local.get().is_some_and(short::is_local)
            || self.active().is_some_and(|active| !active.span.is_stopped())
    }

    /// The span, to hand it to other threads or to give it events; a disabled one if there is none.
    pub fn span(&self) -> &Span {
        static NONE: Span = Span::disabled();
        self.active().map_or(&NONE, |active| &active.span)
    }

    /// Trace id and span id; invalid if there is no span.
    pub fn context(&self) -> SpanContext {
        self.span().context()
    }

    /// Adds or replaces an attribute of the span.
    pub fn set(&mut self, name: impl Into<Name>, value: impl ToValue) {
        self.set_attribute(name.into(), value.to_value());
    }

    /// Says how the span ends: for a span that fails without an `Err` that leaves an annotated
    /// function. A panic that unwinds through the guard has the last word.
    pub fn set_outcome(&mut self, outcome: Outcome) {
        if let Some(active) = self.active_mut() {
            active.outcome = outcome;
        }
    }

    /// Says that the span ends with an error.
    #[doc(hidden)]
    pub fn fail(&mut self, failure: Failure) {
        if let Some(active) = self.active_mut() {
            active.outcome = Outcome::Error;
            let error = failure.in_span(active.span.name());
            active.call("error", |recorder| recorder.error(Some(&active.span), error));
        }
    }

    /// Adds an attribute to the span.
    #[doc(hidden)]
    pub fn record(&mut self, key: &'static str, value: Argument<'_>) {
        self.set_attribute(Name::from_static(key), value);
    }

    fn set_attribute(&mut self, name: Name, value: Argument<'_>) {
        if value.is_absent() {
            return;
        }
        if let Some(number) = self.local.get()
            && short::set(number, name.as_str(), &value)
        {
            return;
        }
        let Some(active) = self.active() else { return };
        if active.called.is_none() {
            with_made(&[value], |value| active.set_directly(name.as_str(), &value[0]));
        } else if let Some(value) = value.into_value() {
            let added = Attributes::new().with(name, value);
            active.call("set_attributes", |recorder| recorder.set_attributes(&active.span, added));
        }
    }

    /// Ends the span as it has been said, whatever the thread does.
    #[inline]
    pub(super) fn end(mut self) {
        match self.active.get_mut() {
            Some(active) => active.is_decided = true,
            // A thread that unwinds now did so before.
            None => self.panics = PanicMark::now(),
        }
    }
}

impl Drop for SpanGuard {
    /// Where it can be seen that there is no span, nothing is left of this.
    #[inline]
    fn drop(&mut self) {
        if self.local.get().is_some() || self.active.get().is_some() {
            self.close();
        }
    }
}

impl SpanGuard {
    #[inline(never)]
    fn close(&mut self) {
        if let Some(number) = self.local.get() {
            if !self.panics.is_unwinding_since() && short::stop(number) {
                return;
            }
            // With its handle it ends by the destructor of that.
            self.settle(number);
        }
        if self.active.get().is_some() {
            drop_active(&mut self.active);
        }
    }
}

/// Apart, so that the guard of a span without a handle has nothing left to drop.
#[cold]
#[inline(never)]
fn drop_active(active: &mut OnceCell<ActiveSpan>) {
    drop(active.take());
}

impl Default for SpanGuard {
    fn default() -> SpanGuard {
        SpanGuard::new()
    }
}

impl fmt::Debug for SpanGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanGuard").field(self.span()).finish()
    }
}

impl From<&SpanGuard> for SpanParent {
    fn from(guard: &SpanGuard) -> SpanParent {
        SpanParent::from(guard.span())
    }
}

impl From<&SpanGuard> for Link {
    fn from(guard: &SpanGuard) -> Link {
        Link::from(guard.span())
    }
}

/// Calls the body of an annotated function with the guard that it opens.
#[doc(hidden)]
#[inline(always)]
pub fn call<R>(span: &mut SpanGuard, body: impl FnOnce(&mut SpanGuard) -> R) -> R {
    body(span)
}

/// What a macro says of a span beside what its callsite knows.
#[doc(hidden)]
#[derive(Debug)]
pub struct SpanArguments<'a> {
    /// The values of the attributes, in the order of the callsite's keys.
    pub attributes: &'a [Argument<'a>],
    /// The values of the start event's attributes.
    pub start_attributes: &'a [Argument<'a>],
    /// What it hangs under.
    pub parent: SpanParent,
    /// Links to other spans.
    pub links: &'a [Link],
}

/// The span that a macro has described.
pub(super) fn describe(site: &Callsite, arguments: &SpanArguments<'_>) -> SpanBuilder {
    let catalogue = site.catalogue();
    SpanBuilder {
        name: Name::from_static(site.name()),
        attributes: attributes(catalogue.keys, arguments.attributes),
        start_attributes: attributes(catalogue.start_keys, arguments.start_attributes),
        start_time: None,
        parent: arguments.parent.clone(),
        kind: catalogue.span_kind,
        level: catalogue.level,
        group: catalogue.group.map(Name::from_static),
        links: arguments.links.iter().filter(|link| is_valid(link)).cloned().collect(),
        scope: Some(site.scope()),
    }
}

pub(super) fn attributes(keys: &[&'static str], values: &[Argument<'_>]) -> Attributes {
    let mut attributes = Attributes::new();
    for (key, value) in keys.iter().zip(values) {
        if let Some(value) = value.into_value() {
            attributes.set(*key, value);
        }
    }
    attributes
}

/// A span that a macro has opened, and that ends when this is dropped.
pub(super) struct ActiveSpan {
    pub(super) span: Span,
    /// What is called for it; `None` if the span was written into a lane directly, and knows its
    /// recorder.
    called: Option<Arc<Configured>>,
    outcome: Outcome,
    /// No panic has a say any more.
    is_decided: bool,
    panics: PanicMark,
}

impl ActiveSpan {
    /// Starts the span of a callsite, makes it the current one and puts it into its place: nothing if
    /// it is refused, or nothing is recorded.
    ///
    /// In place, because to hand a span through several results costs more than to start it.
    pub(super) fn start(
        place: &mut Option<ActiveSpan>,
        site: &'static Callsite,
        arguments: &SpanArguments<'_>,
    ) {
        let mut called = None;
        let started = context::with_in_force(|configured| match configured.direct_for(site) {
            // Baggage is added to a span that is described.
            Some(direct) if configured.baggage_attributes().is_empty() => {
                if !configured.is_enabled() {
                    return Span::disabled();
                }
                // Code of the application's own runs here, and not in what follows.
                let started = with_made(arguments.attributes, |attributes| {
                    with_made(arguments.start_attributes, |start_attributes| {
                        let values = [attributes, start_attributes];
                        start_directly(direct, configured, site, arguments, values)
                    })
                });
                configured.settle("start", started).unwrap_or_default()
            }
            _ => {
                called = Some(Arc::clone(configured));
                ActiveSpan::start_called(configured, describe(site, arguments))
            }
        });
        *place = ActiveSpan::of_started(started.unwrap_or_default(), called);
    }

    /// A span that was local to the thread since it had this mark, with its handle.
    pub(super) fn settled(number: LocalNumber, panics: PanicMark) -> Option<ActiveSpan> {
        Some(ActiveSpan::written(context::short::settled(number)?, panics))
    }

    /// A span that was written into a lane directly, and in which what panics after this mark has a say.
    pub(super) fn written(span: Span, panics: PanicMark) -> ActiveSpan {
        ActiveSpan { span, called: None, outcome: Outcome::Ok, is_decided: false, panics }
    }

    /// Starts the span of a callsite, whose values are made, through a recorder that writes it into a lane.
    #[cold]
    #[inline(never)]
    pub(super) fn start_made(
        configured: &Arc<Configured>,
        direct: &Direct,
        site: &'static Callsite,
        arguments: &SpanArguments<'_>,
    ) -> Option<ActiveSpan> {
        let values = [arguments.attributes, arguments.start_attributes];
        let started = start_directly(direct, configured, site, arguments, values);
        ActiveSpan::of_started(configured.settle("start", started).unwrap_or_default(), None)
    }

    /// Starts a span that is described already.
    pub(super) fn start_with(
        configured: &Arc<Configured>,
        span: SpanBuilder,
    ) -> Option<ActiveSpan> {
        let span = ActiveSpan::start_called(configured, span);
        ActiveSpan::of_started(span, Some(Arc::clone(configured)))
    }

    /// Calls the recorder; a disabled span if that is refused.
    fn start_called(configured: &Arc<Configured>, span: SpanBuilder) -> Span {
        let mut span = under_current(span);
        add_baggage(configured, &mut span);
        let span = configured.call("start", |recorder| recorder.start(span)).unwrap_or_default();
        span.set_owner(configured);
        span
    }

    /// Makes a span the current one.
    #[inline]
    fn of_started(span: Span, called: Option<Arc<Configured>>) -> Option<ActiveSpan> {
        if span.is_disabled() {
            return None;
        }
        context::push_owned(&span);
        let panics = PanicMark::now();
        Some(ActiveSpan { span, called, outcome: Outcome::Ok, is_decided: false, panics })
    }

    /// Adds an attribute to a span that was written into a lane.
    fn set_directly(&self, key: &str, value: &Argument<'_>) {
        self.with_configured(|configured| {
            if let Some(direct) = configured.direct().filter(|_| configured.is_enabled()) {
                let set = direct.set_planted(&self.span, key, value);
                configured.settle("set_attributes", set);
            }
        });
    }

    fn call(&self, name: &str, call: impl FnOnce(&dyn Recorder) -> Result<(), RecordError>) {
        let mut call = Some(call);
        self.with_configured(|configured| {
            if let Some(call) = call.take() {
                configured.call(name, call);
            }
        });
    }

    /// Says that the thread's panic ends the span.
    fn fail_by_panic(&mut self) {
        self.outcome = Outcome::Panic;
        let mut error = Some(panic_error(self.span.name(), self.panics));
        self.with_configured(|configured| {
            let Some(error) = error.take() else { return };
            // From a destructor: what the strategy would say of a refusal is not said by a panic.
            let _ = configured.guard("error", (), |it| it.error(Some(&self.span), error));
        });
    }

    /// Ends the span of a future that was dropped before it was ready.
    pub(super) fn cancel(mut self) {
        self.outcome = Outcome::Cancelled;
        self.is_decided = true;
    }

    /// Calls `use_it` with what the span was started through, once, if that is still there.
    fn with_configured(&self, mut use_it: impl FnMut(&Configured)) {
        match &self.called {
            Some(configured) => use_it(configured),
            None => {
                context::with_owner(&self.span, |configured| use_it(configured));
            }
        }
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        context::pop(&self.span);
        if self.span.is_stopped() {
            // By the close, which counts that, or by an explicit call.
            self.span.ends_late();
            return;
        }
        if !self.is_decided && self.panics.is_unwinding_since() {
            self.fail_by_panic();
        }
        let outcome = self.outcome;
        self.with_configured(|configured| match configured.direct() {
            Some(direct) if self.called.is_none() => {
                if configured.is_enabled() {
                    configured.settle_stop(direct.stop_planted(&self.span, outcome));
                }
            }
            _ => {
                let stop = SpanStop::new().outcome(outcome);
                let _ = configured.guard("stop", (), |recorder| recorder.stop(&self.span, stop));
            }
        });
        if self.called.is_none() {
            std::mem::take(&mut self.span).retire();
        }
    }
}

/// A span hangs under the current one if nothing else is said, or if what is named is switched off and
/// so as if it were not there.
fn is_under_current(parent: &SpanParent) -> bool {
    match parent {
        SpanParent::Current => true,
        SpanParent::Span(parent) => parent.is_disabled(),
        _ => false,
    }
}

fn under_current(mut span: SpanBuilder) -> SpanBuilder {
    if is_under_current(&span.parent) {
        span.parent = context::parent();
    }
    span
}

/// Writes a start into the lane of the thread.
#[inline(always)]
fn start_directly(
    direct: &Direct,
    configured: &Arc<Configured>,
    site: &'static Callsite,
    arguments: &SpanArguments<'_>,
    [attributes, start_attributes]: [&[Argument<'_>]; 2],
) -> Result<Span, Refused> {
    let origin = site.origin();
    let links = arguments.links;
    let span = PlantedSpan { site, origin: &origin, attributes, start_attributes, links };
    if links.iter().all(is_valid) {
        return start_under(direct, configured, &span, &arguments.parent);
    }
    let links: Vec<Link> = links.iter().filter(|link| is_valid(link)).cloned().collect();
    start_under(direct, configured, &PlantedSpan { links: &links, ..span }, &arguments.parent)
}

#[inline]
fn start_under(
    direct: &Direct,
    configured: &Arc<Configured>,
    span: &PlantedSpan<'_>,
    parent: &SpanParent,
) -> Result<Span, Refused> {
    let started = if is_under_current(parent) {
        context::with_parent(|under| direct.start_planted(span, under, configured))
    } else {
        direct.start_planted(span, Under::parent(parent), configured)
    }?;
    direct.afterwards()?;
    Ok(started)
}

/// A span that is switched off has nothing to be linked to.
fn is_valid(link: &Link) -> bool {
    link.context.is_valid()
}
