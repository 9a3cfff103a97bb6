//! Other libraries' OpenTelemetry telemetry joins ours: spans, log records, and what goes to other
//! processes.
//!
//! What is recorded goes to the recorder in force ([`onelogger::recorder()`]), so nothing here knows an
//! exporter. The two libraries keep their own account of the current span; `active` tells ours what
//! OpenTelemetry's is, and ours decides which is the inner one. So nothing is kept twice, and nothing
//! is shared between threads.

mod active;
mod any_value;
mod clock;
mod convert;
mod log_record;
mod logger;
mod propagator;
mod span;
mod tracer;

pub(crate) use active::has_context;
pub use log_record::OtelLogRecord;
pub use logger::{OtelLogger, OtelLoggerProvider};
pub use propagator::OtelPropagator;
pub use span::OtelSpan;
pub use tracer::{OtelTracer, OtelTracerProvider};

use onelogger::context::{self, Context};
use onelogger::{Span, SpanContext};
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::TraceContextExt as _;

/// What an OpenTelemetry context is as one of ours: with its span, the state of its trace and its
/// baggage, and the provider in force.
///
/// Where its active span is that of OpenTelemetry's current context, the span is the inner one of
/// both worlds: it may be an annotated function. Our baggage is added to that of the context, which
/// comes first.
///
/// ```
/// use onelogger::context::FutureExt as _;
/// # async fn work() {}
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// let cx = opentelemetry::Context::current();
/// spawn(work().with_context(onelogger_otel::context_of(&cx)));
/// ```
pub fn context_of(cx: &opentelemetry::Context) -> Context {
    active::install();
    let own_baggage = Context::capture_own().baggage();
    let context = if is_current(cx) { Context::capture() } else { explicit_context(cx) };
    context.with_baggage(convert::baggage(cx.baggage())).with_more_baggage(&own_baggage)
}

/// OpenTelemetry's current context, with the inner span of both worlds and the baggage of both: for
/// code that knows OpenTelemetry only, to be attached where it runs.
///
/// ```
/// use opentelemetry::Context;
/// use onelogger::timed_span;
///
/// #[timed_span(name = "outer")]
/// fn outer() {
///     let cx = onelogger_otel::current_context();
///     let thread = std::thread::Builder::new().spawn(move || {
///         let _attached = cx.attach();
///         // A span that another library starts here hangs under `outer`.
///     });
/// #   thread.unwrap().join().unwrap();
/// }
/// # outer();
/// ```
pub fn current_context() -> opentelemetry::Context {
    active::install();
    let mut cx = opentelemetry::Context::current();
    let propagated = context::current_span().and_then(|span| span.propagated());
    let span = propagated.or_else(context::current);
    let active = cx.span().span_context().clone();
    if let Some(span) =
        span.filter(|span| !is_same(&active, &convert::otel_span_context(span, None)))
    {
        let state = convert::otel_trace_state(&context::trace_state());
        cx = cx.with_remote_span_context(convert::otel_span_context(&span, state));
    }
    let own_baggage = Context::capture_own().baggage();
    if own_baggage.is_empty() {
        return cx;
    }
    let baggage = Context::empty().with_baggage(convert::baggage(cx.baggage()));
    cx.with_baggage(convert::otel_baggage(&baggage.with_more_baggage(&own_baggage).baggage()))
}

/// A context of ours that has what this one has, and nothing that is current here.
fn explicit_context(cx: &opentelemetry::Context) -> Context {
    let nothing: [(&str, &str); 0] = [];
    // Keeps the provider that is in force.
    let context = Context::extract(&nothing);
    let active = cx.span();
    let active = active.span_context();
    let span = convert::span_context(active);
    let state = || convert::trace_state(active.trace_state());
    match span {
        SpanContext { is_remote: true, .. } => context.with_remote_parent(span, state()),
        _ => {
            let context = context.with_trace_state(span.trace_id, state);
            context.with_span(&Span::from_context(span))
        }
    }
}

/// Whether the context has the same active span as OpenTelemetry's current one, or none like that one.
fn is_current(cx: &opentelemetry::Context) -> bool {
    let given = cx.span();
    active::with_current(|current| is_same(given.span_context(), current.span().span_context()))
        .unwrap_or(false)
}

fn is_same(
    one: &opentelemetry::trace::SpanContext,
    other: &opentelemetry::trace::SpanContext,
) -> bool {
    one.span_id() == other.span_id() && one.trace_id() == other.trace_id()
}
