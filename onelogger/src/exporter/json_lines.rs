//! Records as lines of JSON, in the form of the Python library's file exporter.

use std::io::{self, ErrorKind, Write};

use super::json::{put_attributes, put_display, put_field, put_quoted, put_text};
use super::{Batch, Entry, ExportError, Exporter, RecordKind, RecordRef, Records, Run};
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, AttributesRef, Level, Name, Outcome, Parent, SpanId, SpanKind};

/// Whether start and stop of a leaf become one `complete` line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folding {
    /// Each start is a line at once.
    Never,
    /// A start waits for the next record, but for no longer than a second (in synchronous mode: not
    /// at all), so that a span that is open when the process dies is in the file.
    #[default]
    WithinASecond,
    /// A start waits for the next record, however long that takes. What the Python library does;
    /// a killed process leaves its innermost span out of the file.
    Always,
}

/// Where lines go.
pub(super) trait Sink: Write + Send + 'static {
    /// Takes the last bytes back, if that is possible.
    fn take_back(&mut self, bytes: u64) -> bool {
        let _ = bytes;
        false
    }
}

impl Sink for Box<dyn Write + Send> {}

/// Writes records as lines of JSON to any writer.
///
/// The lines are those of [`FileExporter`](super::FileExporter). All lines of a batch are handed
/// to the writer together; what it refuses is reported line by line.
pub struct JsonLinesExporter {
    lines: JsonLines<Box<dyn Write + Send>>,
}

impl JsonLinesExporter {
    /// Lines for this writer.
    pub fn new(writer: impl Write + Send + 'static) -> JsonLinesExporter {
        JsonLinesExporter { lines: JsonLines::new(Some(Box::new(writer)), Folding::default()) }
    }

    /// Chooses whether starts wait for their stops.
    #[must_use]
    pub fn folding(mut self, folding: Folding) -> JsonLinesExporter {
        self.lines.folding = folding;
        self
    }
}

impl Exporter for JsonLinesExporter {
    fn name(&self) -> &str {
        "JsonLinesExporter"
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        self.lines.open(run)
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        self.lines.export(records)
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.lines.flush(false)
    }

    fn close(&mut self) -> Result<(), ExportError> {
        self.lines.flush(true)
    }
}

/// The lines of one run.
pub(super) struct JsonLines<S> {
    pub(super) sink: Option<S>,
    pub(super) folding: Folding,
    run: Option<Run>,
    pid: u32,
    /// The number of the last line.
    count: u64,
    /// The start that waits for its stop.
    pending: Option<Pending>,
    /// Lines that are not yet written, and what each of them stands for.
    text: Vec<u8>,
    lines: Vec<Line>,
    /// What ends a line that was written in part and could not be taken back; else nothing.
    pub(super) mend: &'static [u8],
}

/// A start whose line is written when it is known what follows.
struct Pending {
    span: SpanId,
    /// Id and name.
    identity: Vec<u8>,
    /// The attributes, as an object; empty if there are none.
    attributes: Vec<u8>,
    /// What stands after the process id.
    tail: Vec<u8>,
    /// The start event, for a `complete` line.
    start_event: Vec<u8>,
}

/// What a line stands for.
struct Line {
    /// Where it ends in the text.
    end: usize,
    /// Its number.
    count: u64,
    /// The record, by its place in the call, that made us write it.
    record: usize,
    /// Whether it is that record's own line, and not that of a start that waited.
    is_own: bool,
    /// Whether it holds a start that waited.
    holds_start: bool,
    /// Whether a start that waits goes on waiting beside it.
    leaves_start: bool,
}

impl<S: Sink> JsonLines<S> {
    pub(super) fn new(sink: Option<S>, folding: Folding) -> JsonLines<S> {
        JsonLines {
            sink,
            folding,
            run: None,
            pid: 0,
            count: 0,
            pending: None,
            text: Vec::new(),
            lines: Vec::new(),
            mend: b"",
        }
    }

    /// Begins a run with the line that says whose it is.
    pub(super) fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        self.run = Some(run.clone());
        (self.count, self.pending) = (0, None);
        let mut about = Batch::default();
        let name = about.put_name(Dynamic::named(&Name::from_static(event::OPEN)));
        let version = Attributes::new().with(attribute::LIBRARY_VERSION, env!("CARGO_PKG_VERSION"));
        let mut attributes = run.resource().clone();
        attributes.merge(version);
        let attributes = about.put_attributes(&attributes);
        about.push(Entry {
            time_unix_nanos: run.started_unix_nanos(),
            name,
            attributes,
            is_own: true,
            ..Entry::new(RecordKind::Event)
        });
        self.export(about.records())
    }

    pub(super) fn export(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        /// So much text is handed over before the batch is through.
        const ENOUGH_BYTES: usize = 1 << 20;
        self.pid = std::process::id();
        for (place, record) in records.iter().enumerate() {
            self.put(place, &record);
            if self.text.len() >= ENOUGH_BYTES {
                self.write()?;
            }
        }
        self.write()
    }

    pub(super) fn flush(&mut self, is_last: bool) -> Result<(), ExportError> {
        if is_last || self.folding != Folding::Always {
            self.put_pending(0);
        }
        self.write()?;
        let Some(sink) = &mut self.sink else {
            return Ok(());
        };
        // What was written was counted as accepted, and a flush cannot say how much of it is lost.
        sink.flush().map_err(|error| failed(&error).with_refused(0))
    }

    fn put(&mut self, place: usize, record: &RecordRef<'_>) {
        match record.kind() {
            // The stop holds them, and so does a start that is yet to be written.
            RecordKind::Attributes => {
                let span = record.span_id();
                if let Some(pending) = self.pending.as_mut().filter(|start| start.span == span) {
                    pending.attributes = object(record.attributes());
                }
            }
            RecordKind::Start => {
                self.put_pending(place);
                let pending = self.start(record);
                if self.folding == Folding::Never {
                    self.put_start(place, &pending, true);
                } else {
                    self.pending = Some(pending);
                }
            }
            RecordKind::Stop => {
                let span = record.span_id();
                let start = self.pending.take_if(|pending| pending.span == span);
                if start.is_none() {
                    self.put_pending(place);
                }
                self.put_stop(place, record, start.as_ref());
            }
            RecordKind::Event => self.put_event(place, record, "event", "event"),
            RecordKind::Error => self.put_event(place, record, "application_error", "event"),
            RecordKind::TelemetryDataError => {
                self.put_event(place, record, "telemetry_data_error", "error");
            }
        }
    }

    /// Writes the start that waits, if there is one.
    fn put_pending(&mut self, place: usize) {
        if let Some(pending) = self.pending.take() {
            self.put_start(place, &pending, false);
        }
    }

    fn start(&self, record: &RecordRef<'_>) -> Pending {
        let mut identity = Vec::new();
        self.put_identity(&mut identity, record);
        let attributes = object(record.attributes());
        let start_event = span_event(event::SPAN_START, record, record.time_unix_nanos());
        let mut tail = Vec::new();
        put_trace(&mut tail, record);
        self.put_parent(&mut tail, record.parent());
        put_field(&mut tail, "time_unix_nano", record.time_unix_nanos());
        self.put_span_details(&mut tail, record);
        Pending { span: record.span_id(), identity, attributes, tail, start_event }
    }

    fn put_start(&mut self, place: usize, start: &Pending, is_own: bool) {
        self.text.extend_from_slice(b"{\"type\":\"start\"");
        self.text.extend_from_slice(&start.identity);
        if !start.attributes.is_empty() {
            self.text.extend_from_slice(b",\"attributes\":");
            self.text.extend_from_slice(&start.attributes);
        }
        self.text.extend_from_slice(b",\"start_event\":");
        self.text.extend_from_slice(&start.start_event);
        self.put_numbers();
        self.text.extend_from_slice(&start.tail);
        self.end_line(place, is_own, !is_own);
    }

    fn put_stop(&mut self, place: usize, record: &RecordRef<'_>, start: Option<&Pending>) {
        let mut text = std::mem::take(&mut self.text);
        let kind = if start.is_some() { "complete" } else { "stop" };
        put_display(&mut text, format_args!("{{\"type\":\"{kind}\""));
        self.put_identity(&mut text, record);
        let nanos = u64::try_from(record.duration().as_nanos()).unwrap_or(u64::MAX);
        text.extend_from_slice(b",\"attributes\":");
        let millis = nanos.saturating_add(500_000) / 1_000_000;
        put_attributes(&mut text, record.attributes(), Some((attribute::DURATION_MSEC, millis)));
        if let Some(start) = start {
            text.extend_from_slice(b",\"start_event\":");
            text.extend_from_slice(&start.start_event);
        }
        text.extend_from_slice(b",\"stop_event\":");
        let stop_event = span_event(event::SPAN_STOP, record, record.time_unix_nanos());
        text.extend_from_slice(&stop_event);
        self.text = text;
        self.put_numbers();

        let mut text = std::mem::take(&mut self.text);
        put_trace(&mut text, record);
        self.put_parent(&mut text, record.parent());
        // Of a `complete` line the time is that of its beginning, as of a `start`.
        let time = match start {
            Some(_) => record.start_time_unix_nanos(),
            None => record.time_unix_nanos(),
        };
        put_field(&mut text, "time_unix_nano", time);
        put_field(&mut text, "duration_nano", nanos);
        if record.outcome() != Outcome::Ok {
            put_quoted(&mut text, "outcome", record.outcome().as_str());
        }
        self.put_span_details(&mut text, record);
        self.text = text;
        self.end_line(place, true, start.is_some());
    }

    fn put_event(&mut self, place: usize, record: &RecordRef<'_>, kind: &str, body: &str) {
        // The library's own reports concern no span: a start goes on waiting for its stop. Each
        // comes in a call of its own, so that start is of an earlier call.
        if !record.is_own() {
            self.put_pending(place);
        }
        let mut text = std::mem::take(&mut self.text);
        put_display(&mut text, format_args!("{{\"type\":\"{kind}\""));
        if record.span_id().is_valid() {
            put_quoted(&mut text, "span_id", self.id(record.span_id()));
        }
        put_display(&mut text, format_args!(",\"{body}\":"));
        put_event_object(&mut text, record.name(), record.attributes(), record.time_unix_nanos());
        self.text = text;
        self.put_numbers();
        put_trace(&mut self.text, record);
        put_field(&mut self.text, "time_unix_nano", record.time_unix_nanos());
        if record.is_own() {
            put_field(&mut self.text, "own", true);
        }
        if record.level() != Level::Info {
            put_quoted(&mut self.text, "level", record.level().as_str());
        }
        self.end_line(place, true, false);
        if let Some(line) = self.lines.last_mut() {
            line.leaves_start = record.is_own();
        }
    }

    fn id(&self, span: SpanId) -> String {
        let id = self.run.as_ref().map(|run| run.record_id(span));
        id.map_or_else(|| span.to_string(), |id| id.to_string())
    }

    fn put_identity(&self, out: &mut Vec<u8>, record: &RecordRef<'_>) {
        put_quoted(out, "id", self.id(record.span_id()));
        out.extend_from_slice(b",\"name\":");
        put_text(out, record.name());
    }

    /// A parent of this process by the `id` that its records have, another by its span id.
    fn put_parent(&self, out: &mut Vec<u8>, parent: Option<Parent>) {
        match parent {
            Some(Parent { span_id, is_remote: false }) => {
                put_quoted(out, "parent_id", self.id(span_id));
            }
            Some(Parent { span_id, is_remote: true }) => put_quoted(out, "parent_id", span_id),
            None => {}
        }
    }

    fn put_span_details(&self, out: &mut Vec<u8>, record: &RecordRef<'_>) {
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
        if !record.links().is_empty() {
            out.extend_from_slice(b",\"links\":[");
            for (at, (context, attributes)) in record.links().iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let (trace, span) = (context.trace_id, context.span_id);
                let ids = format_args!("{comma}{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"");
                put_display(out, ids);
                if context.is_remote {
                    put_field(out, "remote", true);
                }
                if !attributes.is_empty() {
                    out.extend_from_slice(b",\"attributes\":");
                    put_attributes(out, attributes, None);
                }
                out.push(b'}');
            }
            out.push(b']');
        }
    }

    fn put_numbers(&mut self) {
        self.count += 1;
        put_field(&mut self.text, "count", self.count);
        put_field(&mut self.text, "pid", self.pid);
    }

    fn end_line(&mut self, record: usize, is_own: bool, holds_start: bool) {
        self.text.extend_from_slice(b"}\n");
        let (end, count) = (self.text.len(), self.count);
        self.lines.push(Line { end, count, record, is_own, holds_start, leaves_start: false });
    }

    /// Hands all lines to the sink.
    fn write(&mut self) -> Result<(), ExportError> {
        if self.lines.is_empty() && self.mend.is_empty() {
            return Ok(());
        }
        let outcome = self.write_text();
        let result = outcome.map_err(|(written, error)| self.lost_line(written, &error));
        self.text.clear();
        self.lines.clear();
        result
    }

    fn write_text(&mut self) -> Result<(), (usize, io::Error)> {
        let missing = || io::Error::new(ErrorKind::NotConnected, "not open");
        let sink = self.sink.as_mut().ok_or_else(|| (0, missing()))?;
        sink.write_all(self.mend).map_err(|error| (0, error))?;
        self.mend = b"";
        let mut written = 0;
        while written < self.text.len() {
            match sink.write(&self.text[written..]) {
                Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }

    /// Puts things as they were before the first line that was not written, and says what is lost.
    ///
    /// That line is lost with the records in it; everything after it comes again, because the
    /// records after it come again.
    fn lost_line(&mut self, written: usize, error: &io::Error) -> ExportError {
        let place = self.lines.partition_point(|line| line.end <= written);
        let begin = place.checked_sub(1).map_or(0, |before| self.lines[before].end);
        let torn = (written - begin) as u64;
        if torn > 0 && !self.sink.as_mut().is_some_and(|sink| sink.take_back(torn)) {
            // Its records are counted as lost, so it must not become whole by its end alone.
            self.mend = b"!\n";
        }
        let Some(line) = self.lines.get(place) else {
            // Only the end of an earlier line, which is lost already, could not be written.
            return failed(error).with_refused(0);
        };
        // The number of the lost line stays used: the gap is where it would have been.
        self.count = line.count;
        if !line.leaves_start {
            // It was in this line, or its record comes again.
            self.pending = None;
        }
        failed(error)
            .with_accepted(line.record)
            .with_refused(line.is_own as usize)
            .with_revoked(line.holds_start as usize)
    }
}

fn failed(error: &io::Error) -> ExportError {
    ExportError::new(format!("cannot write: {error}"))
}

fn put_trace(out: &mut Vec<u8>, record: &RecordRef<'_>) {
    if record.trace_id().is_valid() {
        put_quoted(out, "trace_id", record.trace_id());
    }
}

/// Attributes as an object; nothing if there are none.
fn object(attributes: AttributesRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if !attributes.is_empty() {
        put_attributes(&mut out, attributes, None);
    }
    out
}

fn span_event(name: &str, record: &RecordRef<'_>, time_unix_nanos: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_event_object(&mut out, name, record.event_attributes(), time_unix_nanos);
    out
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::data::{EventRecord, Record, SpanRecord};

    /// Takes so many bytes, then refuses once, then takes everything.
    #[derive(Clone, Default)]
    struct Flaky(Arc<Mutex<(Vec<u8>, Option<usize>)>>);

    impl Write for Flaky {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut inner = self.0.lock().unwrap();
            let room = inner.1.map_or(bytes.len(), |limit| limit.saturating_sub(inner.0.len()));
            let taken = room.min(bytes.len());
            if taken == 0 {
                inner.1 = None;
                return Err(io::Error::other("full"));
            }
            inner.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn batch() -> Batch {
        let span = |id| SpanRecord { span_id: SpanId::from_u64(id), ..SpanRecord::default() };
        let event = EventRecord { name: "e".into(), ..EventRecord::default() };
        let records = [
            Record::Start(span(1)),
            Record::Start(span(2)),
            Record::Stop(span(2)),
            Record::Event(event),
            Record::Start(span(3)),
            Record::Stop(span(1)),
        ];
        records.into_iter().collect()
    }

    /// Exports the batch the way the pipeline does, and counts.
    fn deliver(exporter: &mut JsonLinesExporter, batch: &Batch) -> (usize, usize) {
        let (mut at, mut delivered, mut lost) = (0, 0, 0);
        loop {
            let rest = batch.range(at..batch.entries().len());
            let Err(error) = exporter.export_batch(rest) else {
                delivered += rest.len();
                break;
            };
            delivered = delivered + error.accepted - error.revoked;
            lost += error.refused + error.revoked;
            at += error.accepted + error.refused;
        }
        if let Err(error) = exporter.flush() {
            delivered -= error.revoked;
            lost += error.revoked;
        }
        (delivered, lost)
    }

    #[test]
    fn wherever_a_write_fails_the_counts_are_exact() {
        let batch = batch();
        let whole = Flaky::default();
        let mut exporter = JsonLinesExporter::new(whole.clone());
        assert_eq!(deliver(&mut exporter, &batch), (6, 0));
        let full = whole.0.lock().unwrap().0.clone();
        for limit in 0..full.len() {
            let sink = Flaky::default();
            sink.0.lock().unwrap().1 = Some(limit);
            let mut exporter = JsonLinesExporter::new(sink.clone());
            let (delivered, lost) = deliver(&mut exporter, &batch);
            assert_eq!(delivered + lost, 6, "with room for {limit} bytes");
            let text = String::from_utf8(sink.0.lock().unwrap().0.clone()).unwrap();
            let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            let records: usize = lines
                .map(|line: serde_json::Value| if line["type"] == "complete" { 2 } else { 1 })
                .sum();
            assert_eq!(records, delivered, "with room for {limit} bytes");
        }
    }
}
