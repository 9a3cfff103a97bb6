//! A provider of its own for each test, what is counted while it records, and what comes of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use onelogger::exporter::FilePath;
use onelogger::recorder::{DefaultRecorderBuilder, RecordError};
use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, Event, FileExporter, FullPolicy, Health, LossReason,
    OneLoggerConfig, OneLoggerProvider, RecorderHandle, Span, SpanBuilder,
};

use crate::contents::*;

/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
pub(crate) const WAIT: FullPolicy = FullPolicy::Block(PATIENCE);
/// The smallest lane that there is: a handful of records.
pub(crate) const TINY_LANE: usize = 640;

/// How many of `full` are done: all with `ONELOGGER_FULL=1`.
pub(crate) fn size(full: usize, normally: usize) -> usize {
    if std::env::var_os("ONELOGGER_FULL").is_some() { full } else { normally }
}

/// A provider that writes a file, and what its threads say they have recorded.
pub(crate) struct Trial {
    pub(crate) directory: PathBuf,
    pub(crate) path: FilePath,
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    pub(crate) starts: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) events: AtomicU64,
}

/// What a trial left behind.
pub(crate) struct Outcome {
    pub(crate) contents: Contents,
    pub(crate) health: Health,
    pub(crate) recorded: u64,
}

impl Trial {
    /// A provider with a file exporter and whatever `settings` adds.
    pub(crate) fn new(
        name: &str,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        Trial::configure(OneLoggerProvider::new(), name, settings)
    }

    /// The same with a provider that is there already. A refused call is an error.
    pub(crate) fn configure(
        provider: OneLoggerProvider,
        name: &str,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("threads-{}-{name}", std::process::id()));
        let file = FileExporter::new(directory.join("run.jsonl"));
        let path = file.path();
        let builder = DefaultRecorder::builder().exporter(file);
        let config = OneLoggerConfig::builder("threads")
            .world_size(1)
            .session_tag("test")
            .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
            .build()
            .unwrap();
        let guard = provider.configure(config, settings(builder).build().unwrap()).unwrap();
        // The tests close the provider themselves, to see whether that succeeds.
        std::mem::forget(guard);
        let recorder = provider.recorder();
        let (starts, stops, events) = Default::default();
        Trial { directory, path, provider, recorder, starts, stops, events }
    }

    pub(crate) fn start(&self, span: impl Into<SpanBuilder>) -> Result<Span, RecordError> {
        let span = self.recorder.start(span)?;
        self.starts.fetch_add(1, Ordering::Relaxed);
        Ok(span)
    }

    pub(crate) fn stop(&self, span: &Span) -> Result<(), RecordError> {
        self.recorder.stop(span)?;
        self.stops.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn event(&self, span: &Span, event: Event) -> Result<(), RecordError> {
        self.recorder.event(span, event)?;
        self.events.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A span with an event, both with the number.
    pub(crate) fn span_with_event(&self, thread: usize, number: usize) -> Result<(), RecordError> {
        let span = SpanBuilder::new("work").with("thread", thread).with("number", number);
        let span = self.start(span)?;
        self.event(&span, Event::new("tick").with("number", number))?;
        self.stop(&span)
    }

    /// Closes the provider, and checks what holds always.
    pub(crate) fn finish(self) -> Outcome {
        self.provider.close(PATIENCE).unwrap();
        let health = self.recorder.health();
        let contents = Contents::read(&self.path.get().unwrap());
        let [starts, stops, events] =
            [&self.starts, &self.stops, &self.events].map(|count| count.load(Ordering::Relaxed));
        // The close stops what is open, and that is a record like any other. A span that was lost
        // or withheld has no stop that the application did not make.
        let recorded = starts + stops + events + contents.truncated;
        assert!(stops + contents.truncated <= starts, "{stops} stops of {starts} spans");
        for exporter in &health.exporters {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            assert_eq!(counts.recorded, recorded, "{}: {counts:?}", exporter.name);
            assert_eq!(counts.added, 0, "{}", exporter.name);
        }
        let file = health.exporters[0].counts;
        assert_eq!(contents.records, file.delivered, "{file:?}");
        assert_eq!(contents.closing, closing(&file));
        contents.check_wholeness();
        std::fs::remove_dir_all(&self.directory).unwrap();
        Outcome { contents, health, recorded }
    }
}

impl Outcome {
    pub(crate) fn lost(&self, exporter: usize, reason: LossReason) -> u64 {
        self.health.exporters[exporter].counts.lost(reason)
    }

    /// Every record is in the file.
    pub(crate) fn check_complete(&self) {
        assert_eq!(self.contents.records, self.recorded);
        assert_eq!(self.contents.reports, 0);
    }

    pub(crate) fn print(&self, test: &str) {
        for exporter in &self.health.exporters {
            println!("{test}: {}: {:?}", exporter.name, exporter.counts);
        }
    }
}

/// Runs `work` on so many threads, with the trial's provider in force.
pub(crate) fn on_threads(trial: &Trial, threads: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || {
                let _attached = trial.provider.attach();
                work(thread);
            });
        }
    });
}

/// A root span, and `each` spans with an event under it; under the current span or an explicit one.
pub(crate) fn grow_tree(trial: &Trial, thread: usize, each: usize) {
    let root = trial.start(SpanBuilder::new("root").with("thread", thread)).unwrap();
    for number in 0..each {
        let mut span = SpanBuilder::new("work").with("thread", thread).with("number", number);
        if number % 2 == 0 {
            span = span.parent(&root);
        }
        let span = trial.start(span).unwrap();
        trial.event(&span, Event::new("tick").with("number", number)).unwrap();
        trial.stop(&span).unwrap();
    }
    trial.stop(&root).unwrap();
}
