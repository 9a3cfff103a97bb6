//! A program that reports to a collector.

use std::time::Duration;

use onelogger::exporter::{Batch, ExportError, Exporter, Run};
use onelogger::{
    Counts, DefaultRecorder, DisableRule, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider,
    Record, RecorderHandle,
};
use onelogger_otel::{OtlpExporter, OtlpExporterBuilder, Protocol, RetryPolicy};

use super::Collector;

/// What takes longer hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// An exporter for a collector: one attempt, no announcements.
pub(crate) fn exporter(collector: &Collector, protocol: Protocol) -> OtlpExporterBuilder {
    OtlpExporter::builder()
        .endpoint(&collector.address)
        .protocol(protocol)
        .timeout(Duration::from_secs(5))
        .retry(RetryPolicy::NEVER)
        .announce_open_spans_after(None)
}

/// Exports records that are made by hand.
pub(crate) fn export(
    exporter: OtlpExporterBuilder,
    records: impl IntoIterator<Item = Record>,
) -> Result<(), ExportError> {
    let mut exporter = exporter.build().expect("settings that work");
    exporter.open(&Run::new("by hand", 1))?;
    let batch: Batch = records.into_iter().collect();
    exporter.export_batch(batch.records())
}

/// A recorder whose batches end where the test says so.
pub(crate) struct Job {
    provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    _guard: OneLoggerGuard,
}

impl Job {
    pub(crate) fn new(exporter: OtlpExporterBuilder) -> Job {
        Job::with(exporter.build().expect("settings that work"))
    }

    pub(crate) fn with(exporter: impl Exporter) -> Job {
        // Losses are to have one reason.
        Job::under(DisableRule::AfterConsecutive(u32::MAX), exporter)
    }

    pub(crate) fn under(rule: DisableRule, exporter: impl Exporter) -> Job {
        let recorder = DefaultRecorder::builder()
            .drain_interval(Duration::from_secs(3600))
            .queue_bytes(64 << 20);
        let recorder = recorder.disable_rule(rule).exporter(exporter).build().expect("a recorder");
        let config = OneLoggerConfig::builder("job")
            .session_tag("test")
            .world_size(1)
            .build()
            .expect("a config");
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config, recorder).expect("a provider");
        let recorder = provider.recorder();
        let job = Job { provider, recorder, _guard: guard };
        // The pipeline looks for records when it starts, and not again by itself. What opens the
        // run is sent with this.
        job.flush();
        job
    }

    pub(crate) fn flush(&self) {
        self.recorder.force_flush(LIMIT).expect("a flush in time");
    }

    /// Lets the macros record here, on this thread.
    pub(crate) fn attach(&self) -> onelogger::context::Attached {
        self.provider.attach()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.recorder.health().exporters[0].counts
    }

    pub(crate) fn last_error(&self) -> String {
        self.recorder.health().exporters[0].last_error.clone().unwrap_or_default()
    }

    /// Records spans that start and stop.
    pub(crate) fn spans(&self, count: usize) {
        for index in 0..count {
            let span = self.recorder.start(format!("span {index}")).expect("a span");
            self.recorder.stop(&span).expect("its end");
        }
    }

    /// Records events without a span.
    pub(crate) fn events(&self, count: usize) {
        for _ in 0..count {
            self.recorder.event(None, "event").expect("an event");
        }
    }

    /// Closes within so long a time; the counts are in balance. A busy machine may need a moment more.
    pub(crate) fn close_within(&self, timeout: Duration) -> Counts {
        if self.provider.close(timeout).is_err() {
            self.provider.close(LIMIT).expect("a close soon after");
        }
        let counts = self.counts();
        assert!(counts.is_balanced(), "{counts:?}");
        counts
    }

    /// Closes everything; the counts are in balance.
    pub(crate) fn close(self) -> Counts {
        self.provider.close(LIMIT).expect("a close in time");
        let counts = self.counts();
        assert!(counts.is_balanced(), "{counts:?}");
        counts
    }
}
