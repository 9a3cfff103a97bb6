use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::json_lines::{Folding, JsonLines, Sink};
use super::logger_line;
use super::logger_parse::{self, ParseLineError};
use super::{ExportError, Exporter, Records, Run};
use crate::data::Level;

/// Hands each record to the application's logger (the `log` crate's), as a line of `key=value`.
///
/// ```text
/// [type="event" | span_id="00000000-…-000000000001" | pid=4242 | event.name="ev" | event.attributes.timestamp_msec=1700000001500 | event.attributes.text="a=b | c" | count=3]
/// ```
///
/// The line is that of the Python library's logger exporter: the keys of a line of a
/// [`FileExporter`](super::FileExporter), parts of a key joined by dots, in descending order, each
/// value as JSON in ASCII. A part of a key that holds a dot, `=`, `|`, `"`, a blank or a control
/// character, which the Python library refuses or writes so that it cannot be read back, is a JSON
/// text as well: `event.attributes."net.peer"="10.0.0.1"`. [`LoggerExporter::parse`] reads lines of
/// both.
///
/// A message has the target `onelogger::records` and the level `Info`, unless set otherwise; the
/// library's own messages have the target `onelogger`. If the logger does not take messages of that
/// target and level, or panics, the record is refused and counted as lost.
///
/// What the logger records itself while it handles a record is not recorded.
///
/// ```
/// use onelogger::{DefaultRecorder, Level, LoggerExporter};
/// let exporter = LoggerExporter::new().target("telemetry").level(Level::Debug);
/// let recorder = DefaultRecorder::builder().exporter(exporter).build()?;
/// # Ok::<(), onelogger::recorder::BuildError>(())
/// ```
pub struct LoggerExporter {
    /// What a line holds, how they are numbered and what becomes of each is as in a file.
    lines: JsonLines<Logger>,
}

impl Default for LoggerExporter {
    fn default() -> LoggerExporter {
        LoggerExporter::new()
    }
}

impl LoggerExporter {
    /// An exporter for the logger that the application installs with the `log` crate, before it
    /// configures the provider.
    pub fn new() -> LoggerExporter {
        let logger = Logger { target: "onelogger::records".to_owned(), level: log::Level::Info };
        LoggerExporter { lines: JsonLines::new(Some(logger), Folding::default()) }
    }

    /// Sets the target of the messages.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> LoggerExporter {
        if let Some(logger) = &mut self.lines.sink {
            logger.target = target.into();
        }
        self
    }

    /// Sets the level of the messages.
    #[must_use]
    pub fn level(mut self, level: Level) -> LoggerExporter {
        if let Some(logger) = &mut self.lines.sink {
            logger.level = match level {
                Level::Error => log::Level::Error,
                Level::Warn => log::Level::Warn,
                Level::Info => log::Level::Info,
                Level::Debug => log::Level::Debug,
                Level::Trace => log::Level::Trace,
            };
        }
        self
    }

    /// Chooses whether starts wait for their stops.
    #[must_use]
    pub fn folding(mut self, folding: Folding) -> LoggerExporter {
        self.lines.folding = folding;
        self
    }

    /// Reads a line back, as the line of JSON that a [`FileExporter`](super::FileExporter) would
    /// have written, so that [`read`](crate::read) can read it.
    ///
    /// What stands before and after the record, such as a time and a level, is passed over.
    ///
    /// ```
    /// use onelogger::{LoggerExporter, read};
    /// let line = r#"INFO [type="event" | event.name="ev" | event.attributes.timestamp_msec=7 | event.attributes.text="a=b | c"]"#;
    /// let json = LoggerExporter::parse(line)?;
    /// let log = read::from_str(&json);
    /// assert_eq!(log.runs()[0].lines()[0].attributes.get_str("text"), Ok(Some("a=b | c")));
    /// # Ok::<(), onelogger::exporter::ParseLineError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no record in the line, or not the whole of one.
    pub fn parse(line: &str) -> Result<String, ParseLineError> {
        logger_parse::parse(line)
    }
}

impl Exporter for LoggerExporter {
    fn name(&self) -> &str {
        "LoggerExporter"
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

/// The application's logger.
struct Logger {
    target: String,
    level: log::Level,
}

impl Write for Logger {
    /// Takes one line of JSON, whole or not at all.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let end = lines.iter().position(|&byte| byte == b'\n').unwrap_or(lines.len());
        let line = logger_line::from_json(&lines[..end])?;
        let (target, level) = (&*self.target, self.level);
        guarded(|| {
            // A logger drops what it does not want and says nothing.
            if !log::log_enabled!(target: target, level) {
                let message = format!("no logger takes messages of target `{target}` at {level}");
                return Err(io::Error::other(message));
            }
            log::log!(target: target, level, "{line}");
            Ok(())
        })?;
        Ok(lines.len().min(end + 1))
    }

    fn flush(&mut self) -> io::Result<()> {
        guarded(|| {
            log::logger().flush();
            Ok(())
        })
    }
}

impl Sink for Logger {}

/// A panic of the application's logger loses the record that it was given, and nothing else.
fn guarded(call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let result = catch_unwind(AssertUnwindSafe(call));
    result.unwrap_or_else(|_| Err(io::Error::other("the logger has panicked")))
}
