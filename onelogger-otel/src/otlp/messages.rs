//! Records as the messages of the protocol.

use onelogger::exporter::{RecordRef, Run};
use onelogger::names::attribute;
use onelogger::{AttributesRef, Level, Outcome, SpanId, SpanKind, TraceId, ValueRef};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span, status::StatusCode};

use super::attributes::{any_value, key_value, key_values, of_value, text};
use super::open_spans::{LastError, OpenSpan};
use crate::names::{self, semantic};

/// The flags of W3C Trace Context: the trace is sampled.
const SAMPLED: u32 = 0x01;
/// It is known whether a parent or a linked span is remote, and it is.
const REMOTE_IS_KNOWN: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// A span, from its stop and from what was remembered of it.
pub(super) fn span(stop: &RecordRef<'_>, open: Option<OpenSpan>) -> Span {
    let (mut events, last_error) =
        open.map_or_else(Default::default, |open| (open.events, open.last_error));
    if !stop.event_attributes().is_empty() {
        events.push(span_event(stop, onelogger::names::event::SPAN_STOP, stop.event_attributes()));
    }
    let outcome = stop.outcome();
    let mut attributes = key_values(stop.attributes());
    if matches!(outcome, Outcome::Panic | Outcome::Cancelled) {
        attributes.push(text(names::attribute::OUTCOME, outcome.as_str()));
    }
    let error_type = last_error.as_ref().and_then(|error| error.error_type.clone());
    attributes.extend(error_type.map(|error_type| text(semantic::ERROR_TYPE, error_type)));
    let parent = stop.parent();
    let start_time_unix_nano = stop.start_time_unix_nanos();
    let duration_nanos = u64::try_from(stop.duration().as_nanos()).unwrap_or(u64::MAX);
    Span {
        trace_id: trace_id(stop.trace_id()),
        span_id: span_id(stop.span_id()),
        parent_span_id: parent.map_or_else(Vec::new, |parent| span_id(parent.span_id)),
        flags: flags(parent.is_some_and(|parent| parent.is_remote)),
        name: stop.name().to_owned(),
        kind: kind(stop.span_kind()) as i32,
        start_time_unix_nano,
        // Not the time of the stop: a clock that was set meanwhile would change the duration.
        end_time_unix_nano: start_time_unix_nano.saturating_add(duration_nanos),
        attributes,
        events,
        links: stop.links().iter().map(link).collect(),
        status: status(outcome, last_error),
        ..Span::default()
    }
}

fn link((context, attributes): (onelogger::SpanContext, AttributesRef<'_>)) -> span::Link {
    span::Link {
        trace_id: trace_id(context.trace_id),
        span_id: span_id(context.span_id),
        attributes: key_values(attributes),
        flags: u32::from(context.trace_flags.to_u8()) | remoteness(context.is_remote),
        ..span::Link::default()
    }
}

fn flags(is_remote: bool) -> u32 {
    SAMPLED | remoteness(is_remote)
}

fn remoteness(is_remote: bool) -> u32 {
    REMOTE_IS_KNOWN | if is_remote { IS_REMOTE } else { 0 }
}

fn kind(kind: SpanKind) -> span::SpanKind {
    match kind {
        SpanKind::Internal => span::SpanKind::Internal,
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
    }
}

/// Error if the span ended by an error or a panic, or if an error was reported in it. Otherwise
/// unset: `Ok` is for applications to say.
fn status(outcome: Outcome, last_error: Option<LastError>) -> Option<Status> {
    let is_error = matches!(outcome, Outcome::Error | Outcome::Panic) || last_error.is_some();
    let message = last_error.map(|error| error.message).unwrap_or_default();
    is_error.then(|| error_status(message))
}

fn error_status(message: String) -> Status {
    Status { message, code: StatusCode::Error as i32 }
}

/// An event as a log record.
pub(super) fn event_log(event: &RecordRef<'_>) -> LogRecord {
    let severity = severity(event.level());
    let attributes = key_values(event.attributes());
    log(event, event.name(), severity, None, attributes)
}

/// A start, or an addition of attributes, of a span of which nothing can be remembered.
pub(super) fn unremembered_log(record: &RecordRef<'_>, event_name: &str) -> LogRecord {
    let mut attributes = vec![text(names::attribute::SPAN_NAME, record.name())];
    attributes.extend(key_values(record.attributes()));
    attributes.extend(key_values(record.event_attributes()));
    log(record, event_name, severity(record.level()), None, attributes)
}

/// The first record of a run: which application, session and rank it belongs to.
pub(super) fn opening_log(run: &Run) -> LogRecord {
    let attributes = run.resource().iter();
    LogRecord {
        time_unix_nano: run.started_unix_nanos(),
        observed_time_unix_nano: run.started_unix_nanos(),
        severity_number: SeverityNumber::Info as i32,
        severity_text: severity_text(SeverityNumber::Info),
        attributes: attributes
            .map(|(name, value)| key_value(name.as_str(), of_value(value)))
            .collect(),
        event_name: onelogger::names::event::OPEN.to_owned(),
        ..LogRecord::default()
    }
}

/// Says that a span is open.
pub(super) fn open_span_log(id: SpanId, span: &OpenSpan) -> LogRecord {
    LogRecord {
        time_unix_nano: span.start_time_unix_nanos,
        observed_time_unix_nano: span.start_time_unix_nanos,
        severity_number: SeverityNumber::Info as i32,
        severity_text: severity_text(SeverityNumber::Info),
        attributes: vec![text(names::attribute::SPAN_NAME, &*span.name)],
        flags: SAMPLED,
        trace_id: trace_id(span.trace_id),
        span_id: span_id(id),
        event_name: names::event::SPAN_OPEN.to_owned(),
        ..LogRecord::default()
    }
}

/// An error as a log record.
pub(super) fn error_log(error: &RecordRef<'_>) -> LogRecord {
    let body = message_of(error.attributes()).map(str::to_owned);
    let attributes = exception(error.attributes());
    log(error, semantic::EXCEPTION, SeverityNumber::Error, body, attributes)
}

/// A telemetry data error as a log record; `root` is the span that shows it too.
pub(super) fn data_error_log(error: &RecordRef<'_>, root: (TraceId, SpanId)) -> LogRecord {
    let body = message_of(error.attributes()).map(str::to_owned);
    let attributes = key_values(error.attributes());
    let mut log = log(error, error.name(), SeverityNumber::Error, body, attributes);
    if !error.span_id().is_valid() {
        (log.trace_id, log.span_id) = (trace_id(root.0), span_id(root.1));
        log.flags = SAMPLED;
    }
    log
}

/// A telemetry data error as the root of a trace of its own.
pub(super) fn data_error_span(error: &RecordRef<'_>, root: (TraceId, SpanId)) -> Span {
    let message = message_of(error.attributes()).unwrap_or_default().to_owned();
    Span {
        trace_id: trace_id(root.0),
        span_id: span_id(root.1),
        attributes: key_values(error.attributes()),
        status: Some(error_status(message)),
        ..instant(error, error.name().to_owned())
    }
}

/// An event as a span without length below the span it belongs to.
pub(super) fn zero_length(record: &RecordRef<'_>, id: SpanId, name: String) -> Span {
    Span {
        trace_id: trace_id(record.trace_id()),
        span_id: span_id(id),
        parent_span_id: span_id(record.span_id()),
        attributes: key_values(record.attributes()),
        ..instant(record, name)
    }
}

/// An error as such a span.
pub(super) fn zero_length_error(error: &RecordRef<'_>, id: SpanId, name: String) -> Span {
    let message = message_of(error.attributes()).unwrap_or_default();
    Span {
        attributes: exception(error.attributes()),
        status: Some(error_status(cut(message))),
        ..zero_length(error, id, name)
    }
}

/// An event of a span.
pub(super) fn span_event(
    record: &RecordRef<'_>,
    name: &str,
    attributes: AttributesRef<'_>,
) -> span::Event {
    let (name, time_unix_nano) = (name.to_owned(), record.time_unix_nanos());
    span::Event { time_unix_nano, name, attributes: key_values(attributes), ..Default::default() }
}

/// An error as OpenTelemetry records exceptions with spans.
pub(super) fn exception_event(error: &RecordRef<'_>) -> span::Event {
    let (name, time_unix_nano) = (semantic::EXCEPTION.to_owned(), error.time_unix_nanos());
    let attributes = exception(error.attributes());
    span::Event { time_unix_nano, name, attributes, ..Default::default() }
}

/// What the status of a span says of an error in it; long texts are cut.
pub(super) fn last_error(error: &RecordRef<'_>) -> LastError {
    let error_type = error.attributes().get(attribute::EXCEPTION_TYPE).and_then(text_of);
    LastError {
        message: cut(message_of(error.attributes()).unwrap_or_default()),
        error_type: error_type.map(cut),
    }
}

/// A status is a line, not a report; the log record of the error has all of it.
const STATUS_BYTES: usize = 1024;

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(STATUS_BYTES)].to_owned()
}

fn instant(record: &RecordRef<'_>, name: String) -> Span {
    Span {
        flags: flags(false),
        name,
        kind: span::SpanKind::Internal as i32,
        start_time_unix_nano: record.time_unix_nanos(),
        end_time_unix_nano: record.time_unix_nanos(),
        ..Span::default()
    }
}

fn log(
    record: &RecordRef<'_>,
    event_name: &str,
    severity: SeverityNumber,
    body: Option<String>,
    attributes: Vec<KeyValue>,
) -> LogRecord {
    let (trace, span) = (record.trace_id(), record.span_id());
    LogRecord {
        time_unix_nano: record.time_unix_nanos(),
        // Observed when it happened: there is no one between it and us.
        observed_time_unix_nano: record.time_unix_nanos(),
        severity_number: severity as i32,
        severity_text: severity_text(severity),
        body: body.map(|body| AnyValue { value: Some(any_value::Value::StringValue(body)) }),
        attributes,
        flags: if trace.is_valid() { SAMPLED } else { 0 },
        trace_id: trace_id(trace),
        span_id: span_id(span),
        event_name: event_name.to_owned(),
        ..LogRecord::default()
    }
}

fn severity_text(severity: SeverityNumber) -> String {
    severity.as_str_name().trim_start_matches("SEVERITY_NUMBER_").to_owned()
}

fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::Error => SeverityNumber::Error,
        Level::Warn => SeverityNumber::Warn,
        Level::Info => SeverityNumber::Info,
        Level::Debug => SeverityNumber::Debug,
        Level::Trace => SeverityNumber::Trace,
    }
}

/// The attributes of an error under OpenTelemetry's names. The message stays as well, unless it is
/// all that is known: then it is the exception's.
fn exception(attributes: AttributesRef<'_>) -> Vec<KeyValue> {
    let has = |name| attributes.get(name).is_some();
    let is_message_alone = !has(attribute::EXCEPTION_TYPE) && !has(attribute::EXCEPTION_MESSAGE);
    let renamed = |name| match name {
        attribute::EXCEPTION_TYPE => semantic::EXCEPTION_TYPE,
        attribute::EXCEPTION_MESSAGE => semantic::EXCEPTION_MESSAGE,
        attribute::EXCEPTION_TRACEBACK => semantic::EXCEPTION_STACKTRACE,
        attribute::ERROR_MESSAGE if is_message_alone => semantic::EXCEPTION_MESSAGE,
        name => name,
    };
    let all = attributes.iter();
    all.map(|(name, value)| key_value(renamed(name), any_value(value))).collect()
}

fn message_of(attributes: AttributesRef<'_>) -> Option<&str> {
    attributes.get(attribute::ERROR_MESSAGE).and_then(text_of)
}

fn text_of(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::String(text) => Some(text),
        _ => None,
    }
}

/// Ids that are not valid are left out, as the protocol wants it.
fn trace_id(id: TraceId) -> Vec<u8> {
    if id.is_valid() { id.to_u128().to_be_bytes().to_vec() } else { Vec::new() }
}

fn span_id(id: SpanId) -> Vec<u8> {
    if id.is_valid() { id.to_u64().to_be_bytes().to_vec() } else { Vec::new() }
}
