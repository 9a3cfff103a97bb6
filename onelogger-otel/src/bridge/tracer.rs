use onelogger::{InstrumentationScope, SpanBuilder, SpanParent, Timestamp, context};
use opentelemetry::Context;
use opentelemetry::trace::{self, TraceContextExt as _};

use super::{OtelSpan, active, convert, is_current};

/// Has the spans of libraries that are instrumented with OpenTelemetry recorded by the recorder in
/// force, in one trace with ours.
///
/// A span that is started without an explicit parent hangs under the inner one of OpenTelemetry's
/// active span and our current one; what is annotated and runs within an active span of
/// OpenTelemetry's hangs under that. Both go across threads and tasks with either context, and to other
/// processes with either's propagation.
///
/// A parent is explicit where it is another than the active span of OpenTelemetry's current context.
/// An empty context where that one is empty as well is none: there the span hangs under our current
/// one.
///
/// A span that a filter holds back goes by the ids of the span that it hangs under. Where nothing is
/// recorded, spans do nothing but hand on their parents.
///
/// Starting a span costs a few allocations and one look at OpenTelemetry's thread-local context.
///
/// ```
/// use onelogger::timed_span;
/// use onelogger_otel::OtelTracerProvider;
/// use opentelemetry::global;
/// use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
///
/// #[timed_span(name = "outer")]
/// fn outer() {
///     // What a library does that knows nothing of onelogger.
///     global::tracer("library").in_span("middle", |_cx| inner());
/// }
///
/// #[timed_span(name = "inner")]
/// fn inner() {}
///
/// # let capture = onelogger::testing::capture();
/// global::set_tracer_provider(OtelTracerProvider::new());
/// outer();
/// # let starts: Vec<_> = capture.finish().into_iter().filter_map(|record| match record {
/// #     onelogger::Record::Start(span) => Some(span),
/// #     _ => None,
/// # }).collect();
/// # assert_eq!(starts[1].name, "middle");
/// # assert_eq!(starts[1].parent.unwrap().span_id, starts[0].span_id);
/// # assert_eq!(starts[2].parent.unwrap().span_id, starts[1].span_id);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OtelTracerProvider {}

impl OtelTracerProvider {
    /// A provider. All are the same: the recorder is asked for when a span is started.
    pub fn new() -> OtelTracerProvider {
        active::install();
        OtelTracerProvider {}
    }
}

impl trace::TracerProvider for OtelTracerProvider {
    type Tracer = OtelTracer;

    fn tracer_with_scope(&self, scope: opentelemetry::InstrumentationScope) -> OtelTracer {
        active::install();
        OtelTracer { scope: convert::scope(&scope) }
    }
}

/// Starts spans for one instrumentation scope; see [`OtelTracerProvider`].
#[derive(Clone, Debug)]
pub struct OtelTracer {
    scope: InstrumentationScope,
}

impl trace::Tracer for OtelTracer {
    type Span = OtelSpan;

    fn build_with_context(&self, builder: trace::SpanBuilder, parent_cx: &Context) -> OtelSpan {
        let given = parent_cx.span().span_context().clone();
        let parent = match is_current(parent_cx) {
            true => SpanParent::Current,
            false if given.is_valid() => SpanParent::Remote(convert::span_context(&given)),
            false => SpanParent::Root,
        };
        let is_current = parent == SpanParent::Current;
        let unrecorded =
            |given| OtelSpan::unrecorded(if is_current { current(given) } else { given });
        let recorder = onelogger::recorder();
        if parent_cx.is_telemetry_suppressed() || !recorder.is_enabled() {
            return unrecorded(given);
        }
        let events = builder.events.unwrap_or_default();
        let links = builder.links.unwrap_or_default();
        let span = SpanBuilder {
            attributes: convert::attributes(builder.attributes.unwrap_or_default()),
            start_time: builder.start_time.map(Timestamp::from),
            parent,
            kind: convert::span_kind(builder.span_kind.as_ref()),
            links: links.into_iter().map(convert::link).collect(),
            scope: Some(self.scope.clone()),
            ..SpanBuilder::new(convert::name(builder.name))
        };
        // A refusal is counted and reported, and OpenTelemetry's interface has no place for it.
        let span = recorder.start_detached(span).unwrap_or_else(|_| onelogger::Span::disabled());
        let Some(named) = span.propagated() else {
            return unrecorded(given);
        };
        let state = match named.trace_id == convert::trace_id(given.trace_id()) {
            true => given.trace_state().clone(),
            false if is_current => convert::otel_trace_state(&context::trace_state()),
            false => trace::TraceState::NONE,
        };
        let named = convert::otel_span_context(&named, state);
        let mut span = OtelSpan::recorded(recorder, span, named, self.scope.clone());
        for event in events {
            trace::Span::add_event_with_timestamp(
                &mut span,
                event.name,
                event.timestamp,
                event.attributes,
            );
        }
        span
    }
}

/// What a span that is not recorded hands on where its parent is the current span.
fn current(active: trace::SpanContext) -> trace::SpanContext {
    match context::current() {
        Some(span) if !active.is_valid() => {
            let state = convert::otel_trace_state(&context::trace_state());
            convert::otel_span_context(&span, state)
        }
        _ => active,
    }
}
