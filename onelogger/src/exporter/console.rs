use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use super::console_text::{ColorChoice, Look};
use super::console_tree::{ConsoleTree, Settings};
use super::{ExportError, Exporter, RecordKind, Records, Run};

/// Shows a person at a terminal what a job is doing: spans as a tree, each when it ends.
///
/// ```text
///              ● trainer  session run-42  pid 4242
///              ▸ application
///                ▸ epoch  index=0
///     12.3 ms      ■ load  rows=128
///    +13.1 ms      - progress  loss=0.25
///    +20.0 ms      ! could not save (io::Error: disk full)  path=/data
///     1.235 s    ◂ epoch (error: disk full)  index=0
///     2.001 s  ◂ application
/// ```
///
/// In front stands how long a span took (`■`, `◂`), or how long after the start of its span an event
/// (`-`) or an error (`!`) came. A span with nothing to show in it has one line, `■`, when it ends.
/// One in which something happens, or that is open for longer than half a second (in synchronous
/// mode: for any time), has a line for its start, `▸`, and one for its end, `◂`.
///
/// Lines of spans that run beside each other come mixed. Such spans bear a number, the end of their
/// id in a file, and a line that does not belong to the last one above it that is indented less
/// says to which: `(in worker #00002a)`.
///
/// The last line says how many records are lost or withheld, if any are. What is cut, left out or
/// hidden on the way to the terminal by the settings below counts as delivered: this is for a
/// glance, and a [`FileExporter`](super::FileExporter) beside it has it all.
///
/// ```
/// use std::time::Duration;
/// use onelogger::{ConsoleExporter, DefaultRecorder};
///
/// let console = ConsoleExporter::stderr().min_duration(Duration::from_millis(10));
/// let recorder = DefaultRecorder::builder().exporter(console).build()?;
/// # Ok::<(), onelogger::recorder::BuildError>(())
/// ```
pub struct ConsoleExporter {
    output: Output,
    writer: Option<Box<dyn Write + Send>>,
    tree: ConsoleTree,
    /// Whether the last line was written in part.
    is_torn: bool,
    /// Whether the last thing that was to be written was not.
    is_failing: bool,
}

#[derive(Clone, Copy)]
enum Output {
    Stdout,
    Stderr,
    Own,
}

impl Default for ConsoleExporter {
    /// The standard error.
    fn default() -> ConsoleExporter {
        ConsoleExporter::stderr()
    }
}

impl ConsoleExporter {
    /// Lines on the standard error. It is opened when the provider is configured.
    pub fn stderr() -> ConsoleExporter {
        ConsoleExporter::new(Output::Stderr, None)
    }

    /// Lines on the standard output. It is opened when the provider is configured.
    pub fn stdout() -> ConsoleExporter {
        ConsoleExporter::new(Output::Stdout, None)
    }

    /// Lines for this writer, which is taken to be no terminal. It gets each line in one piece.
    pub fn to(writer: impl Write + Send + 'static) -> ConsoleExporter {
        ConsoleExporter::new(Output::Own, Some(Box::new(writer)))
    }

    fn new(output: Output, writer: Option<Box<dyn Write + Send>>) -> ConsoleExporter {
        let look = Look { is_colored: false, max_chars: 80 };
        let settings = Settings { look, shows_events: true, min_duration: Duration::ZERO };
        let tree = ConsoleTree::new(settings);
        let console = ConsoleExporter { output, writer, tree, is_torn: false, is_failing: false };
        console.color(ColorChoice::Auto)
    }

    /// Chooses whether lines are colored.
    #[must_use]
    pub fn color(mut self, choice: ColorChoice) -> ConsoleExporter {
        let is_terminal = match self.output {
            Output::Stdout => io::stdout().is_terminal(),
            Output::Stderr => io::stderr().is_terminal(),
            Output::Own => false,
        };
        let is_colored = choice.is_colored(is_terminal, |name| std::env::var_os(name));
        self.tree.settings.look.is_colored = is_colored;
        self
    }

    /// Whether events are shown. Errors are always.
    #[must_use]
    pub fn show_events(mut self, shows_events: bool) -> ConsoleExporter {
        self.tree.settings.shows_events = shows_events;
        self
    }

    /// Hides spans that are shorter, went well, and have nothing to show in them.
    ///
    /// A span that is open for so long is shown as soon as another record, of whatever span, tells
    /// that the time has passed.
    #[must_use]
    pub fn min_duration(mut self, duration: Duration) -> ConsoleExporter {
        self.tree.settings.min_duration = duration;
        self
    }

    /// Cuts values of attributes that are longer. 80 characters if not set.
    #[must_use]
    pub fn max_value_chars(mut self, max: usize) -> ConsoleExporter {
        self.tree.settings.look.max_chars = max;
        self
    }

    /// Writes what the tree has to say.
    fn write(&mut self) -> io::Result<()> {
        let text = self.tree.text();
        if text.is_empty() {
            return Ok(());
        }
        let missing = || io::Error::new(ErrorKind::NotConnected, "not open");
        let mut written = 0;
        let mut write = || {
            let writer = self.writer.as_mut().ok_or_else(missing)?;
            if self.is_torn {
                // The rest of that line is lost, and is not to be taken for whole.
                writer.write_all("…\n".as_bytes())?;
                self.is_torn = false;
            }
            while written < text.len() {
                match writer.write(&text.as_bytes()[written..]) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(bytes) => written += bytes,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        let result = write();
        self.is_torn |= written > 0 && text.as_bytes()[written - 1] != b'\n';
        self.is_failing = result.is_err();
        self.tree.set_written(written);
        result
    }

    fn show_open(&mut self, is_end: bool) -> Result<(), ExportError> {
        self.tree.show_open(is_end);
        let result = self.write().and_then(|()| self.writer.as_mut().map_or(Ok(()), Write::flush));
        result.map_err(|error| {
            // Before the end no start is lost by this: it gets its line later, or is lost with its
            // stop.
            let lost = if is_end { self.tree.count_hidden() } else { 0 };
            failed(&error).with_refused(0).with_revoked(lost)
        })
    }
}

impl Exporter for ConsoleExporter {
    fn name(&self) -> &str {
        "ConsoleExporter"
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        let writer = match self.output {
            Output::Stdout => Some(stream(io::stdout())),
            Output::Stderr => Some(stream(io::stderr())),
            Output::Own => None,
        };
        if let Some(writer) = writer.transpose().map_err(|error| failed(&error))? {
            self.writer = Some(writer);
        }
        self.tree.begin(run);
        self.write().map_err(|error| failed(&error))
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        for (place, record) in records.iter().enumerate() {
            let holds_start = self.tree.add(&record);
            // A console that fails takes nothing over for later: that would pass for a success.
            let is_tried_start = self.is_failing && record.kind() == RecordKind::Start;
            if is_tried_start {
                self.tree.show_start(record.span_id());
            }
            // Record by record, so that it is known which one is lost if this fails.
            self.write().map_err(|error| {
                if is_tried_start {
                    self.tree.forget(record.span_id());
                }
                failed(&error).with_accepted(place).with_revoked(holds_start as usize)
            })?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.show_open(false)
    }

    fn close(&mut self) -> Result<(), ExportError> {
        self.show_open(true)
    }
}

fn failed(error: &io::Error) -> ExportError {
    ExportError::new(format!("cannot write to the console: {error}"))
}

/// The stream without the buffer of the standard library, which would take lines and fail later,
/// and without its tolerance of a stream that is closed.
#[cfg(unix)]
fn stream(stream: impl std::os::fd::AsFd) -> io::Result<Box<dyn Write + Send>> {
    let file = std::fs::File::from(stream.as_fd().try_clone_to_owned()?);
    Ok(Box::new(file))
}

#[cfg(not(unix))]
fn stream(stream: impl Write + Send + 'static) -> io::Result<Box<dyn Write + Send>> {
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::super::flaky::Flaky;
    use super::*;
    use crate::data::{EventRecord, Outcome, Parent, Record, SpanId, SpanRecord};

    fn records() -> Vec<Record> {
        let span = |id: u64, parent: u64| SpanRecord {
            span_id: SpanId::from_u64(id),
            parent: (parent > 0)
                .then_some(Parent { span_id: SpanId::from_u64(parent), is_remote: false }),
            name: "span".into(),
            ..SpanRecord::default()
        };
        let event = |id| EventRecord { span_id: SpanId::from_u64(id), ..EventRecord::default() };
        let cancelled = SpanRecord { outcome: Outcome::Cancelled, ..span(5, 3) };
        vec![
            Record::Start(span(1, 0)),
            Record::Start(span(2, 1)),
            Record::Stop(span(2, 1)),
            Record::Event(event(1)),
            Record::Start(span(3, 1)),
            Record::Start(span(4, 1)),
            Record::Error(event(4)),
            Record::Start(span(5, 3)),
            Record::Stop(cancelled),
            Record::Stop(span(3, 1)),
            Record::Stop(span(4, 1)),
            Record::Stop(span(1, 0)),
        ]
    }

    /// Exports as the pipeline does, with a flush in the middle, and counts what is delivered and
    /// what is lost.
    fn deliver(console: &mut ConsoleExporter, records: &[Record]) -> (usize, usize) {
        let (mut delivered, mut lost) = (0, 0);
        for half in records.chunks(records.len().div_ceil(2)) {
            let batch: Batch = half.iter().cloned().collect();
            let mut at = 0;
            while let Err(error) = console.export_batch(batch.range(at..half.len())) {
                delivered = delivered + error.accepted - error.revoked;
                lost += error.refused + error.revoked;
                at += error.accepted + error.refused;
            }
            delivered += half.len() - at;
            if let Err(error) = console.flush() {
                assert_eq!((error.refused, error.revoked), (0, 0));
            }
        }
        (delivered, lost)
    }

    /// The records in the lines that are whole: one that was torn ends with `…`, or not at all.
    fn shown(text: &str) -> usize {
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let whole = lines.filter(|line| !line.ends_with("…\n"));
        let marks = whole.map(|line| line.chars().skip(13).find(|&character| character != ' '));
        marks.map(|mark| if mark == Some('■') { 2 } else { 1 }).sum()
    }

    #[test]
    fn wherever_a_write_fails_the_counts_are_exact() {
        let (records, whole) = (records(), Flaky::default());
        let console = |sink: &Flaky| ConsoleExporter::to(sink.clone()).color(ColorChoice::Never);
        assert_eq!(deliver(&mut console(&whole), &records), (12, 0));
        let length = whole.0.lock().unwrap().0.len();
        for limit in 0..length {
            let sink = Flaky::default();
            sink.0.lock().unwrap().1 = Some(limit);
            let (delivered, lost) = deliver(&mut console(&sink), &records);
            assert_eq!(delivered + lost, 12, "with room for {limit} bytes");
            // A line may be torn within a character.
            let bytes = sink.0.lock().unwrap().0.clone();
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(shown(&text), delivered, "with room for {limit} bytes:\n{text}");
            assert!(lost <= 2, "with room for {limit} bytes {lost} records are lost:\n{text}");
        }
    }

    #[test]
    fn a_console_that_fails_takes_nothing_over() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut console = ConsoleExporter::to(writer);
        // The first start waits, and is taken back with the stop.
        assert_eq!(deliver(&mut console, &records()[1..3]), (0, 2));
        let start: Batch = records().drain(..1).collect();
        let error = console.export_batch(start.records()).unwrap_err();
        assert_eq!((error.accepted, error.refused, error.revoked), (0, 1, 0));
        assert_eq!(deliver(&mut console, &records()), (0, 12));
        console.close().unwrap();
    }

    #[test]
    fn starts_that_no_stop_follows_take_no_memory_beyond_a_bound() {
        let sink = Flaky::default();
        let mut console = ConsoleExporter::to(sink.clone());
        let start = |id| SpanRecord { span_id: SpanId::from_u64(id), ..SpanRecord::default() };
        let batch: Batch = (1..20_001).map(|id| Record::Start(start(id))).collect();
        console.export_batch(batch.records()).unwrap();
        let shown_at_once = shown(&String::from_utf8(sink.0.lock().unwrap().0.clone()).unwrap());
        assert_eq!(shown_at_once, 20_000 - (1 << 14));
        console.close().unwrap();
        assert_eq!(shown(&String::from_utf8(sink.0.lock().unwrap().0.clone()).unwrap()), 20_000);
    }
}
