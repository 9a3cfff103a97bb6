use onelogger::context::{Context, extractor, injector};
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt as _;

use super::{active, context_of, convert};

/// OpenTelemetry's propagator over onelogger's propagation: W3C trace context and baggage.
///
/// What is injected is the inner span of both worlds ([`context_of`](crate::context_of)) and the
/// baggage of both. What is extracted into an OpenTelemetry context and attached is the remote parent
/// of annotated functions as well. The limits and the strictness are those of
/// [`onelogger::context`]: a malformed field changes nothing.
///
/// ```
/// use std::collections::HashMap;
/// use onelogger_otel::OtelPropagator;
/// use opentelemetry::{Context, global};
/// # let capture = onelogger::testing::capture();
/// global::set_text_map_propagator(OtelPropagator::new());
/// let _request = onelogger::span!("request");
/// let mut headers = HashMap::new();
/// global::get_text_map_propagator(|it| it.inject_context(&Context::current(), &mut headers));
/// assert!(headers.contains_key("traceparent"));
/// ```
#[derive(Clone, Debug)]
pub struct OtelPropagator {
    fields: Vec<String>,
}

const TRACE_CONTEXT: [&str; 2] = ["traceparent", "tracestate"];
const BAGGAGE: [&str; 1] = ["baggage"];

impl OtelPropagator {
    /// Trace context and baggage.
    pub fn new() -> OtelPropagator {
        OtelPropagator::of(&[&TRACE_CONTEXT[..], &BAGGAGE[..]].concat())
    }

    /// Trace context only: what `OTEL_PROPAGATORS` calls `tracecontext`.
    pub fn trace_context() -> OtelPropagator {
        OtelPropagator::of(&TRACE_CONTEXT)
    }

    /// Baggage only.
    pub fn baggage() -> OtelPropagator {
        OtelPropagator::of(&BAGGAGE)
    }

    fn of(fields: &[&str]) -> OtelPropagator {
        active::install();
        OtelPropagator { fields: fields.iter().map(|&field| field.to_owned()).collect() }
    }

    fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|own| own == field)
    }
}

impl Default for OtelPropagator {
    fn default() -> OtelPropagator {
        OtelPropagator::new()
    }
}

impl TextMapPropagator for OtelPropagator {
    fn inject_context(&self, cx: &opentelemetry::Context, carrier: &mut dyn Injector) {
        context_of(cx).inject(&mut injector(|field, value| {
            if self.has(field) {
                carrier.set(field, value);
            }
        }));
    }

    fn extract_with_context(
        &self,
        cx: &opentelemetry::Context,
        carrier: &dyn Extractor,
    ) -> opentelemetry::Context {
        let values = |field: &str| match self.has(field) {
            true => carrier.get_all(field).unwrap_or_default(),
            false => Vec::new(),
        };
        let found = Context::empty().with_extracted(&extractor(values));
        let mut cx = cx.clone();
        if let Some(parent) = found.remote_parent() {
            let state = convert::otel_trace_state(&found.trace_state());
            cx = cx.with_remote_span_context(convert::otel_span_context(&parent, state));
        }
        let baggage = found.baggage();
        if !baggage.is_empty() {
            cx = cx.with_baggage(convert::otel_baggage(&baggage));
        }
        cx
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}
