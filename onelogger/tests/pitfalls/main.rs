//! Faults of the Python library that this one must not have, each by its number. Those that have tests
//! elsewhere bear theirs there; `cargo xtask tidy` knows the list.

mod failures;
mod spans;
mod times;

use std::time::Duration;

use onelogger::exporter::MemoryRecords;
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, ManualClock, MemoryExporter, OneLoggerConfig,
    OneLoggerGuard, OneLoggerProvider, Record, RecorderHandle, SpanRecord,
};

pub(crate) const EPOCH: u64 = 1_700_000_000_000_000_000;
/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A provider in synchronous mode, with a clock that stands still and an exporter that keeps all.
pub(crate) struct Job {
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    pub(crate) records: MemoryRecords,
    guard: OneLoggerGuard,
}

impl Job {
    pub(crate) fn new(strategy: ErrorHandlingStrategy) -> Job {
        Job::with(strategy, |builder| builder)
    }

    pub(crate) fn with(
        strategy: ErrorHandlingStrategy,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Job {
        let (exporter, records) = MemoryExporter::new();
        let builder = DefaultRecorder::builder().manual_clock(ManualClock::new(EPOCH));
        let builder = builder.synchronous();
        // Last, so that it sees what becomes of those before it.
        let recorder = settings(builder).exporter(exporter).build().unwrap();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config(strategy), recorder).unwrap();
        Job { recorder: provider.recorder(), provider, records, guard }
    }

    /// Closes the provider; what was recorded since it was asked last.
    pub(crate) fn close(self) -> Vec<Record> {
        drop(self.guard);
        self.records.take()
    }
}

pub(crate) fn config(strategy: ErrorHandlingStrategy) -> OneLoggerConfig {
    let config = OneLoggerConfig::builder("pitfalls").session_tag("").world_size(1);
    config.error_handling_strategy(strategy).build().unwrap()
}

/// The spans that have stopped.
pub(crate) fn stops(records: &[Record]) -> Vec<&SpanRecord> {
    let stops = records.iter().filter_map(|record| match record {
        Record::Stop(span) => Some(span),
        _ => None,
    });
    stops.collect()
}

/// The stop of the span of this name.
pub(crate) fn stop_of<'a>(records: &'a [Record], name: &str) -> &'a SpanRecord {
    let found = stops(records).into_iter().find(|span| span.name.as_str() == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {records:?}"))
}

/// Messages of the reports that something is wrong with the telemetry.
pub(crate) fn reports(records: &[Record]) -> Vec<String> {
    let errors = records.iter().filter_map(|record| match record {
        Record::TelemetryDataError(error) => Some(&error.attributes),
        _ => None,
    });
    let message = "error_message";
    errors.map(|error| error.get_str(message).unwrap().unwrap_or_default().to_owned()).collect()
}
