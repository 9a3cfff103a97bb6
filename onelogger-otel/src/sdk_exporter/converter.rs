//! What becomes of each record: which spans show it, and what waits for later.

use onelogger::exporter::{RecordKind, RecordRef, Run};
use onelogger::{AttributesRef, SpanId, names};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;

use super::attributes::size_bytes;
use super::open_spans::{OpenSpans, Waiting};
use super::span_data;
use crate::exception::last_error;
use crate::names::attribute::ONE_LOGGER_SPAN_ID;
use crate::names::event::SPAN_UPDATE;
use crate::otlp::ids::Ids;

pub(super) struct Converter {
    pub(super) open_spans: OpenSpans,
    ids: Ids,
    /// Whose spans they are, where all is shown as the Python library does it.
    like_python: Option<Run>,
}

/// Spans that go out together, and what is lost if they are.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) spans: Vec<SpanData>,
    /// About how long they are together.
    pub(super) bytes: usize,
    /// Records that the chunk was made of.
    pub(super) records: usize,
    /// Those of them that nothing but the spans here shows.
    pub(super) own: usize,
    /// The library's own records, which nobody counts and which are to be said again.
    pub(super) of_library: usize,
    /// Those of these that are additions of attributes.
    pub(super) own_updates: usize,
    /// Records that were accepted before, and waited for these spans.
    pub(super) waiting: Waiting,
}

impl Chunk {
    /// Adds a span that shows so many records of the chunk.
    pub(super) fn push(&mut self, span: SpanData, own: usize) {
        let events = span.events.iter().map(|event| size_bytes(&event.attributes) + EVENT_BYTES);
        let events: usize = events.sum();
        self.bytes += size_of::<SpanData>() + size_bytes(&span.attributes) + events;
        self.own += own;
        self.spans.push(span);
    }
}

/// What an event takes beside its attributes.
const EVENT_BYTES: usize = 64;

impl Converter {
    /// With `zero_length`, events and errors, starts and stops are spans of their own, as the
    /// Python library sends them.
    pub(super) fn new(zero_length: bool, memory_bytes: usize, run: &Run) -> Converter {
        Converter {
            open_spans: OpenSpans::new(memory_bytes),
            ids: Ids::new(),
            like_python: zero_length.then(|| run.clone()),
        }
    }

    /// Says whose telemetry it is.
    pub(super) fn opening(&mut self, run: &Run) -> SpanData {
        span_data::opening(run, self.ids.root())
    }

    /// Adds the spans that show a record, or remembers it.
    pub(super) fn take(&mut self, record: &RecordRef<'_>, chunk: &mut Chunk) {
        chunk.records += 1;
        chunk.of_library += record.is_own() as usize;
        match record.kind() {
            RecordKind::Start => self.start(record, chunk),
            RecordKind::Attributes => {
                if !self.open_spans.hold(record.span_id(), record.name(), Waiting::UPDATE) {
                    let name = format!("{SPAN_UPDATE}_event_for_{}", record.name());
                    chunk.own_updates += 1;
                    self.show(record, name, record.event_attributes(), 1, chunk);
                }
            }
            RecordKind::Stop => self.stop(record, chunk),
            RecordKind::Error => self.error(record, chunk),
            RecordKind::TelemetryDataError => {
                let span = span_data::data_error(record, self.ids.root());
                chunk.push(self.finish(record, span), own(record));
            }
            // A kind that came later than this exporter is shown as what happened.
            _ => self.event(record, chunk),
        }
    }

    fn start(&mut self, record: &RecordRef<'_>, chunk: &mut Chunk) {
        let (id, attributes) = (record.span_id(), record.event_attributes());
        let waits = self.like_python.is_none();
        let waiting = if waits { Waiting::RECORD } else { Waiting::NOTHING };
        let is_held = self.open_spans.hold(id, record.name(), waiting);
        if is_held && waits {
            if attributes.is_empty() {
                return;
            }
            // The attributes of the start event are in no stop.
            let event = span_data::span_event(record, names::event::SPAN_START, attributes);
            if self.open_spans.keep_event(id, event, 0).is_ok() {
                return;
            }
        }
        let name = format!("{}_event_for_{}", names::event::SPAN_START, record.name());
        let own = !(is_held && waits);
        self.show(record, name, attributes, own as usize, chunk);
    }

    fn stop(&mut self, record: &RecordRef<'_>, chunk: &mut Chunk) {
        let open = self.open_spans.take(record.span_id());
        chunk.waiting += open.as_ref().map_or(Waiting::NOTHING, |open| open.waiting);
        let mut span = span_data::span(record, open);
        if let Some(run) = &self.like_python {
            let id = run.record_id(record.span_id()).to_string();
            span.attributes.push(KeyValue::new(ONE_LOGGER_SPAN_ID, id));
            span.attributes.push(span_data::duration_msec(record));
            // The attributes of the stop event stand in the span that shows it.
            span.events = Default::default();
            let name = format!("{}_event_for_{}", names::event::SPAN_STOP, record.name());
            self.show(record, name, record.event_attributes(), 0, chunk);
        }
        chunk.push(span, 1);
    }

    fn event(&mut self, record: &RecordRef<'_>, chunk: &mut Chunk) {
        let (id, attributes) = (record.span_id(), record.attributes());
        if self.like_python.is_none() && id.is_valid() {
            let event = span_data::span_event(record, record.name(), attributes);
            if self.open_spans.keep_event(id, event, own(record)).is_ok() {
                return;
            }
        }
        let name = match id.is_valid() {
            true => format!("{}_event{}", record.name(), self.for_span(id)),
            false => record.name().to_owned(),
        };
        self.show(record, name, attributes, own(record), chunk);
    }

    fn error(&mut self, record: &RecordRef<'_>, chunk: &mut Chunk) {
        let id = record.span_id();
        if id.is_valid() {
            self.open_spans.keep_error(id, last_error(record));
            if self.like_python.is_none() {
                let event = span_data::exception_event(record);
                if self.open_spans.keep_event(id, event, own(record)).is_ok() {
                    return;
                }
            }
        }
        let name = format!("{}{}", names::event::ERROR, self.for_span(id));
        let span = span_data::zero_length_error(record, self.ids.span(), name);
        chunk.push(self.finish(record, span), own(record));
    }

    /// Shows a record as a span of no length.
    fn show(
        &mut self,
        record: &RecordRef<'_>,
        name: String,
        attributes: AttributesRef<'_>,
        own: usize,
        chunk: &mut Chunk,
    ) {
        let span = span_data::zero_length(record, self.ids.span(), name, attributes);
        chunk.push(self.finish(record, span), own);
    }

    /// What holds for each span of no length.
    fn finish(&mut self, record: &RecordRef<'_>, mut span: SpanData) -> SpanData {
        if !span.span_context.is_valid() {
            // It belongs to no trace: it is one.
            span.span_context = span_data::context(self.ids.root());
        }
        if self.like_python.is_some() {
            let timestamp = span_data::timestamp_msec(record);
            match span.events.events.last_mut() {
                Some(event) => event.attributes.push(timestamp),
                None => span.attributes.push(timestamp),
            }
        }
        span
    }

    /// `_for_` and the name of the span, if it is known.
    fn for_span(&self, span: SpanId) -> String {
        self.open_spans.name(span).map_or_else(String::new, |name| format!("_for_{name}"))
    }
}

/// The library's own records are counted by nobody.
fn own(record: &RecordRef<'_>) -> usize {
    !record.is_own() as usize
}

/// Whether a record is the last of a run.
pub(super) fn is_closing(record: &RecordRef<'_>) -> bool {
    record.is_own() && record.kind() == RecordKind::Event && record.name() == names::event::CLOSE
}
