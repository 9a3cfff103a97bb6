//! Futures that are timed: from their first poll until they are ready or dropped.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::guard::{ActiveSpan, SpanArguments, SpanGuard, describe};
use crate::callsite::Callsite;
use crate::context::{self, FutureSpans, Outside};
use crate::recorder::SpanBuilder;
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
    /// Polled, and this is its span.
    Open(ActiveSpan),
    /// Without a span: the callsite is off, or the span is over.
    Bare,
}

thread_local! {
    /// What a future hands to the wrapper that polls it for the first time: the span it has opened.
    static OPENED: RefCell<Option<ActiveSpan>> = const { RefCell::new(None) };
}

fn replace_opened(opened: Option<ActiveSpan>) -> Option<ActiveSpan> {
    // What the thread has no place for any more ends outside of the borrow.
    let mut opened = opened;
    let _ = OPENED.try_with(|place| {
        if let Ok(mut place) = place.try_borrow_mut() {
            std::mem::swap(&mut *place, &mut opened);
        }
    });
    opened
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
    let mut span = None;
    ActiveSpan::start(&mut span, site, arguments);
    if span.is_some() {
        replace_opened(span);
    }
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
        if let Stage::Bare = self.stage {
            return future.poll(cx);
        }
        let mut polling = Polling::begin(&mut self.stage, &mut self.spans);
        let poll = future.poll(cx);
        polling.has_returned = true;
        drop(polling);
        if let Poll::Ready(result) = &poll
            && let Stage::Open(span) = std::mem::replace(&mut self.stage, Stage::Bare)
        {
            // So that nobody but the guard holds it, and its memory is used again.
            self.spans.let_go(&span.span);
            let mut span = SpanGuard::active_span(span);
            if let Some(observe) = self.observe.take() {
                observe(result, &mut span);
            }
            span.end();
            self.spans.hand_on();
        }
        poll
    }
}

/// A future that is dropped before it is ready was cancelled. What its destructors record is in its
/// span, and what is open in it ends before it.
impl<O> Around for Timed<O> {
    fn before_drop(&mut self) {
        if let Stage::Open(_) = self.stage {
            self.spans.enter_for_drop();
        }
    }
}

impl<O> Drop for Timed<O> {
    fn drop(&mut self) {
        if let Stage::Open(span) = std::mem::replace(&mut self.stage, Stage::Bare) {
            self.spans.leave_after_drop();
            span.cancel();
        }
    }
}

/// While a future is polled. The end takes its spans off the thread's stack, also when the poll panics:
/// then its span ends as well, because the future may be kept and dropped later, elsewhere.
struct Polling<'a> {
    stage: &'a mut Stage,
    spans: &'a mut FutureSpans,
    /// What the thread gets back.
    outside: Option<Outside>,
    /// Of a first poll in which the future opens the span itself: what a future further out has
    /// handed to its wrapper, which has not taken it yet.
    opened_outside: Option<Option<ActiveSpan>>,
    has_returned: bool,
}

impl Polling<'_> {
    fn begin<'a>(stage: &'a mut Stage, spans: &'a mut FutureSpans) -> Polling<'a> {
        let mut opened_outside = None;
        // What is open stays where it is: to move it takes longer than all the rest.
        let outside = match stage {
            Stage::Open(_) | Stage::Bare => spans.enter(),
            Stage::New => {
                *stage = Stage::Bare;
                opened_outside = Some(replace_opened(None));
                spans.enter_first()
            }
            Stage::Prepared(_) => {
                let outside = spans.enter_first();
                Polling::open_prepared(stage);
                outside
            }
        };
        Polling { stage, spans, outside: Some(outside), opened_outside, has_returned: false }
    }
}

impl Polling<'_> {
    #[cold]
    fn open_prepared(stage: &mut Stage) {
        if let Stage::Prepared(span) = std::mem::replace(stage, Stage::Bare) {
            let mut span = Some(span);
            let span = context::with_in_force(|it| ActiveSpan::start_with(it, *span.take()?));
            *stage = span.flatten().map_or(Stage::Bare, Stage::Open);
        }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if let Some(outside) = self.opened_outside.take() {
            *self.stage = replace_opened(outside).map_or(Stage::Bare, Stage::Open);
        }
        if let Some(outside) = self.outside.take() {
            self.spans.leave(outside);
        }
        if !self.has_returned {
            // The thread unwinds, and the span notices.
            *self.stage = Stage::Bare;
        } else if let Stage::Bare = self.stage {
            // Without a span of its own the future keeps nothing to itself.
            self.spans.hand_on();
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
