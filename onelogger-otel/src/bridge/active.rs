//! Tells onelogger what is active in OpenTelemetry's context.

use std::panic::{AssertUnwindSafe, catch_unwind};

use onelogger::SpanContext;
use onelogger::context::{self, Baggage, ForeignContext, TraceState};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;

use super::convert;

/// From now on onelogger's current span takes OpenTelemetry's active one into account. Later calls do
/// nothing.
pub(super) fn install() {
    context::set_foreign(ForeignContext { span, trace_state, baggage });
}

fn span() -> Option<SpanContext> {
    with_current(|cx| cx.has_active_span().then(|| convert::span_context(cx.span().span_context())))
        .flatten()
}

fn trace_state() -> TraceState {
    with_current(|cx| convert::trace_state(cx.span().span_context().trace_state()))
        .unwrap_or_default()
}

fn baggage() -> Baggage {
    with_current(|cx| convert::baggage(cx.baggage())).unwrap_or_default()
}

/// Whether OpenTelemetry's current context says that nothing is to be recorded: an exporter does so.
pub(super) fn is_suppressed() -> bool {
    with_current(Context::is_telemetry_suppressed).unwrap_or(false)
}

/// Whether OpenTelemetry's current context of this thread is there: not where the thread is ending.
pub(crate) fn has_context() -> bool {
    with_current(|_| ()).is_some()
}

/// Looks at OpenTelemetry's current context; `None` where it cannot be looked at.
pub(super) fn with_current<R>(look: impl FnOnce(&Context) -> R) -> Option<R> {
    WITNESS.try_with(|_| ()).ok()?;
    map_current(look)
}

/// OpenTelemetry panics where the thread is ending and its context is gone, and where it is called
/// from within itself (its warnings may become log records).
fn map_current<R>(look: impl FnOnce(&Context) -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(|| Context::map_current(look))).ok()
}

/// Ends before OpenTelemetry's context of the thread does, because it begins later: while it is there,
/// so is that one. Without it every span in a destructor of a thread would be a panic that is caught,
/// with its message.
struct Witness;

impl Drop for Witness {
    /// A thread-local value without a destructor would never be gone.
    fn drop(&mut self) {}
}

thread_local! {
    static WITNESS: Witness = {
        map_current(|_| ());
        Witness
    };
}
