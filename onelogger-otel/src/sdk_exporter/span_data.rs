//! Records as the SDK's spans and events.

use std::time::{Duration, SystemTime};

use onelogger::exporter::{RecordRef, Run};
use onelogger::names::attribute;
use onelogger::{AttributesRef, Outcome, ScopeRef, Value, ValueRef};
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::attributes::{key_value, key_values};
use super::open_spans::OpenSpan;
use crate::exception::{LastError, exception_names, message_of};
use crate::names::{self, semantic};

/// A span, from its stop and from what was remembered of it.
pub(super) fn span(stop: &RecordRef<'_>, open: Option<OpenSpan>) -> SpanData {
    let (mut events, last_error) =
        open.map_or_else(Default::default, |open| (open.events, open.last_error));
    if !stop.event_attributes().is_empty() {
        events.push(span_event(stop, onelogger::names::event::SPAN_STOP, stop.event_attributes()));
    }
    let outcome = stop.outcome();
    let (mut name, mut is_ok) = (stop.name(), false);
    let mut attributes = Vec::with_capacity(stop.attributes().len() + 2);
    for (key, value) in stop.attributes().iter() {
        match (key, value) {
            (names::attribute::STATUS_CODE, ValueRef::String("OK")) => is_ok = true,
            (names::attribute::NEW_SPAN_NAME, ValueRef::String(text)) => name = text,
            _ => attributes.push(key_value(key, value.to_owned())),
        }
    }
    if matches!(outcome, Outcome::Panic | Outcome::Cancelled) {
        attributes.push(KeyValue::new(names::attribute::OUTCOME, outcome.as_str()));
    }
    // An application that says it itself knows better.
    let is_said = is_ok || stop.attributes().get(semantic::ERROR_TYPE).is_some();
    let error_type = last_error.as_ref().and_then(|error| error.error_type.clone());
    if let Some(error_type) = error_type.filter(|_| !is_said) {
        attributes.push(KeyValue::new(semantic::ERROR_TYPE, error_type));
    }
    let parent = stop.parent();
    let start_time = time(stop.start_time_unix_nanos());
    let mut links = SpanLinks::default();
    links.links.extend(stop.links().iter().map(link));
    let mut span_events = SpanEvents::default();
    span_events.events = events;
    SpanData {
        span_context: context((stop.trace_id(), stop.span_id())),
        parent_span_id: parent.map_or(SpanId::INVALID, |parent| span_id(parent.span_id)),
        parent_span_is_remote: parent.is_some_and(|parent| parent.is_remote),
        span_kind: kind(stop.span_kind()),
        name: name.to_owned().into(),
        start_time,
        // Not the time of the stop: a clock that was set meanwhile would change the duration.
        end_time: start_time.checked_add(stop.duration()).unwrap_or(start_time),
        attributes,
        dropped_attributes_count: 0,
        events: span_events,
        links,
        status: if is_ok { Status::Ok } else { status(outcome, last_error) },
        instrumentation_scope: scope(stop.scope()),
    }
}

/// A span of no length that stands for a record: below the span that the record belongs to, or
/// without a parent if it belongs to none.
pub(super) fn zero_length(
    record: &RecordRef<'_>,
    id: onelogger::SpanId,
    name: String,
    attributes: AttributesRef<'_>,
) -> SpanData {
    SpanData {
        parent_span_id: span_id(record.span_id()),
        attributes: key_values(attributes),
        ..instant(record, context((record.trace_id(), id)), name)
    }
}

/// An error as such a span.
pub(super) fn zero_length_error(
    error: &RecordRef<'_>,
    id: onelogger::SpanId,
    name: String,
) -> SpanData {
    let message = message_of(error.attributes()).unwrap_or_default();
    SpanData {
        attributes: exception(error.attributes()),
        status: error_status(message.to_owned()),
        ..zero_length(error, id, name, AttributesRef::default())
    }
}

/// A telemetry data error as the root of a trace of its own.
pub(super) fn data_error(
    error: &RecordRef<'_>,
    root: (onelogger::TraceId, onelogger::SpanId),
) -> SpanData {
    let message = message_of(error.attributes()).unwrap_or_default();
    let mut events = SpanEvents::default();
    events.events.push(span_event(error, error.name(), error.attributes()));
    SpanData {
        events,
        status: error_status(message.to_owned()),
        ..instant(error, context(root), format!("span_for_{}", error.name()))
    }
}

/// Whose telemetry it is, as a span of no length.
pub(super) fn opening(run: &Run, root: (onelogger::TraceId, onelogger::SpanId)) -> SpanData {
    let attributes = run.resource().iter();
    SpanData {
        attributes: attributes
            .map(|(name, value)| key_value(name.as_str(), value.clone()))
            .collect(),
        ..moment(
            time(run.started_unix_nanos()),
            context(root),
            onelogger::names::event::OPEN.to_owned(),
        )
    }
}

/// An event of a span.
pub(super) fn span_event(
    record: &RecordRef<'_>,
    name: &str,
    attributes: AttributesRef<'_>,
) -> Event {
    Event::new(name.to_owned(), time(record.time_unix_nanos()), key_values(attributes), 0)
}

/// An error as OpenTelemetry records exceptions with spans.
pub(super) fn exception_event(error: &RecordRef<'_>) -> Event {
    let time = time(error.time_unix_nanos());
    Event::new(semantic::EXCEPTION, time, exception(error.attributes()), 0)
}

/// The attribute that tells when an event happened, as the Python library writes it.
pub(super) fn timestamp_msec(record: &RecordRef<'_>) -> KeyValue {
    let millis = record.time_unix_nanos() / NANOS_PER_MILLI;
    key_value(attribute::TIMESTAMP_MSEC, Value::I64(millis as i64))
}

/// The attribute that tells how long a span took, as the Python library writes it.
pub(super) fn duration_msec(stop: &RecordRef<'_>) -> KeyValue {
    let nanos = u64::try_from(stop.duration().as_nanos()).unwrap_or(u64::MAX);
    let millis = nanos.saturating_add(NANOS_PER_MILLI / 2) / NANOS_PER_MILLI;
    key_value(attribute::DURATION_MSEC, Value::I64(millis as i64))
}

const NANOS_PER_MILLI: u64 = 1_000_000;

fn instant(record: &RecordRef<'_>, context: SpanContext, name: String) -> SpanData {
    let instrumentation_scope = scope(record.scope());
    SpanData { instrumentation_scope, ..moment(time(record.time_unix_nanos()), context, name) }
}

fn moment(time: SystemTime, span_context: SpanContext, name: String) -> SpanData {
    SpanData {
        span_context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: time,
        end_time: time,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope(None),
    }
}

fn link((context, attributes): (onelogger::SpanContext, AttributesRef<'_>)) -> Link {
    let flags = TraceFlags::new(context.trace_flags.to_u8());
    let (trace, span) = (trace_id(context.trace_id), span_id(context.span_id));
    let linked = SpanContext::new(trace, span, flags, context.is_remote, TraceState::NONE);
    Link::new(linked, key_values(attributes), 0)
}

/// What is recorded here is sampled, and not remote.
pub(super) fn context((trace, span): (onelogger::TraceId, onelogger::SpanId)) -> SpanContext {
    let (trace, span) = (trace_id(trace), span_id(span));
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn kind(kind: onelogger::SpanKind) -> SpanKind {
    match kind {
        onelogger::SpanKind::Internal => SpanKind::Internal,
        onelogger::SpanKind::Server => SpanKind::Server,
        onelogger::SpanKind::Client => SpanKind::Client,
        onelogger::SpanKind::Producer => SpanKind::Producer,
        onelogger::SpanKind::Consumer => SpanKind::Consumer,
    }
}

/// Error if the span ended by an error or a panic, or if an error was reported in it. Otherwise
/// unset: `Ok` is for applications to say.
fn status(outcome: Outcome, last_error: Option<LastError>) -> Status {
    let is_error = matches!(outcome, Outcome::Error | Outcome::Panic) || last_error.is_some();
    match is_error {
        true => error_status(last_error.map(|error| error.message).unwrap_or_default()),
        false => Status::Unset,
    }
}

fn error_status(message: String) -> Status {
    Status::Error { description: message.into() }
}

/// The attributes of an error under OpenTelemetry's names.
fn exception(error: AttributesRef<'_>) -> Vec<KeyValue> {
    let mut named = exception_names(error);
    let named = error.iter().filter_map(|(name, value)| Some((named(name, &value)?, value)));
    named.map(|(name, value)| key_value(name, value.to_owned())).collect()
}

/// The code that has made a record; this library, if it names none.
fn scope(scope: Option<ScopeRef<'_>>) -> InstrumentationScope {
    let Some(scope) = scope else {
        let ours = InstrumentationScope::builder("onelogger");
        let ours = ours.with_version(env!("CARGO_PKG_VERSION"));
        return ours.with_schema_url(semantic::SCHEMA_URL).build();
    };
    let builder = InstrumentationScope::builder(scope.name.to_owned());
    let builder = builder.with_schema_url(semantic::SCHEMA_URL);
    match scope.version {
        Some(version) => builder.with_version(version.to_owned()).build(),
        None => builder.build(),
    }
}

fn trace_id(id: onelogger::TraceId) -> TraceId {
    TraceId::from(id.to_u128())
}

fn span_id(id: onelogger::SpanId) -> SpanId {
    SpanId::from(id.to_u64())
}

fn time(unix_nanos: u64) -> SystemTime {
    let since = Duration::from_nanos(unix_nanos);
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
