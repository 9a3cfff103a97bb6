//! A record as a line of JSON, in the form of the Python library's file exporter.

use std::fmt::{self, Display};

use super::json::{put_attributes, put_display, put_field, put_quoted, put_text};
use super::{RecordKind, RecordRef, Run};
use crate::data::names::{attribute, event};
use crate::data::{AttributesRef, Level, Outcome, Parent, SpanId, SpanKind};

/// What every line of a run needs.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// `None` before the exporter is opened; then spans are named by their span ids.
    pub(super) run: Option<&'a Run>,
    pub(super) pid: u32,
}

/// A start whose line is written when it is known what follows. Its memory is used again.
#[derive(Default)]
pub(super) struct HeldStart {
    pub(super) span: SpanId,
    /// Id and name.
    identity: Vec<u8>,
    /// The attributes, as an object; empty if there are none.
    attributes: Vec<u8>,
    /// The start event.
    event: Vec<u8>,
    /// What stands after the process id.
    tail: Vec<u8>,
}

impl HeldStart {
    /// Takes the attributes that the span has by now.
    pub(super) fn update(&mut self, record: &RecordRef<'_>) {
        put_object(&mut self.attributes, record.attributes());
    }
}

impl Form<'_> {
    /// Holds a start, in the memory of one that is written.
    pub(super) fn hold(self, record: &RecordRef<'_>, mut held: HeldStart) -> HeldStart {
        let HeldStart { span, identity, attributes, event, tail } = &mut held;
        [&mut *identity, event, tail].into_iter().for_each(Vec::clear);
        *span = record.span_id();
        self.put_identity(identity, record);
        let time = record.time_unix_nanos();
        put_event_object(event, event::SPAN_START, record.event_attributes(), time);
        self.put_place(tail, record, time);
        put_span_details(tail, record);
        put_object(attributes, record.attributes());
        held
    }

    pub(super) fn put_start(self, out: &mut Vec<u8>, start: &HeldStart, count: u64) {
        out.extend_from_slice(b"{\"type\":\"start\"");
        out.extend_from_slice(&start.identity);
        if !start.attributes.is_empty() {
            out.extend_from_slice(b",\"attributes\":");
            out.extend_from_slice(&start.attributes);
        }
        out.extend_from_slice(b",\"start_event\":");
        out.extend_from_slice(&start.event);
        self.put_numbers(out, count);
        out.extend_from_slice(&start.tail);
        out.extend_from_slice(b"}\n");
    }

    /// A stop; with its start, if that was held, a `complete` line.
    pub(super) fn put_stop(
        self,
        out: &mut Vec<u8>,
        record: &RecordRef<'_>,
        start: Option<&HeldStart>,
        count: u64,
    ) {
        let kind = if start.is_some() { "complete" } else { "stop" };
        put_display(out, format_args!("{{\"type\":\"{kind}\""));
        self.put_identity(out, record);
        out.extend_from_slice(b",\"attributes\":");
        let nanos = u64::try_from(record.duration().as_nanos()).unwrap_or(u64::MAX);
        let millis = nanos.saturating_add(500_000) / 1_000_000;
        put_attributes(out, record.attributes(), Some((attribute::DURATION_MSEC, millis)));
        if let Some(start) = start {
            out.extend_from_slice(b",\"start_event\":");
            out.extend_from_slice(&start.event);
        }
        out.extend_from_slice(b",\"stop_event\":");
        let time = record.time_unix_nanos();
        put_event_object(out, event::SPAN_STOP, record.event_attributes(), time);
        self.put_numbers(out, count);
        // Of a `complete` line the time is that of its beginning, as of a `start`.
        let time = if start.is_some() { record.start_time_unix_nanos() } else { time };
        self.put_place(out, record, time);
        put_field(out, "duration_nano", nanos);
        if record.outcome() != Outcome::Ok {
            put_quoted(out, "outcome", record.outcome().as_str());
        }
        put_span_details(out, record);
        out.extend_from_slice(b"}\n");
    }

    /// An event, an error or a telemetry data error.
    pub(super) fn put_event(self, out: &mut Vec<u8>, record: &RecordRef<'_>, count: u64) {
        let (kind, body) = match record.kind() {
            RecordKind::Error => ("application_error", "event"),
            RecordKind::TelemetryDataError => ("telemetry_data_error", "error"),
            _ => ("event", "event"),
        };
        put_display(out, format_args!("{{\"type\":\"{kind}\""));
        if record.span_id().is_valid() {
            put_quoted(out, "span_id", self.id(record.span_id()));
        }
        put_display(out, format_args!(",\"{body}\":"));
        let time = record.time_unix_nanos();
        put_event_object(out, record.name(), record.attributes(), time);
        self.put_numbers(out, count);
        self.put_place(out, record, time);
        if record.is_own() {
            put_field(out, "own", true);
        }
        if record.level() != Level::Info {
            put_quoted(out, "level", record.level().as_str());
        }
        out.extend_from_slice(b"}\n");
    }

    fn put_identity(self, out: &mut Vec<u8>, record: &RecordRef<'_>) {
        put_quoted(out, "id", self.id(record.span_id()));
        out.extend_from_slice(b",\"name\":");
        put_text(out, record.name());
    }

    fn put_numbers(self, out: &mut Vec<u8>, count: u64) {
        put_field(out, "count", count);
        put_field(out, "pid", self.pid);
    }

    /// Where the record stands: its trace, its parent, its time. A parent of this process goes by
    /// the `id` that its own records have, another by its span id.
    fn put_place(self, out: &mut Vec<u8>, record: &RecordRef<'_>, time_unix_nanos: u64) {
        if record.trace_id().is_valid() {
            put_quoted(out, "trace_id", record.trace_id());
        }
        match record.parent() {
            Some(Parent { span_id, is_remote: false }) => {
                put_quoted(out, "parent_id", self.id(span_id));
            }
            Some(Parent { span_id, is_remote: true }) => put_quoted(out, "parent_id", span_id),
            None => {}
        }
        put_field(out, "time_unix_nano", time_unix_nanos);
    }

    fn id(self, span: SpanId) -> impl Display {
        let record = self.run.map(|run| run.record_id(span));
        fmt::from_fn(move |f| match record {
            Some(record) => write!(f, "{record}"),
            None => write!(f, "{span}"),
        })
    }
}

fn put_span_details(out: &mut Vec<u8>, record: &RecordRef<'_>) {
    if record.span_kind() != SpanKind::Internal {
        put_quoted(out, "span_kind", record.span_kind().as_str());
    }
    if record.level() != Level::Info {
        put_quoted(out, "level", record.level().as_str());
    }
    if let Some(group) = record.group() {
        out.extend_from_slice(b",\"group\":");
        put_text(out, group);
    }
    if record.links().is_empty() {
        return;
    }
    out.extend_from_slice(b",\"links\":[");
    for (at, (context, attributes)) in record.links().iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let (trace, span) = (context.trace_id, context.span_id);
        let ids = format_args!("{comma}{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"");
        put_display(out, ids);
        if context.is_remote {
            put_field(out, "remote", true);
        }
        if !context.trace_flags.is_default() {
            put_field(out, "trace_flags", context.trace_flags.to_u8());
        }
        if !attributes.is_empty() {
            out.extend_from_slice(b",\"attributes\":");
            put_attributes(out, attributes, None);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn put_event_object(
    out: &mut Vec<u8>,
    name: &str,
    attributes: AttributesRef<'_>,
    time_unix_nanos: u64,
) {
    out.extend_from_slice(b"{\"name\":");
    put_text(out, name);
    out.extend_from_slice(b",\"attributes\":");
    let millis = time_unix_nanos / 1_000_000;
    put_attributes(out, attributes, Some((attribute::TIMESTAMP_MSEC, millis)));
    out.push(b'}');
}

/// Replaces the text by the attributes as an object; by nothing if there are none.
fn put_object(out: &mut Vec<u8>, attributes: AttributesRef<'_>) {
    out.clear();
    if !attributes.is_empty() {
        put_attributes(out, attributes, None);
    }
}
