//! What another tracing library holds active on the current thread.

use std::sync::OnceLock;

use super::{Baggage, Context, TraceState, with_current};
use crate::data::{SpanContext, SpanId};
use crate::sync::begin_epoch;

/// Asks another tracing library what is active on the current thread, so that its spans and ours are
/// one trace. For bridges: `onelogger-otel` has the one to OpenTelemetry.
///
/// The functions are called on every thread that records, whenever a span is started and whenever
/// somebody wants to know the current one. They must not panic, not wait, and call nothing of this
/// library.
#[derive(Clone, Copy, Debug)]
pub struct ForeignContext {
    /// The span that is active there. Ids that are not valid are as good as none.
    pub span: fn() -> Option<SpanContext>,
    /// The `tracestate` of that span's trace.
    pub trace_state: fn() -> TraceState,
    /// The baggage that is active there.
    pub baggage: fn() -> Baggage,
}

static FOREIGN: OnceLock<ForeignContext> = OnceLock::new();

/// Takes another tracing library into account from now on, for good: whether this was the first call.
/// A program has one such library, so later calls change nothing.
///
/// Of its active span and our current one the inner is the one that counts, in
/// [`current`](super::current()), for what is started and recorded, for what is captured and injected.
/// That is ours, as long as the span that is active there is still the one that was active when ours
/// became current. Without a call nothing but one load is spent on this.
pub fn set_foreign(foreign: ForeignContext) -> bool {
    let is_first = FOREIGN.set(foreign).is_ok();
    begin_epoch();
    is_first
}

/// The span that is active there.
#[inline]
pub(super) fn active() -> Option<SpanContext> {
    (FOREIGN.get()?.span)().filter(SpanContext::is_valid)
}

/// Asks for its id, if there is another library.
pub(super) fn asked() -> Option<fn() -> SpanId> {
    FOREIGN.get().map(|_| active_id as fn() -> SpanId)
}

/// Its id; the invalid one if there is none.
#[inline]
pub(super) fn active_id() -> SpanId {
    active().map_or(SpanId::INVALID, |span| span.span_id)
}

impl Context {
    /// As [`capture`](Context::capture), as if no other library held anything. For bridges.
    pub fn capture_own() -> Context {
        Context::captured(None)
    }

    fn captured(foreign: Option<SpanContext>) -> Context {
        let context = with_current(|current| {
            let origin = current.innermost(foreign).into_span();
            let (carried, provider) = (current.carried.clone(), current.provider.clone());
            Context { origin, carried, provider, ..Context::EMPTY }
        });
        context.unwrap_or_default()
    }

    /// What is current on this thread, with what another library holds.
    pub(super) fn current() -> Context {
        let span = active();
        let context = Context::captured(span);
        match FOREIGN.get() {
            Some(foreign) => context.with_foreign(foreign, span),
            None => context,
        }
    }

    /// The same with baggage and trace state from there.
    fn with_foreign(self, foreign: &ForeignContext, span: Option<SpanContext>) -> Context {
        let mut context = self;
        let baggage = (foreign.baggage)();
        if !baggage.is_empty() {
            context = context.with_more_baggage(&baggage);
        }
        let trace = context.origin.as_ref().map(|span| span.context().trace_id);
        match span {
            Some(span) if trace == Some(span.trace_id) => {
                context.with_trace_state(span.trace_id, foreign.trace_state)
            }
            _ => context,
        }
    }
}
