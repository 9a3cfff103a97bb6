//! Futures that are timed: from their first poll until they are ready or dropped.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::entry;
use super::guard::{ActiveSpan, SpanArguments, SpanGuard, describe};
use super::panic::PanicMark;
use crate::callsite::Callsite;
use crate::context::{self, FutureSpans, Outside, short};
use crate::recorder::SpanBuilder;
use crate::recorder::short::{LocalNumber, Parked, is_innermost, leave_parked, park};
use crate::sync::{Around, AroundPoll, Wrapped};

/// A future whose span is on the thread's stack while it is polled, and nowhere meanwhile.
pub type TimedFuture<F, O> = Wrapped<F, Timed<O>>;

/// What belongs to a future that is timed.
pub struct Timed<O> {
    stage: Stage,
    /// The future's own span and those opened within it: on the thread's stack while it is polled.
    spans: FutureSpans,
    /// Looks at the result. Taken when the future is ready.
    observe: Option<O>,
}

enum Stage {
    /// Not polled yet: the future itself opens the span ([`open_in_future`]).
    New,
    /// Not polled yet, and this is the span to open.
    Prepared(Box<SpanBuilder>),
    /// Polled, and this is its span: known to the thread alone while it is polled.
    Parked(Parked),
    /// Polled, and this is its span, of which others have handles.
    Open(ActiveSpan),
    /// Without a span: the callsite is off, or the span is over.
    Bare,
}

thread_local! {
    /// What a future hands to the wrapper that polls it for the first time: the span it has opened. One
    /// that its thread alone knows is handed over apart, because that is small.
    static LOCAL: Cell<Option<LocalNumber>> = const { Cell::new(None) };
    static OPENED: RefCell<Option<ActiveSpan>> = const { RefCell::new(None) };
}

/// Exchanges what the thread has in the place for spans with a handle.
#[inline]
fn exchange_opened(active: &mut Option<ActiveSpan>) {
    // What the thread has no place for any more ends outside of the borrow.
    let _ = OPENED.try_with(|place| {
        if let Ok(mut place) = place.try_borrow_mut()
            && (place.is_some() || active.is_some())
        {
            std::mem::swap(&mut *place, active);
        }
    });
}

/// Times a future that opens its span itself, at its first poll.
pub fn timed<R, F: Future<Output = R>, O: FnOnce(&R, &mut SpanGuard)>(
    future: F,
    observe: O,
) -> TimedFuture<F, O> {
    let observe = Some(observe);
    Wrapped::new(future, Timed { stage: Stage::New, spans: FutureSpans::default(), observe })
}

/// Opens the span of the future that is being polled. Called by the future, before its body.
pub fn open_in_future(site: &'static Callsite, arguments: &SpanArguments<'_>) {
    if let Some(number) = entry::start_short(site, arguments) {
        LOCAL.set(Some(number));
        return;
    }
    let mut active = None;
    ActiveSpan::start(&mut active, site, arguments);
    exchange_opened(&mut active);
}

/// For a future with nothing to be seen in its result.
pub fn unobserved<R>(_result: &R, _span: &mut SpanGuard) {}

/// The span of a future that another function has made: described when that function is called, and
/// started when the future is polled.
#[derive(Default)]
pub struct PreparedSpan(Option<Box<SpanBuilder>>);

impl PreparedSpan {
    /// None yet.
    pub const fn new() -> PreparedSpan {
        PreparedSpan(None)
    }

    /// Describes the span.
    pub fn prepare(&mut self, site: &'static Callsite, arguments: &SpanArguments<'_>) {
        self.0 = Some(Box::new(describe(site, arguments)));
    }
}

/// Calls the body of an annotated function with the span that it describes.
#[inline(always)]
pub fn call_prepared<R>(span: &mut PreparedSpan, body: impl FnOnce(&mut PreparedSpan) -> R) -> R {
    body(span)
}

/// Times a future whose span is described already.
pub fn timed_prepared<R, F: Future<Output = R>, O: FnOnce(&R, &mut SpanGuard)>(
    span: PreparedSpan,
    future: F,
    observe: O,
) -> TimedFuture<F, O> {
    let stage = span.0.map_or(Stage::Bare, Stage::Prepared);
    Wrapped::new(future, Timed { stage, spans: FutureSpans::default(), observe: Some(observe) })
}

impl<F: Future, O: FnOnce(&F::Output, &mut SpanGuard)> AroundPoll<F> for Timed<O> {
    #[inline]
    fn poll(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.stage {
            Stage::Bare => future.poll(cx),
            Stage::Parked(_) => self.poll_parked(future, cx),
            Stage::Open(_) => self.poll_again(future, cx),
            Stage::New | Stage::Prepared(_) => self.poll_first(future, cx),
        }
    }
}

impl<O> Timed<O> {
    /// The first poll. Until it is over the span is one of the thread's like any other: many futures are
    /// ready then, and nothing has to be kept for them.
    #[inline]
    fn poll_first<F>(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output>
    where
        F: Future,
        O: FnOnce(&F::Output, &mut SpanGuard),
    {
        let mut first = FirstPoll::begin(&mut self.stage);
        let poll = future.poll(cx);
        let local = first.end();
        match &poll {
            Poll::Pending => self.suspend(local, &mut first),
            Poll::Ready(result) => {
                self.stage = Stage::Bare;
                if let Some(number) = local {
                    self.end(SpanGuard::local(number), result);
                } else if let Some(active) = first.active.take() {
                    self.end(SpanGuard::active_span(active), result);
                }
            }
        }
        poll
    }

    /// A poll of which all is as with the first one, but that the span is open already.
    #[inline]
    fn poll_parked<F>(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output>
    where
        F: Future,
        O: FnOnce(&F::Output, &mut SpanGuard),
    {
        let Stage::Parked(parked) = &self.stage else { return future.poll(cx) };
        let Some(number) = short::enter(parked) else {
            self.unpark();
            return self.poll_again(future, cx);
        };
        let panics = PanicMark::now();
        let entered = Entered { timed: self, number, panics };
        let poll = future.poll(cx);
        std::mem::forget(entered);
        match &poll {
            Poll::Pending if leave_parked(number) => {}
            Poll::Ready(result) if is_innermost(number) => {
                // Before the result is looked at, because that may panic.
                let stage = std::mem::replace(&mut self.stage, Stage::Bare);
                self.end(SpanGuard::local(number), result);
                if let Stage::Parked(parked) = stage {
                    parked.into_span().retire();
                }
            }
            _ => {
                // Somebody has its handle, or something in it is still open.
                self.take_off(ActiveSpan::settled(number, panics));
                if let Poll::Ready(result) = &poll {
                    self.end_active(result);
                }
            }
        }
        poll
    }

    /// Gives a span that is parked its handle.
    #[cold]
    fn unpark(&mut self) {
        if let Stage::Parked(parked) = std::mem::replace(&mut self.stage, Stage::Bare) {
            let active = ActiveSpan::written(parked.into_span(), PanicMark::now());
            self.spans = FutureSpans::of(&active.span);
            self.stage = Stage::Open(active);
        }
    }

    fn poll_again<F>(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output>
    where
        F: Future,
        O: FnOnce(&F::Output, &mut SpanGuard),
    {
        let mut polling = Polling::begin(&mut self.stage, &mut self.spans);
        let poll = future.poll(cx);
        polling.has_returned = true;
        drop(polling);
        if let Poll::Ready(result) = &poll {
            self.end_active(result);
        }
        poll
    }

    fn end_active<R>(&mut self, result: &R)
    where
        O: FnOnce(&R, &mut SpanGuard),
    {
        if let Stage::Open(span) = std::mem::replace(&mut self.stage, Stage::Bare) {
            // So that nobody but the guard holds it, and its memory is used again.
            self.spans.let_go(&span.span);
            self.end(SpanGuard::active_span(span), result);
            self.spans.hand_on();
        }
    }

    #[inline]
    fn end<R>(&mut self, mut guard: SpanGuard, result: &R)
    where
        O: FnOnce(&R, &mut SpanGuard),
    {
        if let Some(observe) = self.observe.take() {
            observe(result, &mut guard);
        }
        guard.end();
    }

    /// Takes the span, and what was opened in it and is still open, off the thread's stack until the next
    /// poll.
    #[inline(never)]
    fn suspend(&mut self, local: Option<LocalNumber>, first: &mut FirstPoll) {
        match local.map(|number| (number, park(number))) {
            Some((_, Some(parked))) => self.stage = Stage::Parked(parked),
            Some((number, None)) => self.take_off(ActiveSpan::settled(number, first.panics)),
            None => self.take_off(first.active.take()),
        }
    }

    fn take_off(&mut self, active: Option<ActiveSpan>) {
        self.stage = match active {
            Some(active) => {
                self.spans = FutureSpans::taken_from(&active.span);
                Stage::Open(active)
            }
            // Without a span of its own the future keeps nothing to itself.
            None => Stage::Bare,
        };
    }
}

/// A future that is dropped before it is ready was cancelled. What its destructors record is in its
/// span, and what is open in it ends before it.
impl<O> Around for Timed<O> {
    fn before_drop(&mut self) {
        if let Stage::Parked(_) = self.stage {
            self.unpark();
        }
        if let Stage::Open(_) = self.stage {
            self.spans.enter_for_drop();
        }
    }
}

impl<O> Drop for Timed<O> {
    fn drop(&mut self) {
        if let Stage::Open(_) = self.stage
            && let Stage::Open(span) = std::mem::replace(&mut self.stage, Stage::Bare)
        {
            self.spans.leave_after_drop();
            span.cancel();
        }
    }
}

/// While a future is polled for the first time. If that panics the span ends.
struct FirstPoll {
    /// What a future further out has handed to its wrapper, which has not taken it yet; at the end, in
    /// `active`, what this one has.
    local: Option<LocalNumber>,
    active: Option<ActiveSpan>,
    is_over: bool,
    panics: PanicMark,
}

impl FirstPoll {
    #[inline]
    fn begin(stage: &mut Stage) -> FirstPoll {
        let local = LOCAL.try_with(Cell::take).unwrap_or_default();
        let (active, panics) = (None, PanicMark::now());
        let mut first = FirstPoll { local, active, is_over: false, panics };
        exchange_opened(&mut first.active);
        if let Stage::Prepared(_) = stage {
            FirstPoll::open_prepared(stage);
        }
        first
    }

    #[cold]
    fn open_prepared(stage: &mut Stage) {
        if let Stage::Prepared(span) = std::mem::replace(stage, Stage::Bare) {
            let mut span = Some(span);
            let span = context::with_in_force(|it| ActiveSpan::start_with(it, *span.take()?));
            exchange_opened(&mut span.flatten());
        }
    }

    /// The span that the future has opened, if its thread alone knows it; `active` is it else.
    #[inline]
    fn end(&mut self) -> Option<LocalNumber> {
        self.is_over = true;
        exchange_opened(&mut self.active);
        LOCAL.try_with(|place| place.replace(self.local)).unwrap_or_default()
    }
}

impl Drop for FirstPoll {
    #[inline]
    fn drop(&mut self) {
        if !self.is_over {
            // The thread unwinds, and the span notices: the future may be kept and dropped later,
            // elsewhere.
            let local = self.end();
            drop(local.map(|number| SpanGuard::local_since(number, self.panics)));
            drop(self.active.take());
        }
    }
}

/// While a future is polled whose span the thread alone knows. If the poll panics the span ends.
struct Entered<'a, O> {
    timed: &'a mut Timed<O>,
    number: LocalNumber,
    panics: PanicMark,
}

impl<O> Drop for Entered<'_, O> {
    #[cold]
    fn drop(&mut self) {
        self.timed.take_off(ActiveSpan::settled(self.number, self.panics));
        // The thread unwinds, and the span notices.
        self.timed.stage = Stage::Bare;
    }
}

/// While a future is polled again. The end takes its spans off the thread's stack, also when the poll
/// panics: then its span ends as well.
struct Polling<'a> {
    stage: &'a mut Stage,
    spans: &'a mut FutureSpans,
    /// What the thread gets back.
    outside: Outside,
    has_returned: bool,
}

impl Polling<'_> {
    fn begin<'a>(stage: &'a mut Stage, spans: &'a mut FutureSpans) -> Polling<'a> {
        let outside = spans.enter();
        Polling { stage, spans, outside, has_returned: false }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.spans.leave(self.outside);
        if !self.has_returned {
            // The thread unwinds, and the span notices.
            *self.stage = Stage::Bare;
        }
    }
}

impl<O> std::fmt::Debug for Timed<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = match &self.stage {
            Stage::Open(active) => Some(&active.span),
            _ => None,
        };
        f.debug_struct("Timed").field("span", &span).finish_non_exhaustive()
    }
}
