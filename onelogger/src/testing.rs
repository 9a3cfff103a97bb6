//! For tests of instrumented code.
//!
//! ```
//! let capture = onelogger::testing::capture();
//! let recorder = onelogger::recorder();
//! let span = recorder.start("load")?;
//! capture.clock().advance(std::time::Duration::from_millis(3));
//! recorder.stop(&span)?;
//! let records = capture.finish();
//! assert!(matches!(&records[1], onelogger::Record::Stop(span) if span.duration_nanos == 3_000_000));
//! # Ok::<(), onelogger::recorder::RecordError>(())
//! ```

use std::time::Duration;

use crate::context::Attached;
use crate::data::names::event;
use crate::data::{Record, TimeWindow};
use crate::exporter::{MemoryExporter, MemoryRecords};
use crate::pipeline::ManualClock;
use crate::recorder::{DefaultRecorder, ErrorHandlingStrategy};
use crate::setup::{OneLoggerConfig, OneLoggerGuard, OneLoggerProvider};

/// When the clock of a [`Capture`] begins: 14 November 2023, 22:13:20 UTC.
pub const EPOCH_UNIX_NANOS: u64 = 1_700_000_000_000_000_000;

/// Records what the current thread, and whatever takes its context over, records from here on.
///
/// Each capture has a provider of its own, so tests run in parallel. The clock stands still until
/// it is moved, ids are the same in every run, a misuse is returned as an error (a macro panics with
/// it), explicit times may lie wherever they like. The filter of the process ([`callsite`](crate::callsite)) decides which macros record, here as
/// elsewhere.
///
/// # Panics
/// If the provider cannot be configured, which nothing but a fault of this library can cause.
pub fn capture() -> Capture {
    let clock = ManualClock::new(EPOCH_UNIX_NANOS);
    let (exporter, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder()
        .exporter(exporter)
        .synchronous()
        .manual_clock(clock.clone())
        // Times that are given come from another clock.
        .time_window(TimeWindow { past: Duration::MAX, future: Duration::MAX })
        .fixed_ids()
        .build()
        .expect("these settings are right");
    let config = OneLoggerConfig::builder("capture")
        .world_size(1)
        .session_tag("")
        .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
        .build()
        .expect("this configuration is right");
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).expect("the provider is new");
    let attached = provider.attach();
    Capture { attached, guard, provider, clock, records }
}

/// What [`capture`] records with.
#[must_use = "dropping a capture ends it"]
pub struct Capture {
    /// Detached before the provider is closed.
    attached: Attached,
    guard: OneLoggerGuard,
    provider: OneLoggerProvider,
    clock: ManualClock,
    records: MemoryRecords,
}

impl Capture {
    /// The clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The provider, to attach it on other threads.
    pub fn provider(&self) -> &OneLoggerProvider {
        &self.provider
    }

    /// The records so far.
    pub fn records(&self) -> Vec<Record> {
        self.records.to_vec()
    }

    /// Ends the capture and returns its records. Spans still open are stopped, and marked so; the
    /// library's own closing record is left out.
    pub fn finish(self) -> Vec<Record> {
        let Capture { attached, guard, records, .. } = self;
        drop(attached);
        drop(guard);
        let mut records = records.take();
        records.retain(|record| !matches!(record, Record::Event(e) if e.name == event::CLOSE));
        records
    }
}
