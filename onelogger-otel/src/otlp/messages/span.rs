//! Spans and what is within them.

use onelogger::exporter::RecordRef;
use onelogger::{AttributesRef, Outcome, SpanContext, SpanId, SpanKind, TraceId, ValueRef};

use super::{SAMPLED, span_id, trace_id};
use crate::exception::{LastError, exception_names, status_message};
use crate::names::{attribute, semantic};
use crate::otlp::attributes::{as_named, attribute as put, attributes};
use crate::otlp::limits::{AttributeLimits, SpanLimits};
use crate::otlp::wire;

/// The fields of `Span`.
mod field {
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const PARENT_SPAN_ID: u32 = 4;
    pub(super) const NAME: u32 = 5;
    pub(super) const KIND: u32 = 6;
    pub(super) const START_TIME: u32 = 7;
    pub(super) const END_TIME: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
    pub(super) const DROPPED_ATTRIBUTES_COUNT: u32 = 10;
    pub(super) const EVENTS: u32 = 11;
    pub(super) const DROPPED_EVENTS_COUNT: u32 = 12;
    pub(super) const LINKS: u32 = 13;
    pub(super) const DROPPED_LINKS_COUNT: u32 = 14;
    pub(super) const STATUS: u32 = 15;
    pub(super) const FLAGS: u32 = 16;
}

/// The fields of `Span.Event`.
mod event_field {
    pub(super) const TIME: u32 = 1;
    pub(super) const NAME: u32 = 2;
    pub(super) const ATTRIBUTES: u32 = 3;
    pub(super) const DROPPED_ATTRIBUTES_COUNT: u32 = 4;
}

/// The fields of `Span.Link`.
mod link_field {
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const ATTRIBUTES: u32 = 4;
    pub(super) const DROPPED_ATTRIBUTES_COUNT: u32 = 5;
    pub(super) const FLAGS: u32 = 6;
}

/// The fields of `Status`, and its codes.
mod status_field {
    pub(super) const MESSAGE: u32 = 2;
    pub(super) const CODE: u32 = 3;
    pub(super) const OK: u64 = 1;
    pub(super) const ERROR: u64 = 2;
}

/// It is known whether a parent or a linked span is remote, and it is.
const REMOTE_IS_KNOWN: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// What was remembered of a span until its stop.
#[derive(Clone, Copy, Default)]
pub(in crate::otlp) struct Remembered<'a> {
    /// As [`span_event`] has written them.
    pub(in crate::otlp) events: &'a [u8],
    pub(in crate::otlp) event_count: usize,
    /// Events that the span has no place for.
    pub(in crate::otlp) dropped_event_count: usize,
    pub(in crate::otlp) last_error: Option<&'a LastError>,
}

/// A span, from its stop and from what was remembered of it. Returns whether it has a place for the
/// event of its stop, if there is one.
pub(in crate::otlp) fn span(
    out: &mut Vec<u8>,
    stop: &RecordRef<'_>,
    remembered: Remembered<'_>,
    limits: &SpanLimits,
) -> bool {
    let parent = stop.parent();
    trace_id(out, field::TRACE_ID, stop.trace_id());
    span_id(out, field::SPAN_ID, stop.span_id());
    if let Some(parent) = parent {
        span_id(out, field::PARENT_SPAN_ID, parent.span_id);
    }
    let is_remote = parent.is_some_and(|parent| parent.is_remote);
    wire::fixed32(out, field::FLAGS, SAMPLED | remoteness(is_remote));
    wire::uint(out, field::KIND, kind(stop.span_kind()));
    let start = stop.start_time_unix_nanos();
    let duration_nanos = u64::try_from(stop.duration().as_nanos()).unwrap_or(u64::MAX);
    // Not the time of the stop: a clock that was set meanwhile would change the duration.
    times(out, start, start.saturating_add(duration_nanos));

    let mut said = Said::default();
    let named = |name, value: &_| if said.takes(name, value) { None } else { Some(name) };
    let dropped = attributes(out, field::ATTRIBUTES, stop.attributes(), limits.of_span(), named);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    let outcome = stop.outcome();
    if matches!(outcome, Outcome::Panic | Outcome::Cancelled) {
        own_attribute(out, attribute::OUTCOME, outcome.as_str());
    }
    wire::text(out, field::NAME, &[said.name.unwrap_or_else(|| stop.name())]);

    let has_place = events(out, stop, remembered, limits);
    links(out, stop, limits);
    if said.is_ok {
        status(out, status_field::OK, "");
    } else if let Some(error) = remembered.last_error {
        // An application that says it itself knows better.
        let is_said = stop.attributes().get(semantic::ERROR_TYPE).is_some();
        if let Some(error_type) = error.error_type.as_ref().filter(|_| !is_said) {
            own_attribute(out, semantic::ERROR_TYPE, error_type);
        }
        status(out, status_field::ERROR, &error.message);
    } else if matches!(outcome, Outcome::Error | Outcome::Panic) {
        status(out, status_field::ERROR, "");
    }
    has_place
}

/// What attributes of a span say of the span itself.
#[derive(Default)]
struct Said<'a> {
    name: Option<&'a str>,
    is_ok: bool,
}

impl<'a> Said<'a> {
    /// Whether an attribute is such a one, and is not sent as an attribute.
    #[inline]
    fn takes(&mut self, name: &str, value: &ValueRef<'a>) -> bool {
        match name {
            attribute::STATUS_CODE if matches!(value, ValueRef::String("OK")) => self.is_ok = true,
            attribute::NEW_SPAN_NAME => {
                let ValueRef::String(name) = value else {
                    return false;
                };
                self.name = Some(name);
            }
            _ => return false,
        }
        true
    }
}

/// The name that attributes give their span.
pub(in crate::otlp) fn new_name(attributes: AttributesRef<'_>) -> Option<&str> {
    let mut said = Said::default();
    for (name, value) in attributes.iter() {
        said.takes(name, &value);
    }
    said.name
}

fn events(
    out: &mut Vec<u8>,
    stop: &RecordRef<'_>,
    remembered: Remembered<'_>,
    limits: &SpanLimits,
) -> bool {
    out.extend_from_slice(remembered.events);
    let mut dropped = remembered.dropped_event_count;
    let attributes = stop.event_attributes();
    let has_place = attributes.is_empty() || remembered.event_count < limits.event_count;
    if !attributes.is_empty() && has_place {
        span_event(out, stop, onelogger::names::event::SPAN_STOP, attributes, limits);
    }
    dropped += usize::from(!has_place);
    wire::uint(out, field::DROPPED_EVENTS_COUNT, dropped as u64);
    has_place
}

fn links(out: &mut Vec<u8>, stop: &RecordRef<'_>, limits: &SpanLimits) {
    let all = stop.links();
    for (context, attributes) in all.iter().take(limits.link_count) {
        link(out, context, attributes, limits.of_link());
    }
    let dropped = all.len().saturating_sub(limits.link_count);
    wire::uint(out, field::DROPPED_LINKS_COUNT, dropped as u64);
}

fn link(out: &mut Vec<u8>, context: SpanContext, all: AttributesRef<'_>, limits: AttributeLimits) {
    wire::message(out, field::LINKS, |out| {
        trace_id(out, link_field::TRACE_ID, context.trace_id);
        span_id(out, link_field::SPAN_ID, context.span_id);
        let dropped = attributes(out, link_field::ATTRIBUTES, all, limits, as_named);
        wire::uint(out, link_field::DROPPED_ATTRIBUTES_COUNT, dropped);
        let flags = u32::from(context.trace_flags.to_u8()) | remoteness(context.is_remote);
        wire::fixed32(out, link_field::FLAGS, flags);
    });
}

fn remoteness(is_remote: bool) -> u32 {
    REMOTE_IS_KNOWN | if is_remote { IS_REMOTE } else { 0 }
}

fn kind(kind: SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

#[inline]
fn times(out: &mut Vec<u8>, start: u64, end: u64) {
    wire::fixed64(out, field::START_TIME, start);
    wire::fixed64(out, field::END_TIME, end);
}

fn own_attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, field::ATTRIBUTES, name, &ValueRef::String(value), None);
}

fn status(out: &mut Vec<u8>, code: u64, message: &str) {
    wire::message(out, field::STATUS, |out| {
        wire::text(out, status_field::MESSAGE, &[message]);
        wire::uint(out, status_field::CODE, code);
    });
}

/// An event of a span, as a field of it.
pub(in crate::otlp) fn span_event(
    out: &mut Vec<u8>,
    record: &RecordRef<'_>,
    name: &str,
    all: AttributesRef<'_>,
    limits: &SpanLimits,
) {
    event(out, record, name, |out| {
        attributes(out, event_field::ATTRIBUTES, all, limits.of_event(), as_named)
    });
}

/// An error as OpenTelemetry records exceptions with spans.
pub(in crate::otlp) fn exception_event(
    out: &mut Vec<u8>,
    error: &RecordRef<'_>,
    limits: &SpanLimits,
) {
    let all = error.attributes();
    event(out, error, semantic::EXCEPTION, |out| {
        attributes(out, event_field::ATTRIBUTES, all, limits.of_event(), exception_names(all))
    });
}

/// `attributes` writes them and says how many are left out.
fn event(
    out: &mut Vec<u8>,
    record: &RecordRef<'_>,
    name: &str,
    attributes: impl FnOnce(&mut Vec<u8>) -> u64,
) {
    wire::message(out, field::EVENTS, |out| {
        wire::fixed64(out, event_field::TIME, record.time_unix_nanos());
        wire::text(out, event_field::NAME, &[name]);
        let dropped = attributes(out);
        wire::uint(out, event_field::DROPPED_ATTRIBUTES_COUNT, dropped);
    });
}

/// A telemetry data error as the root of a trace of its own.
pub(in crate::otlp) fn data_error_span(
    out: &mut Vec<u8>,
    error: &RecordRef<'_>,
    (trace, id): (TraceId, SpanId),
) {
    lone_span(out, (trace, id), &[error.name()], error.time_unix_nanos());
    let all = error.attributes();
    attributes(out, field::ATTRIBUTES, all, AttributeLimits::NONE, as_named);
    status(out, status_field::ERROR, status_message(error.attributes()));
}

/// An event as a span without length below the span it belongs to. The name comes in parts.
pub(in crate::otlp) fn zero_length(
    out: &mut Vec<u8>,
    event: &RecordRef<'_>,
    id: SpanId,
    name: &[&str],
    limits: &SpanLimits,
) {
    child(out, event, id, name);
    let all = event.attributes();
    let dropped = attributes(out, field::ATTRIBUTES, all, limits.of_span(), as_named);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
}

/// An error as such a span.
pub(in crate::otlp) fn zero_length_error(
    out: &mut Vec<u8>,
    error: &RecordRef<'_>,
    id: SpanId,
    name: &[&str],
    limits: &SpanLimits,
) {
    child(out, error, id, name);
    let all = error.attributes();
    let named = exception_names(all);
    let dropped = attributes(out, field::ATTRIBUTES, all, limits.of_span(), named);
    wire::uint(out, field::DROPPED_ATTRIBUTES_COUNT, dropped);
    status(out, status_field::ERROR, status_message(error.attributes()));
}

fn child(out: &mut Vec<u8>, record: &RecordRef<'_>, id: SpanId, name: &[&str]) {
    lone_span(out, (record.trace_id(), id), name, record.time_unix_nanos());
    span_id(out, field::PARENT_SPAN_ID, record.span_id());
}

/// A span without length and parent. The name comes in parts.
pub(in crate::otlp) fn lone_span(
    out: &mut Vec<u8>,
    (trace, id): (TraceId, SpanId),
    name: &[&str],
    time_unix_nanos: u64,
) {
    trace_id(out, field::TRACE_ID, trace);
    span_id(out, field::SPAN_ID, id);
    wire::text(out, field::NAME, name);
    wire::uint(out, field::KIND, kind(SpanKind::Internal));
    wire::fixed32(out, field::FLAGS, SAMPLED | remoteness(false));
    times(out, time_unix_nanos, time_unix_nanos);
}
