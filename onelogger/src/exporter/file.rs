use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::json_lines::{Folding, JsonLines, Sink};
use super::{ExportError, Exporter, Records, Run, path};
use crate::diagnostics;

/// Writes JSON Lines: one record a line, readable by `jq`, by [`read`](crate::read) and by whatever
/// reads the Python library's files.
///
/// # The file
///
/// The path may hold `{rank}`, `{pid}` and a leading `~`; missing directories are made. A file that
/// exists is never truncated: `run.jsonl` becomes `run.1.jsonl`, or, with
/// [`append`](FileExporter::append), lines are added to it. Each batch of lines is written with one
/// system call, and what is written survives the death of the process (not of the machine: nothing
/// is synced to the disk). If the disk is full, a line that was written in part is taken back.
///
/// # The lines
///
/// Types `start`, `stop`, `complete` (start and stop of a span with nothing between), `event`,
/// `application_error` and `telemetry_data_error`, with the keys of the Python library's files and
/// `trace_id`, `parent_id`, `time_unix_nano`, `duration_nano` beside them. The first line of a run
/// is an event `onelogger.open`, which says whose run it is, the last an event `onelogger.close`
/// with the totals. `count` numbers the lines of a run from 1; a gap is a line that could not be
/// written.
///
/// ```no_run
/// use onelogger::FileExporter;
/// let exporter = FileExporter::new("~/runs/trainer-{rank}.jsonl").rotate_at(1 << 30);
/// ```
pub struct FileExporter {
    template: PathBuf,
    is_append: bool,
    rotate_at: Option<u64>,
    lines: JsonLines<RunFile>,
    path: FilePath,
}

/// Where a [`FileExporter`] is writing, once it has been opened.
#[derive(Clone, Debug, Default)]
pub struct FilePath(Arc<Mutex<Option<PathBuf>>>);

impl FilePath {
    /// The path of the current file; `None` before the provider is configured.
    pub fn get(&self) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn set(&self, path: PathBuf) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(path);
    }
}

impl FileExporter {
    /// An exporter for this path. Nothing is opened before the provider is configured.
    pub fn new(path: impl Into<PathBuf>) -> FileExporter {
        FileExporter {
            template: path.into(),
            is_append: false,
            rotate_at: None,
            lines: JsonLines::new(None, Folding::default()),
            path: FilePath::default(),
        }
    }

    /// Adds to the file if it exists, instead of choosing a new name.
    #[must_use]
    pub fn append(mut self) -> FileExporter {
        self.is_append = true;
        self
    }

    /// Goes on in a new file (`run.1.jsonl`, …) once the current one has so many bytes.
    ///
    /// `count` goes on as well. A file may exceed the limit by one batch. If no new file can be
    /// made, the old one is used further.
    #[must_use]
    pub fn rotate_at(mut self, bytes: u64) -> FileExporter {
        self.rotate_at = Some(bytes.max(1));
        self
    }

    /// Chooses whether starts wait for their stops.
    #[must_use]
    pub fn folding(mut self, folding: Folding) -> FileExporter {
        self.lines.folding = folding;
        self
    }

    /// A handle that knows the path in use, also after the exporter was given to a recorder.
    pub fn path(&self) -> FilePath {
        self.path.clone()
    }

    /// Opens the file, unless it is open and only its first line could not be written.
    fn open_file(&mut self, run: &Run) -> Result<(), ExportError> {
        if self.lines.sink.is_none() {
            let file = RunFile::open(&self.template, run, self.is_append);
            let (file, name, is_torn) =
                file.map_err(|error| ExportError::new(error.to_string()).with_source(error))?;
            self.path.set(name);
            self.lines.sink = Some(file);
            if is_torn {
                self.lines.mend = b"\n";
            }
        }
        Ok(())
    }

    fn rotate(&mut self) {
        let (Some(limit), Some(file)) = (self.rotate_at, &mut self.lines.sink) else {
            return;
        };
        // A torn line is mended where it stands.
        if file.bytes < limit || !file.is_regular || !self.lines.mend.is_empty() {
            return;
        }
        match path::open_new(&file.base, file.next_number) {
            Ok((next, name, number)) => {
                file.file = next;
                file.bytes = 0;
                file.next_number = number;
                self.path.set(name);
            }
            Err(error) => {
                // Asked again after as many bytes; until then the old file does.
                file.bytes = 0;
                diagnostics::warn(format_args!("cannot go on in a new file: {error}"));
            }
        }
    }
}

impl Exporter for FileExporter {
    fn name(&self) -> &str {
        "FileExporter"
    }

    fn check(&self) -> Result<(), ExportError> {
        let expanded = path::expand(&self.template, None);
        expanded.map(drop).map_err(|error| ExportError::new(error.to_string()))
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        self.open_file(run).and_then(|()| self.lines.open(run)).map_err(|error| {
            let message = format!("cannot open {}: {error}", self.template.display());
            ExportError::new(message).with_source(error)
        })
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        // Before and not after, so that the last file of a run is not an empty one.
        self.rotate();
        self.lines.export(records)
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.lines.flush(false)
    }

    fn close(&mut self) -> Result<(), ExportError> {
        let result = self.lines.flush(true);
        self.lines.sink = None;
        result
    }
}

struct RunFile {
    file: File,
    /// The name that the numbers are put into.
    base: PathBuf,
    next_number: u64,
    bytes: u64,
    is_regular: bool,
}

impl RunFile {
    /// Opens the file; also says whether its last line is torn.
    fn open(template: &Path, run: &Run, is_append: bool) -> io::Result<(RunFile, PathBuf, bool)> {
        let base = path::expand(template, run.rank())?;
        let (file, name, next_number, is_torn) = if is_append {
            let mut file = path::open_append(&base)?;
            let is_torn = is_torn(&mut file)?;
            (file, base.clone(), 1, is_torn)
        } else {
            let (file, name, next_number) = path::open_new(&base, 0)?;
            (file, name, next_number, false)
        };
        let metadata = file.metadata()?;
        let (bytes, is_regular) = (metadata.len(), metadata.is_file());
        Ok((RunFile { file, base, next_number, bytes, is_regular }, name, is_torn))
    }
}

/// Whether the last line of a file has no end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

impl Write for RunFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for RunFile {
    fn take_back(&mut self, bytes: u64) -> bool {
        // Another process may append to the same file; then these are not the last bytes, and the
        // file's length is not what we think. It is left alone.
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        let ours = self.is_regular && length == self.bytes && length >= bytes;
        let taken = ours && self.file.set_len(length - bytes).is_ok();
        if taken {
            self.bytes -= bytes;
        }
        taken
    }
}
