//! Lines of JSON: their order and numbers, which start waits for its stop, and what became of each
//! when it was handed over.

use std::io::{self, ErrorKind, Write};

use super::json_record::{Form, HeldStart};
use super::{Batch, Entry, ExportError, Exporter, RecordKind, RecordRef, Records, Run};
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, Name};

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
    pending: Option<HeldStart>,
    /// One that is written, for its memory.
    idle: HeldStart,
    /// Lines that are not yet written, and what each of them stands for.
    text: Vec<u8>,
    lines: Vec<Line>,
    /// What ends a line that was written in part and could not be taken back; else nothing.
    pub(super) mend: &'static [u8],
}

/// What a line stands for.
#[derive(Clone, Copy)]
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

impl Line {
    /// The line of a record that was not held back.
    const OWN: Line =
        Line { end: 0, count: 0, record: 0, is_own: true, holds_start: false, leaves_start: false };
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
            idle: HeldStart::default(),
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
        let span = record.span_id();
        match record.kind() {
            // The stop holds them, and so does a start that is yet to be written.
            RecordKind::Attributes => {
                if let Some(start) = self.pending.as_mut().filter(|start| start.span == span) {
                    start.update(record);
                }
            }
            RecordKind::Start => {
                self.put_pending(place);
                let idle = std::mem::take(&mut self.idle);
                let start = self.form().hold(record, idle);
                if self.folding == Folding::Never {
                    self.put_start(place, start, true);
                } else {
                    self.pending = Some(start);
                }
            }
            RecordKind::Stop => {
                let start = self.pending.take_if(|start| start.span == span);
                if start.is_none() {
                    self.put_pending(place);
                }
                let holds_start = start.is_some();
                self.put_line(
                    Line { record: place, holds_start, ..Line::OWN },
                    |form, text, count| {
                        form.put_stop(text, record, start.as_ref(), count);
                    },
                );
                if let Some(start) = start {
                    self.idle = start;
                }
            }
            RecordKind::Event | RecordKind::Error | RecordKind::TelemetryDataError => {
                // The library's own reports concern no span: a start goes on waiting for its stop.
                // Each comes in a call of its own, so that start is of an earlier call.
                let leaves_start = record.is_own();
                if !leaves_start {
                    self.put_pending(place);
                }
                self.put_line(
                    Line { record: place, leaves_start, ..Line::OWN },
                    |form, text, count| {
                        form.put_event(text, record, count);
                    },
                );
            }
        }
    }

    /// Writes the start that waits, if there is one.
    fn put_pending(&mut self, place: usize) {
        if let Some(start) = self.pending.take() {
            self.put_start(place, start, false);
        }
    }

    fn put_start(&mut self, place: usize, start: HeldStart, is_own: bool) {
        let line = Line { record: place, is_own, holds_start: !is_own, ..Line::OWN };
        self.put_line(line, |form, text, count| form.put_start(text, &start, count));
        self.idle = start;
    }

    fn put_line(&mut self, line: Line, put: impl FnOnce(Form<'_>, &mut Vec<u8>, u64)) {
        self.count += 1;
        // Not `self.form()`, which would borrow the text as well.
        put(Form { run: self.run.as_ref(), pid: self.pid }, &mut self.text, self.count);
        self.lines.push(Line { end: self.text.len(), count: self.count, ..line });
    }

    fn form(&self) -> Form<'_> {
        Form { run: self.run.as_ref(), pid: self.pid }
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

#[cfg(test)]
mod tests {
    use super::super::flaky::Flaky;
    use super::*;
    use crate::data::{EventRecord, Record, SpanId, SpanRecord};

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
    fn p21_wherever_a_write_fails_the_counts_are_exact_and_the_rest_goes_on() {
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
