//! A job that reads all text files below a directory, recorded through the recorder's own calls.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example recorder [DIRECTORY] [--out FILE]
//! ```
//!
//! Without arguments it reads this repository and records into `recorder.jsonl` in the system's
//! directory for temporary files. In the end it reads its own records back, and shows what they say
//! of the job.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use onelogger::prelude::*;
use onelogger::recorder::RecordError;
use onelogger::{Outcome, RecorderHandle, Span, names, read};

/// What was found in a file, or below a directory.
#[derive(Clone, Copy, Default)]
struct Findings {
    files: usize,
    lines: usize,
    words: usize,
    bytes: usize,
}

impl std::ops::AddAssign for Findings {
    fn add_assign(&mut self, other: Findings) {
        self.files += other.files;
        self.lines += other.lines;
        self.words += other.words;
        self.bytes += other.bytes;
    }
}

/// The job: where it stands, and what it records with.
struct Survey {
    recorder: RecorderHandle,
    /// The span of the whole job.
    application: Span,
    root: PathBuf,
    found: Findings,
    identifiers: HashMap<String, usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (root, out) = arguments()?;

    // Once, in `main`: who we are, and where the records go.
    let exporter = FileExporter::new(out);
    // A file that exists is not overwritten; the exporter knows the name it has chosen instead.
    let path = exporter.path();
    let recorder = DefaultRecorder::builder().exporter(exporter).build()?;
    let config = OneLoggerConfig::builder("survey").session_tag("example").world_size(1).build()?;
    let provider = OneLoggerProvider::instance();
    let _onelogger = provider.configure(config, recorder)?;

    let identifiers = survey(&root)?;

    // The end of `_onelogger` would do that as well; but the file is to be read here.
    provider.close(Duration::from_secs(10))?;
    let path = path.get().ok_or("the file could not be opened")?;
    let report = report(&path, &identifiers)?;
    match io::stdout().write_all(report.as_bytes()) {
        // The reader of a pipe may have seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The directory to read, and the file to record into.
fn arguments() -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut out = env::temp_dir().join("recorder.jsonl");
    let mut arguments = env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--out") => out = arguments.next().ok_or("`--out` needs a file")?.into(),
            Some(option) if option.starts_with('-') => {
                return Err(format!("unknown option `{option}`; expected `--out FILE`").into());
            }
            _ => root = argument.into(),
        }
    }
    Ok((root, out))
}

/// Reads everything below the directory; returns how often each identifier occurs.
///
/// A call to the recorder returns an error only if the application has asked for that
/// (`ErrorHandlingStrategy::PropagateExceptions`): telemetry makes no job fail that did not.
fn survey(root: &Path) -> Result<HashMap<String, usize>, RecordError> {
    let recorder = onelogger::recorder();
    let application = recorder.start(names::span::APPLICATION)?;
    let mut survey = Survey {
        recorder,
        application,
        root: root.to_owned(),
        found: Findings::default(),
        identifiers: HashMap::new(),
    };
    survey.directory(root)?;
    let Survey { recorder, application, found, identifiers, .. } = survey;
    recorder.stop_with(&application, SpanStop::new().attributes(found.attributes()))?;
    Ok(identifiers)
}

impl Survey {
    /// Reads a directory. Its span hangs under the current one, which is that of the directory
    /// above.
    fn directory(&mut self, path: &Path) -> Result<Findings, RecordError> {
        let span = SpanBuilder::new("directory").with("path", self.shown(path));
        let span = self.recorder.start(span)?;
        let mut found = Findings::default();
        let mut outcome = Outcome::Ok;
        match entries(path) {
            Ok(entries) => {
                for (path, is_directory) in entries {
                    found += if is_directory { self.directory(&path)? } else { self.file(&path)? };
                }
            }
            Err(error) => {
                outcome = Outcome::Error;
                self.failed(&span, path, &error)?;
            }
        }
        self.recorder.set_attributes(&span, found.attributes())?;
        self.recorder.stop_with(&span, SpanStop::new().outcome(outcome))?;
        Ok(found)
    }

    fn file(&mut self, path: &Path) -> Result<Findings, RecordError> {
        /// After so many files an event says how far the job has come.
        const FILES_PER_EVENT: usize = 50;
        let span = SpanBuilder::new("file").with("path", self.shown(path));
        let span = self.recorder.start(span)?;
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.failed(&span, path, &error)?;
                self.recorder.stop_with(&span, SpanStop::new().outcome(Outcome::Error))?;
                return Ok(Findings::default());
            }
        };
        let found = Findings {
            files: 1,
            lines: text.lines().count(),
            words: text.split_whitespace().count(),
            bytes: text.len(),
        };
        self.count_identifiers(&text);
        self.recorder.set_attributes(&span, found.attributes())?;
        self.recorder.stop(&span)?;

        self.found += found;
        if self.found.files.is_multiple_of(FILES_PER_EVENT) {
            let progress = Event::new("progress").attributes(self.found.attributes());
            self.recorder.event(&self.application, progress)?;
        }
        Ok(found)
    }

    fn failed(&self, span: &Span, path: &Path, error: &io::Error) -> Result<(), RecordError> {
        let message = format!("cannot read {}", self.shown(path));
        self.recorder.error(span, ErrorEvent::new(message).caused_by(error))
    }

    fn count_identifiers(&mut self, text: &str) {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| word.len() > 2 && !word.starts_with(char::is_numeric)) {
            match self.identifiers.get_mut(word) {
                Some(count) => *count += 1,
                None => drop(self.identifiers.insert(word.to_owned(), 1)),
            }
        }
    }

    /// A path as seen from the directory where the job began.
    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        Path::new(".").join(below).display().to_string()
    }
}

impl Findings {
    fn attributes(&self) -> Attributes {
        let Findings { files, lines, words, bytes } = *self;
        [("files", files), ("lines", lines), ("words", words), ("bytes", bytes)].into()
    }
}

/// The files and directories in a directory, by name, and whether each is a directory. What cargo
/// and git keep for themselves is left out, and so is what is neither (links, sockets).
fn entries(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let is_wanted = !entry.ends_with("target") && !entry.ends_with(".git");
        if is_wanted && (kind.is_file() || kind.is_dir()) {
            entries.push((entry, kind.is_dir()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// What the records say of the job.
fn report(path: &Path, identifiers: &HashMap<String, usize>) -> Result<String, Box<dyn Error>> {
    // A terminal has no room for all.
    const MOST_LINES: usize = 30;
    const MOST_ERRORS: usize = 5;
    let log = read::file(path)?;
    let run = log.runs().last().ok_or("the file is empty")?;
    let mut report = String::new();

    let tree = run.tree();
    let (directories, files): (Vec<_>, Vec<_>) =
        tree.walk().partition(|node| *node.span().name() != "file");
    for node in directories.iter().take(MOST_LINES) {
        writeln!(report, "{:1$}{node}", "", 2 * node.depth())?;
    }
    let more = directories.len().saturating_sub(MOST_LINES);
    writeln!(report, "… and {more} more directories, {} files", files.len())?;
    for error in run.errors().take(MOST_ERRORS) {
        writeln!(report, "{error}")?;
    }

    writeln!(report, "\n{}", run.statistics())?;

    let mut identifiers: Vec<_> = identifiers.iter().collect();
    identifiers.sort_by_key(|&(word, count)| (std::cmp::Reverse(count), word));
    let frequent = identifiers.iter().take(10).map(|(word, count)| format!("{word} {count}"));
    writeln!(report, "most frequent: {}", frequent.collect::<Vec<_>>().join(", "))?;
    writeln!(report, "{}", run.completeness())?;
    writeln!(report, "records: {}", path.display())?;
    Ok(report)
}
