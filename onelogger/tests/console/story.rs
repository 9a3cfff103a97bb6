//! Records made by hand, and what a console shows of them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use onelogger::exporter::{Batch, ColorChoice, Exporter};
use onelogger::{
    Attributes, ConsoleExporter, ErrorEvent, EventRecord, Outcome, Parent, Record, SpanId,
    SpanRecord,
};

const MILLISECOND: u64 = 1_000_000;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    refuses_next: bool,
}

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// Whether the next write is refused.
    pub(crate) fn refuse_next(&self, is_refused: bool) {
        self.0.lock().unwrap().refuses_next = is_refused;
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap();
        if std::mem::take(&mut kept.refuses_next) {
            return Err(io::Error::other("refused"));
        }
        kept.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records by hand: a millisecond passes with each.
#[derive(Clone, Default)]
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    pub(crate) spans: Vec<SpanRecord>,
}

impl Story {
    fn now(&self) -> u64 {
        self.records.len() as u64 * MILLISECOND
    }

    /// The first span has the id 1; a parent of 0 is none.
    pub(crate) fn start(&mut self, parent: u64, name: &str) -> u64 {
        let id = self.spans.len() as u64 + 1;
        let parent = Parent { span_id: SpanId::from_u64(parent), is_remote: false };
        let span = SpanRecord {
            span_id: SpanId::from_u64(id),
            parent: Some(parent).filter(|parent| parent.span_id.is_valid()),
            name: name.to_owned().into(),
            time_unix_nanos: self.now(),
            start_time_unix_nanos: self.now(),
            ..SpanRecord::default()
        };
        self.spans.push(span.clone());
        self.records.push(Record::Start(span));
        id
    }

    pub(crate) fn stop(&mut self, id: u64, outcome: Outcome) {
        let span = &self.spans[id as usize - 1];
        let duration_nanos = self.now() - span.start_time_unix_nanos;
        let time_unix_nanos = self.now();
        let stop = SpanRecord { duration_nanos, outcome, time_unix_nanos, ..span.clone() };
        self.records.push(Record::Stop(stop));
    }

    pub(crate) fn event(&mut self, id: u64, name: &str, attributes: Attributes) {
        self.records.push(Record::Event(self.event_record(id, name, attributes)));
    }

    pub(crate) fn error(&mut self, id: u64, error: &ErrorEvent) {
        let event = self.event_record(id, "error", error.to_attributes());
        self.records.push(Record::Error(event));
    }

    pub(crate) fn event_record(&self, id: u64, name: &str, attributes: Attributes) -> EventRecord {
        EventRecord {
            span_id: SpanId::from_u64(id),
            name: name.to_owned().into(),
            attributes,
            time_unix_nanos: self.now(),
            ..EventRecord::default()
        }
    }

    pub(crate) fn batch(&self) -> Batch {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn shown_by(&self, set: impl FnOnce(ConsoleExporter) -> ConsoleExporter) -> String {
        let sink = Sink::default();
        let mut console = set(ConsoleExporter::to(sink.clone()).color(ColorChoice::Never));
        console.export_batch(self.batch().records()).unwrap();
        sink.text()
    }

    /// Compares with the lines, whose margin is that of the first.
    pub(crate) fn check(&self, expected: &str) {
        assert_eq!(self.shown_by(|console| console), unindented(expected));
    }
}

/// The text of a literal without the line in front of it and the blanks that all lines have.
pub(crate) fn unindented(literal: &str) -> String {
    let lines: Vec<&str> = literal.trim_matches('\n').lines().collect();
    let lines = lines.iter().filter(|line| !line.trim().is_empty());
    lines.map(|line| format!("{}\n", line.strip_prefix("        ").unwrap())).collect()
}
