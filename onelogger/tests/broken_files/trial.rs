//! A directory or a small disk for each test, a run that writes there, and what it has left.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use onelogger::exporter::{FilePath, MemoryExporter, MemoryRecords};
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Counts, DefaultRecorder, ErrorHandlingStrategy, Event, ExporterHealth, ExporterState,
    FileExporter, FullPolicy, LossReason, OneLoggerConfig, OneLoggerProvider, Record,
    RecorderHandle, SpanBuilder,
};
use serde_json::{Value, json};

/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of its own for a test. Removed when dropped.
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// A file system that no path leads to any more: it ends with this process, however that ends.
    pub(crate) small: Option<File>,
}

impl Place {
    pub(crate) fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("broken-files-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Place { directory, small: None }
    }

    /// A file system of 64 KiB; `None`, with a note, where none can be mounted.
    pub(crate) fn small() -> Option<Place> {
        let mut place = Place::new();
        let run = |command: &mut Command| {
            command.arg(&place.directory).output().is_ok_and(|output| output.status.success())
        };
        if !run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "onelogger-test"])) {
            println!("note: no file system can be mounted here; /dev/full has to do");
            return None;
        }
        let small = File::open(&place.directory).unwrap();
        assert!(run(Command::new("umount").arg("--lazy")));
        place.small = Some(small);
        Some(place)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        match &self.small {
            Some(small) => Path::new("/proc/self/fd").join(small.as_raw_fd().to_string()),
            None => self.directory.clone(),
        }
        .join(name)
    }

    /// Takes all space but so many bytes. A page is the least that a file takes.
    pub(crate) fn fill(&self, but: usize) {
        fs::write(self.path("filler"), vec![b'.'; (64 << 10) - but]).unwrap();
    }

    pub(crate) fn free(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "filler").collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A provider that writes to a file and keeps the records in memory.
pub(crate) struct Trial {
    pub(crate) path: FilePath,
    pub(crate) memory: MemoryRecords,
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    pub(crate) recorded: u64,
}

/// What became of the records: for the file, and for the exporter beside it.
pub(crate) struct Outcome {
    pub(crate) file: ExporterHealth,
    pub(crate) records: Vec<Record>,
}

pub(crate) fn config(strategy: ErrorHandlingStrategy) -> OneLoggerConfig {
    let builder = OneLoggerConfig::builder("broken").world_size(1).session_tag("files");
    builder.error_handling_strategy(strategy).build().unwrap()
}

/// Nothing is lost but through the file.
pub(crate) fn builder(file: FileExporter) -> (DefaultRecorderBuilder, FilePath, MemoryRecords) {
    let path = file.path();
    let (exporter, memory) = MemoryExporter::new();
    let builder = DefaultRecorder::builder()
        .lane_policy(FullPolicy::Block(PATIENCE))
        .queue_policy(FullPolicy::Block(PATIENCE));
    (builder.exporter(file).exporter(exporter), path, memory)
}

impl Trial {
    pub(crate) fn new(file: FileExporter) -> Trial {
        Trial::with(file, |builder| builder)
    }

    pub(crate) fn with(
        file: FileExporter,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        let (builder, path, memory) = builder(file);
        let provider = OneLoggerProvider::new();
        let config = config(ErrorHandlingStrategy::default());
        let guard = provider.configure(config, settings(builder).build().unwrap()).unwrap();
        // Closed by `finish`, to see whether that succeeds.
        std::mem::forget(guard);
        let recorder = provider.recorder();
        Trial { path, memory, provider, recorder, recorded: 0 }
    }

    /// A span with an event of its number: three records.
    pub(crate) fn span(&mut self, number: u64) {
        let span = SpanBuilder::new("work").with("number", number);
        let span = self.recorder.start(span).unwrap();
        self.recorder.event(&span, Event::new("tick").with("number", number)).unwrap();
        self.recorder.stop(&span).unwrap();
        self.recorded += 3;
    }

    pub(crate) fn flush(&self) {
        self.recorder.force_flush(PATIENCE).unwrap();
    }

    pub(crate) fn file(&self) -> ExporterHealth {
        self.recorder.health().exporters[0].clone()
    }

    /// Closes the provider, and checks what holds always.
    pub(crate) fn finish(self) -> Outcome {
        self.provider.close(PATIENCE).unwrap();
        let [file, memory] = &self.recorder.health().exporters[..] else { panic!() };
        for exporter in [file, memory] {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            assert_eq!((counts.recorded, counts.added), (self.recorded, 0), "{}", exporter.name);
        }
        assert_eq!((memory.counts.delivered, memory.state), (self.recorded, ExporterState::Closed));
        let mut records = self.memory.take();
        let closing = records.pop();
        assert!(matches!(closing, Some(Record::Event(event)) if event.name == "onelogger.close"));
        assert_eq!(records.len() as u64, self.recorded);
        // The calls of the application were all in order.
        assert_eq!(self.recorder.refused_calls(), 0);
        Outcome { file: file.clone(), records }
    }
}

/// What stands in one or several files of a run.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) lines: Vec<Value>,
    /// Lines that are no JSON.
    pub(crate) torn: usize,
}

impl Contents {
    pub(crate) fn read(path: &Path) -> Contents {
        let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
        let mut contents = Contents::default();
        for line in text.split_inclusive('\n') {
            match serde_json::from_str(line) {
                Ok(line) => contents.lines.push(line),
                Err(_) => contents.torn += 1,
            }
        }
        contents
    }

    /// Records of the application; a `complete` line is two.
    pub(crate) fn records(&self) -> u64 {
        let own = |line: &&Value| {
            let name = line["event"]["name"].as_str().unwrap_or_default();
            line["type"] != "telemetry_data_error" && !name.starts_with("onelogger.")
        };
        let of = |line: &Value| if line["type"] == "complete" { 2 } else { 1 };
        self.lines.iter().filter(own).map(of).sum()
    }

    pub(crate) fn reports(&self) -> Vec<&Value> {
        let reports = self.lines.iter().filter(|line| line["type"] == "telemetry_data_error");
        reports.map(|line| &line["error"]["attributes"]).collect()
    }

    /// A report in the file says how many records are lost for this reason. (Not the last report:
    /// that of the failure itself may have to wait for longer.)
    pub(crate) fn check_said(&self, reason: &str, lost: u64) {
        let name = format!("onelogger.lost.{reason}");
        let says = |report: &&Value| {
            report[&name] == lost
                && report["telemetry_data_error_type"] == "incomplete_telemetry_data"
        };
        assert!(self.reports().iter().any(says), "{lost} {reason}: {:?}", self.reports());
    }

    /// The file agrees with the counts: as many records, and the totals in the closing record.
    pub(crate) fn check(&self, counts: &Counts) {
        assert_eq!(self.records() + counts.delivered_updates, counts.delivered, "{counts:?}");
        let closing = self.lines.last().unwrap();
        assert_eq!(closing["event"]["name"], "onelogger.close");
        let mut expected = json!({
            "onelogger.recorded": counts.recorded,
            "onelogger.added": counts.added,
            "onelogger.delivered": counts.delivered,
            "onelogger.delivered.updates": counts.delivered_updates,
            "onelogger.withheld": counts.withheld,
        });
        for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
            expected[format!("onelogger.lost.{reason}")] = counts.lost(reason).into();
        }
        expected["timestamp_msec"] = closing["event"]["attributes"]["timestamp_msec"].clone();
        assert_eq!(closing["event"]["attributes"], expected);
        let counts: Vec<_> =
            self.lines.iter().map(|line| line["count"].as_u64().unwrap()).collect();
        assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
    }
}
