//! Futures that are timed: from their first poll until they are ready or dropped.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::guard::{ActiveSpan, SpanArguments, SpanGuard, describe};
use crate::callsite::Callsite;
use crate::context::{self, Frame};
use crate::data::Outcome;
use crate::recorder::{Configured, SpanBuilder};
use crate::sync::{AroundPoll, Wrapped};

/// A future whose span is on the thread's stack while it is polled, and nowhere meanwhile.
pub type TimedFuture<F, O> = Wrapped<F, Timed<O>>;

/// What belongs to a future that is timed.
pub struct Timed<O> {
    stage: Stage,
    /// Spans that were open above the future's own when it was last polled.
    above: Box<[Frame]>,
    /// Looks at the result. Taken when the future is ready.
    observe: Option<O>,
}

enum Stage {
    /// Not polled yet: the future itself opens the span ([`open_in_future`]).
    New,
    /// Not polled yet, and this is the span to open.
    Prepared(Box<Prepared>),
    /// Polled; nothing if there is no span.
    Polled(Option<ActiveSpan>),
}

/// A span to be started, and what with.
struct Prepared(Arc<Configured>, SpanBuilder);

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
    Wrapped::new(future, Timed { stage: Stage::New, above: Box::default(), observe })
}

/// Opens the span of the future that is being polled. Called by the future, before its body.
pub fn open_in_future(site: &'static Callsite, arguments: SpanArguments<'_>) {
    if let Some(configured) = context::in_force() {
        replace_opened(ActiveSpan::start_with(configured, describe(site, arguments)));
    }
}

/// For a future with nothing to be seen in its result.
pub fn unobserved<R>(_result: &R, _span: &mut SpanGuard) {}

/// The span of a future that another function has made: described when that function is called, and
/// started when the future is polled.
#[derive(Default)]
pub struct PreparedSpan(Option<Box<Prepared>>);

impl PreparedSpan {
    /// None yet.
    pub const fn new() -> PreparedSpan {
        PreparedSpan(None)
    }

    /// Describes the span.
    pub fn prepare(&mut self, site: &'static Callsite, arguments: SpanArguments<'_>) {
        self.0 = context::in_force()
            .map(|configured| Box::new(Prepared(configured, describe(site, arguments))));
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
    let stage = span.0.map_or(Stage::Polled(None), Stage::Prepared);
    Wrapped::new(future, Timed { stage, above: Box::default(), observe: Some(observe) })
}

impl<F: Future, O: FnOnce(&F::Output, &mut SpanGuard)> AroundPoll<F> for Timed<O> {
    #[inline]
    fn poll(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if matches!(self.stage, Stage::Polled(None)) {
            return future.poll(cx);
        }
        let mut polling = Polling::begin(&mut self.stage, &mut self.above);
        let poll = future.poll(cx);
        polling.has_returned = true;
        drop(polling);
        if poll.is_ready() {
            // What the future has left open is open where it was called.
            context::put_back(std::mem::take(&mut self.above));
        }
        if let Poll::Ready(result) = &poll
            && let Stage::Polled(span) = &mut self.stage
            && let Some(span) = span.take()
        {
            let mut span = SpanGuard::of(Some(span));
            if let Some(observe) = self.observe.take() {
                observe(result, &mut span);
            }
        }
        poll
    }
}

/// While a future is polled. Its end takes the span off the thread's stack, also when the poll
/// panics: then the span ends, because the future may be kept and dropped later, elsewhere.
struct Polling<'a> {
    stage: &'a mut Stage,
    above: &'a mut Box<[Frame]>,
    /// What a future further out has handed to its wrapper, which has not taken it yet.
    opened_outside: Option<ActiveSpan>,
    is_first: bool,
    has_returned: bool,
}

impl Polling<'_> {
    fn begin<'a>(stage: &'a mut Stage, above: &'a mut Box<[Frame]>) -> Polling<'a> {
        let is_first = matches!(stage, Stage::New);
        let opened_outside = if is_first { replace_opened(None) } else { None };
        match std::mem::replace(stage, Stage::Polled(None)) {
            Stage::New => {}
            Stage::Prepared(prepared) => {
                let Prepared(configured, span) = *prepared;
                *stage = Stage::Polled(ActiveSpan::start_with(configured, span));
            }
            Stage::Polled(span) => {
                if let Some(span) = &span {
                    context::resume(&span.span, &span.configured, std::mem::take(above));
                }
                *stage = Stage::Polled(span);
            }
        }
        Polling { stage, above, opened_outside, is_first, has_returned: false }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if self.is_first {
            *self.stage = Stage::Polled(replace_opened(self.opened_outside.take()));
        }
        let Stage::Polled(active) = &mut *self.stage else { return };
        let Some(span) = active else { return };
        *self.above = context::suspend(&span.span).into_boxed_slice();
        if !self.has_returned {
            // The thread unwinds, and the span notices.
            *active = None;
        }
    }
}

impl<O> Drop for Timed<O> {
    /// A future that is dropped before it is ready was cancelled. (The future itself is dropped before
    /// this, so what is open in it has ended.)
    fn drop(&mut self) {
        if let Stage::Polled(Some(span)) = &mut self.stage {
            span.outcome = Outcome::Cancelled;
        }
    }
}

impl<O> std::fmt::Debug for Timed<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = match &self.stage {
            Stage::Polled(Some(span)) => Some(&span.span),
            _ => None,
        };
        f.debug_struct("Timed").field("span", &span).finish_non_exhaustive()
    }
}
