//! Log records.

use onelogger::exporter::RecordRef;
use onelogger::{Attributes, AttributesRef, Level, SpanId, TraceId, ValueRef};

use super::{SAMPLED, span_id, trace_id};
use crate::exception::{exception_names, message_of};
use crate::names::{attribute, event, semantic};
use crate::otlp::attributes::{all_attributes, any_value, as_named, attribute as put, attributes};
use crate::otlp::limits::{AttributeLimits, LogLimits};
use crate::otlp::open_spans::OpenSpan;
use crate::otlp::wire;

/// The fields of `LogRecord`.
mod field {
    pub(super) const TIME: u32 = 1;
    pub(super) const SEVERITY_NUMBER: u32 = 2;
    pub(super) const SEVERITY_TEXT: u32 = 3;
    pub(super) const BODY: u32 = 5;
    pub(super) const ATTRIBUTES: u32 = 6;
    pub(super) const DROPPED_ATTRIBUTES_COUNT: u32 = 7;
    pub(super) const FLAGS: u32 = 8;
    pub(super) const TRACE_ID: u32 = 9;
    pub(super) const SPAN_ID: u32 = 10;
    pub(super) const OBSERVED_TIME: u32 = 11;
    pub(super) const EVENT_NAME: u32 = 12;
}

/// A number of OpenTelemetry, 1 to 24, and a text.
#[derive(Clone, Copy)]
struct Severity<'a> {
    number: u64,
    text: &'a str,
}

impl Severity<'_> {
    const INFO: Severity<'static> = Severity { number: 9, text: "INFO" };
    const ERROR: Severity<'static> = Severity { number: 17, text: "ERROR" };

    fn of(level: Level) -> Severity<'static> {
        match level {
            Level::Error => Severity::ERROR,
            Level::Warn => Severity { number: 13, text: "WARN" },
            Level::Info => Severity::INFO,
            Level::Debug => Severity { number: 5, text: "DEBUG" },
            Level::Trace => Severity { number: 1, text: "TRACE" },
        }
    }
}

/// An event as a log record.
pub(in crate::otlp) fn event_log(out: &mut Vec<u8>, event: &RecordRef<'_>, limits: &LogLimits) {
    about(out, event);
    let mut said = Said { severity: Severity::of(event.level()), body: None, is_log_record: false };
    let named = |name, value: &_| if said.takes(name, value) { None } else { Some(name) };
    let all = event.attributes();
    let dropped = attributes(out, field::ATTRIBUTES, all, limits_of(event, limits), named);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    if let Some(body) = said.body {
        any_value(out, field::BODY, &body);
    }
    let is_nameless = said.is_log_record && event.name() == event::LOG;
    head(out, if is_nameless { "" } else { event.name() }, said.severity);
}

/// What attributes of an event say of the log record that it becomes.
struct Said<'a> {
    severity: Severity<'a>,
    body: Option<ValueRef<'a>>,
    is_log_record: bool,
}

impl<'a> Said<'a> {
    /// Whether an attribute is such a one, and is not sent as an attribute.
    #[inline]
    fn takes(&mut self, name: &str, value: &ValueRef<'a>) -> bool {
        if !name.starts_with(attribute::LOG_PREFIX) {
            return false;
        }
        match (name, *value) {
            (attribute::LOG_BODY, body) => self.body = Some(body),
            (attribute::LOG_SEVERITY_NUMBER, ValueRef::I64(number @ 1..=24)) => {
                self.severity.number = number.unsigned_abs();
            }
            (attribute::LOG_SEVERITY_TEXT, ValueRef::String(text)) => self.severity.text = text,
            _ => return false,
        }
        self.is_log_record = true;
        true
    }
}

/// Whether an event is a log record that came from elsewhere, and is to be one again.
pub(in crate::otlp) fn is_log_record(event: &RecordRef<'_>) -> bool {
    event.attributes().iter().any(|(name, _)| name.starts_with(attribute::LOG_PREFIX))
}

/// The event of a stop, for which its span has no place.
pub(in crate::otlp) fn stop_event_log(out: &mut Vec<u8>, stop: &RecordRef<'_>, limits: &LogLimits) {
    about(out, stop);
    let all = stop.event_attributes();
    let dropped = attributes(out, field::ATTRIBUTES, all, limits_of(stop, limits), as_named);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    head(out, onelogger::names::event::SPAN_STOP, Severity::of(stop.level()));
}

/// A start, or an addition of attributes, of a span of which nothing can be remembered.
pub(in crate::otlp) fn unremembered_log(
    out: &mut Vec<u8>,
    record: &RecordRef<'_>,
    event_name: &str,
    limits: &LogLimits,
) {
    about(out, record);
    own_attribute(out, attribute::SPAN_NAME, record.name());
    let (all, limits) = (record.attributes(), limits_of(record, limits));
    let mut dropped = attributes(out, field::ATTRIBUTES, all, limits, as_named);
    // No name stands there twice; of an addition all the attributes were there before.
    let further = |name, _: &_| all.get(name).is_none().then_some(name);
    let rest = AttributeLimits { count: limits.count.saturating_sub(all.len()), ..limits };
    dropped += attributes(out, field::ATTRIBUTES, record.event_attributes(), rest, further);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    head(out, event_name, Severity::of(record.level()));
}

/// The first record of a run: which application, session and rank it belongs to.
pub(in crate::otlp) fn opening_log(out: &mut Vec<u8>, time_unix_nanos: u64, resource: &Attributes) {
    lone_log(out, onelogger::names::event::OPEN, time_unix_nanos);
    all_attributes(out, field::ATTRIBUTES, resource);
}

/// A log record that belongs to no span.
pub(in crate::otlp) fn lone_log(out: &mut Vec<u8>, event_name: &str, time_unix_nanos: u64) {
    origin(out, time_unix_nanos, (TraceId::INVALID, SpanId::INVALID));
    head(out, event_name, Severity::INFO);
}

/// Says that a span is open.
pub(in crate::otlp) fn open_span_log(out: &mut Vec<u8>, span: &OpenSpan) {
    origin(out, span.start_time_unix_nanos, (span.trace_id, span.id));
    own_attribute(out, attribute::SPAN_NAME, &span.name);
    head(out, event::SPAN_OPEN, Severity::INFO);
}

/// An error as a log record.
pub(in crate::otlp) fn error_log(out: &mut Vec<u8>, error: &RecordRef<'_>, limits: &LogLimits) {
    about(out, error);
    body_of(out, error.attributes());
    let (all, limits) = (error.attributes(), limits_of(error, limits));
    let dropped = attributes(out, field::ATTRIBUTES, all, limits, exception_names(all));
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    head(out, semantic::EXCEPTION, Severity::ERROR);
}

/// A telemetry data error as a log record; `root` is the span that shows it too.
pub(in crate::otlp) fn data_error_log(
    out: &mut Vec<u8>,
    error: &RecordRef<'_>,
    root: (TraceId, SpanId),
) {
    let is_of_span = error.span_id().is_valid();
    let ids = if is_of_span { (error.trace_id(), error.span_id()) } else { root };
    origin(out, error.time_unix_nanos(), ids);
    body_of(out, error.attributes());
    let all = error.attributes();
    attributes(out, field::ATTRIBUTES, all, AttributeLimits::NONE, as_named);
    head(out, error.name(), Severity::ERROR);
}

/// The library's own records are always whole.
fn limits_of(record: &RecordRef<'_>, limits: &LogLimits) -> AttributeLimits {
    if record.is_own() { AttributeLimits::NONE } else { limits.of_log() }
}

fn own_attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, field::ATTRIBUTES, name, &ValueRef::String(value), None);
}

fn body_of(out: &mut Vec<u8>, error: AttributesRef<'_>) {
    if let Some(message) = message_of(error) {
        any_value(out, field::BODY, &ValueRef::String(message));
    }
}

/// When and in which span a record was made.
fn about(out: &mut Vec<u8>, record: &RecordRef<'_>) {
    origin(out, record.time_unix_nanos(), (record.trace_id(), record.span_id()));
}

fn origin(out: &mut Vec<u8>, time_unix_nanos: u64, (trace, span): (TraceId, SpanId)) {
    wire::fixed64(out, field::TIME, time_unix_nanos);
    // Observed when it happened: there is no one between it and us.
    wire::fixed64(out, field::OBSERVED_TIME, time_unix_nanos);
    trace_id(out, field::TRACE_ID, trace);
    span_id(out, field::SPAN_ID, span);
    wire::fixed32(out, field::FLAGS, if trace.is_valid() { SAMPLED } else { 0 });
}

fn head(out: &mut Vec<u8>, event_name: &str, severity: Severity<'_>) {
    wire::text(out, field::EVENT_NAME, &[event_name]);
    wire::uint(out, field::SEVERITY_NUMBER, severity.number);
    wire::text(out, field::SEVERITY_TEXT, &[severity.text]);
}
