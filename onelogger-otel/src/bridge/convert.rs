//! The same things in OpenTelemetry's types and in ours.

use std::borrow::Cow;

use onelogger::context::{Baggage, TraceState};
use onelogger::{
    Attributes, InstrumentationScope, Link, Name, SpanContext, SpanId, SpanKind, TraceFlags,
    TraceId, Value,
};
use opentelemetry::{Array, Key, KeyValue, StringValue, trace};

pub(super) fn span_context(span: &trace::SpanContext) -> SpanContext {
    SpanContext {
        trace_id: trace_id(span.trace_id()),
        span_id: span_id(span.span_id()),
        is_remote: span.is_remote(),
        trace_flags: TraceFlags::from_u8(span.trace_flags().to_u8()),
    }
}

pub(super) fn trace_id(id: opentelemetry::TraceId) -> TraceId {
    TraceId::from_u128(u128::from_be_bytes(id.to_bytes()))
}

pub(super) fn span_id(id: opentelemetry::SpanId) -> SpanId {
    SpanId::from_u64(u64::from_be_bytes(id.to_bytes()))
}

pub(super) fn otel_span_context(
    span: &SpanContext,
    state: impl Into<Option<trace::TraceState>>,
) -> trace::SpanContext {
    trace::SpanContext::new(
        opentelemetry::TraceId::from(span.trace_id.to_u128()),
        opentelemetry::SpanId::from(span.span_id.to_u64()),
        trace::TraceFlags::new(span.trace_flags.to_u8()),
        span.is_remote,
        state.into().unwrap_or_default(),
    )
}

pub(super) fn trace_state(state: &trace::TraceState) -> TraceState {
    match state == &trace::TraceState::NONE {
        true => TraceState::new(),
        false => state.header().parse().unwrap_or_default(),
    }
}

/// OpenTelemetry's rule for keys is that of the standard's first level: it refuses some that the
/// second allows. Those are left out.
pub(super) fn otel_trace_state(state: &TraceState) -> trace::TraceState {
    let is_allowed =
        |&(key, value): &(&str, &str)| trace::TraceState::from_key_value([(key, value)]).is_ok();
    trace::TraceState::from_key_value(state.iter().filter(is_allowed)).unwrap_or_default()
}

/// What the standard does not allow is left out.
pub(super) fn baggage(baggage: &opentelemetry::baggage::Baggage) -> Baggage {
    let mut members: Vec<_> = baggage.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    let mut all = Baggage::new();
    for (key, (value, metadata)) in members {
        let is_set = !metadata.as_str().is_empty()
            && all.set_with_metadata(key.as_str(), value.as_str(), metadata.as_str()).is_ok();
        if !is_set {
            let _ = all.set(key.as_str(), value.as_str());
        }
    }
    all
}

pub(super) fn otel_baggage(baggage: &Baggage) -> opentelemetry::baggage::Baggage {
    let mut all = opentelemetry::baggage::Baggage::new();
    for (key, value) in baggage.iter() {
        let metadata = baggage.metadata(key).unwrap_or_default();
        all.insert_with_metadata(key.to_owned(), value.to_owned(), metadata);
    }
    all
}

pub(super) fn scope(scope: &opentelemetry::InstrumentationScope) -> InstrumentationScope {
    let known = InstrumentationScope::new(scope.name().to_owned());
    match scope.version() {
        Some(version) => known.with_version(version.to_owned()),
        None => known,
    }
}

pub(super) fn span_kind(kind: Option<&trace::SpanKind>) -> SpanKind {
    match kind {
        Some(trace::SpanKind::Client) => SpanKind::Client,
        Some(trace::SpanKind::Server) => SpanKind::Server,
        Some(trace::SpanKind::Producer) => SpanKind::Producer,
        Some(trace::SpanKind::Consumer) => SpanKind::Consumer,
        Some(trace::SpanKind::Internal) | None => SpanKind::Internal,
    }
}

pub(super) fn link(link: trace::Link) -> Link {
    let context = span_context(&link.span_context);
    // Other bits have no meaning outside of this process.
    let known = TraceFlags::SAMPLED.with(TraceFlags::RANDOM).to_u8();
    let trace_flags = TraceFlags::from_u8(context.trace_flags.to_u8() & known);
    let context = SpanContext { trace_flags, ..context };
    Link { context, attributes: attributes(link.attributes) }
}

pub(super) fn name(name: Cow<'static, str>) -> Name {
    match name {
        Cow::Borrowed(name) => Name::from_static(name),
        Cow::Owned(name) => Name::from(name),
    }
}

pub(super) fn attributes(attributes: impl IntoIterator<Item = KeyValue>) -> Attributes {
    let mut all = Attributes::new();
    for attribute in attributes {
        all.set(key(attribute.key), value(attribute.value));
    }
    all
}

pub(super) fn key(key: Key) -> Name {
    Name::from(String::from(key))
}

pub(super) fn value(value: opentelemetry::Value) -> Value {
    use opentelemetry::Value as Given;
    match value {
        Given::Bool(value) => Value::from(value),
        Given::I64(value) => Value::from(value),
        Given::F64(value) => Value::from(value),
        Given::String(text) => Value::from(String::from(text)),
        Given::Array(Array::Bool(list)) => Value::from(list),
        Given::Array(Array::I64(list)) => Value::from(list),
        Given::Array(Array::F64(list)) => Value::from(list),
        Given::Array(Array::String(list)) => Value::from(texts(list)),
        // A kind that came later is shown as its text.
        other => Value::from(other.to_string()),
    }
}

fn texts(list: Vec<StringValue>) -> Vec<String> {
    list.into_iter().map(String::from).collect()
}
