//! A program that reports to a collector, within the test.

use std::time::Duration;

use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::recorder::{CloseError, DefaultRecorderBuilder};
use onelogger::{
    Counts, DefaultRecorder, DisableRule, Event, FullPolicy, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, Record, RecorderHandle, SpanBuilder,
};
use onelogger_otel::{OtlpExporter, OtlpExporterBuilder, Protocol, RetryPolicy};

/// What takes longer hangs, however busy the machine is.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Tries again soon, and for longer than any test takes.
pub fn patient() -> RetryPolicy {
    RetryPolicy {
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
        within: LIMIT,
    }
}

/// Tries again once or twice.
pub fn impatient() -> RetryPolicy {
    RetryPolicy { within: Duration::from_millis(60), ..patient() }
}

/// An exporter that is patient and announces no spans.
pub fn exporter(protocol: Protocol, endpoint: &str) -> OtlpExporterBuilder {
    OtlpExporter::builder()
        .endpoint(endpoint)
        .protocol(protocol)
        .timeout(Duration::from_secs(20))
        .retry(patient())
        .announce_open_spans_after(None)
}

/// A job with an exporter to the collector, and one that keeps in memory what should arrive there.
pub struct Job {
    provider: OneLoggerProvider,
    /// For explicit calls.
    pub recorder: RecorderHandle,
    records: MemoryRecords,
    guard: OneLoggerGuard,
}

/// What there is to say of a job that has ended.
#[derive(Clone, Debug)]
pub struct Closed {
    /// What became of the records, for the collector.
    pub counts: Counts,
    /// What the exporter says last of what went wrong.
    pub last_error: String,
    /// The records.
    pub records: Vec<Record>,
}

impl Job {
    /// Configures a provider of its own. The service is named as the job is. Calls wait for room, so
    /// that what is lost is lost at the collector.
    ///
    /// # Panics
    /// If a setting is wrong.
    pub fn start(name: &str, exporter: OtlpExporterBuilder) -> Job {
        let recorder = complete().drain_interval(Duration::from_millis(20));
        Job::with(name, recorder, exporter)
    }

    /// A job whose records go out when it is flushed, in one batch, and whose exporter is never
    /// switched off, so that all losses have one reason.
    ///
    /// # Panics
    /// If a setting is wrong.
    pub fn in_batches(name: &str, exporter: OtlpExporterBuilder) -> Job {
        let recorder = complete()
            .drain_interval(Duration::from_secs(3600))
            .disable_rule(DisableRule::AfterConsecutive(u32::MAX));
        let job = Job::with(name, recorder, exporter);
        // The pipeline looks for records when it starts, and not again by itself.
        job.flush();
        job
    }

    /// A job with nothing set but its exporter: no call waits for anything.
    ///
    /// # Panics
    /// If a setting is wrong.
    pub fn by_default(name: &str, exporter: OtlpExporterBuilder) -> Job {
        Job::with(name, DefaultRecorder::builder(), exporter)
    }

    fn with(name: &str, recorder: DefaultRecorderBuilder, exporter: OtlpExporterBuilder) -> Job {
        let (memory, records) = MemoryExporter::new();
        let exporter = exporter.build().expect("settings that work");
        let recorder = recorder.exporter(exporter).exporter(memory).build().expect("a recorder");
        let config = OneLoggerConfig::builder(name).session_tag("test").world_size(1);
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config.build().expect("a config"), recorder);
        let guard = guard.expect("a provider that was not configured");
        Job { recorder: provider.recorder(), provider, records, guard }
    }

    /// Runs code whose macros report to the job.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _attached = self.provider.attach();
        work()
    }

    /// Records a span without a child and an event without a span, under each of these numbers.
    ///
    /// # Panics
    /// If a call fails: none may, whatever the collector does.
    pub fn work(&self, numbers: std::ops::Range<i64>) {
        for number in numbers {
            let span = SpanBuilder::new(format!("span {number}")).with("number", number).root();
            let span = self.recorder.start(span).expect("a span");
            self.recorder.stop(&span).expect("its end");
            let event = Event::new("progress").with("number", number);
            self.recorder.event(None, event).expect("an event");
        }
    }

    /// Waits until the collector has answered, or was given up.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn flush(&self) {
        self.recorder.force_flush(LIMIT).expect("a flush in time");
    }

    /// What has become of the records.
    pub fn counts(&self) -> Counts {
        self.recorder.health().exporters[0].counts
    }

    /// What the exporter says last of what went wrong.
    pub fn last_error(&self) -> String {
        self.recorder.health().exporters[0].last_error.clone().unwrap_or_default()
    }

    /// Closes what can be closed in so short a time.
    ///
    /// # Errors
    /// If that is not all.
    pub fn abandon(self, timeout: Duration) -> Result<(), CloseError> {
        let closed = self.provider.close(timeout);
        drop(self.guard.close_timeout(timeout));
        closed
    }

    /// Closes everything.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn close(self) -> Closed {
        self.provider.close(LIMIT).expect("a close in time");
        drop(self.guard);
        let health = self.recorder.health();
        let exporter = &health.exporters[0];
        Closed {
            counts: exporter.counts,
            last_error: exporter.last_error.clone().unwrap_or_default(),
            records: self.records.take(),
        }
    }
}

/// Waits for room rather than losing a record.
fn complete() -> DefaultRecorderBuilder {
    let patience = FullPolicy::Block(LIMIT);
    DefaultRecorder::builder().lane_policy(patience).queue_policy(patience)
}
