//! Reading files back.
//!
//! [`file()`] reads what [`FileExporter`](crate::FileExporter) or the Python library has written,
//! as [`Line`]s of typed values, sorted into [`Run`]s. A run answers what one asks of it: which
//! spans there were ([`Run::spans`]), how they hang together ([`Run::tree`]), how long they took
//! ([`Run::statistics`]), and whether anything is missing ([`Run::completeness`]). The last three
//! have a `Display`; whoever lays them out otherwise shows names and durations with [`text`].
//!
//! Nothing in a file stops the reading. A line that cannot be read is listed with its reason
//! ([`Log::damage`]) and makes its run incomplete. Everything is kept in memory, which takes a few
//! times the size of the file.
//!
//! ```
//! let log = onelogger::read::from_str(
//!     r#"{"type":"start","id":"00000000-0000-8000-8000-000000000001","name":"job","count":1,"time_unix_nano":1000}
//! {"type":"start","id":"00000000-0000-8000-8000-000000000002","name":"load","count":2,"time_unix_nano":1500,"parent_id":"00000000-0000-8000-8000-000000000001"}
//! {"type":"stop","id":"00000000-0000-8000-8000-000000000002","name":"load","count":3,"time_unix_nano":1750,"duration_nano":250,"attributes":{"rows":128}}
//! {"type":"event","span_id":"00000000-00"#,
//! );
//! let run = &log.runs()[0];
//! assert_eq!(run.tree().to_string(), "job  open\n  load  250 ns  rows=128\n");
//! assert_eq!(run.statistics().get("load").unwrap().count, 1);
//! assert_eq!(log.damage()[0].to_string(), "line 4: breaks off");
//! assert!(!run.completeness().is_complete());
//! ```

mod completeness;
mod damage;
mod json;
mod line;
mod run;
mod source;
mod span;
mod statistics;
pub mod text;
mod totals;
mod tree;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use completeness::{Completeness, Finding, Verdict};
pub use damage::{Damage, DamageReason};
pub use line::{Line, LineKind, ParentId};
pub use run::Run;
pub use span::{SpanView, Spans};
pub use statistics::{Durations, NameStatistics, Statistics};
pub use totals::Totals;
pub use tree::{Entry, Node, Tree};

use self::run::Sorter;

/// What was read from one or more files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    paths: Vec<PathBuf>,
    runs: Vec<Run>,
    damage: Vec<Damage>,
}

impl Log {
    /// The runs, in the order in which they begin.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The lines that could not be read.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The files, in the order in which they were given; [`Line::file`] is a place in it. Empty if
    /// no file was read.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

/// Reads a file.
///
/// The file may still be written to; then its last line may be half a line, and its last run has no
/// closing record yet.
///
/// ```no_run
/// let log = onelogger::read::file("run.jsonl")?;
/// for run in log.runs() {
///     println!("{}\n{}\n{}", run.tree(), run.statistics(), run.completeness());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the file cannot be opened or read. What stands in it is never an error.
pub fn file(path: impl AsRef<Path>) -> io::Result<Log> {
    files([path])
}

/// Reads files as if they were one: those that a [`FileExporter`](crate::FileExporter) has rotated
/// through, the oldest first. Files of several processes may be read together as well.
///
/// # Errors
/// If a file cannot be opened or read.
pub fn files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> io::Result<Log> {
    let mut reading = Reading::default();
    for path in paths {
        let path = path.as_ref();
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(named)?;
        let number = reading.log.paths.len();
        reading.log.paths.push(path.to_owned());
        reading.take_in(number, file).map_err(named)?;
    }
    Ok(reading.into_log())
}

/// Reads whatever gives the bytes of a file.
///
/// # Errors
/// If the reader fails.
pub fn from_reader(reader: impl Read) -> io::Result<Log> {
    let mut reading = Reading::default();
    reading.take_in(0, reader)?;
    Ok(reading.into_log())
}

/// Reads the text of a file.
///
/// ```
/// let line = r#"{"type":"event","event":{"name":"e","attributes":{"timestamp_msec":7}}}"#;
/// let log = onelogger::read::from_str(line);
/// assert_eq!(log.runs()[0].lines()[0].time_unix_nanos, 7_000_000);
/// ```
pub fn from_str(text: &str) -> Log {
    // Memory can always be read.
    from_reader(text.as_bytes()).unwrap_or_default()
}

#[derive(Default)]
struct Reading {
    log: Log,
    sorter: Sorter,
}

impl Reading {
    fn take_in(&mut self, file: usize, reader: impl Read) -> io::Result<()> {
        source::for_each_line(reader, source::LONGEST_LINE_BYTES, |number, text| {
            match text.and_then(line::parse) {
                Ok(Some(line)) => self.sorter.add(Line { file, number, ..line }),
                Ok(None) => {}
                Err(reason) => {
                    let damage = Damage { file, number, reason };
                    self.sorter.add_damage(damage.clone());
                    self.log.damage.push(damage);
                }
            }
        })
    }

    fn into_log(self) -> Log {
        Log { runs: self.sorter.into_runs(), ..self.log }
    }
}
