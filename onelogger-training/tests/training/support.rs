//! A job with a clock that is moved by hand, and what it has recorded.

use std::time::Duration;

use onelogger::context::Attached;
use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::{
    Attributes, DefaultRecorder, ErrorHandlingStrategy, ManualClock, OneLoggerConfig,
    OneLoggerConfigBuilder, OneLoggerGuard, OneLoggerProvider, Record, SpanFilter, Timestamp,
};
use onelogger_training::{
    TrainStart, TrainingConfig, TrainingConfigBuilder, TrainingTelemetry,
    TrainingTelemetryProvider, telemetry,
};

/// When the clock begins, in seconds since 1970.
pub(crate) const EPOCH: u64 = 1_700_000_000;

pub(crate) struct Job {
    pub(crate) telemetry: TrainingTelemetry,
    pub(crate) clock: ManualClock,
    records: MemoryRecords,
    attached: Attached,
    guard: OneLoggerGuard,
}

/// 8 samples an iteration, an update every 2 iterations.
pub(crate) fn small() -> TrainingConfigBuilder {
    TrainingConfig::builder().perf_tag("p").global_batch_size(8).log_every_n_train_iterations(2)
}

/// The same with 10¹² operations a sample, so 8 · 10¹² an iteration.
pub(crate) fn with_throughput() -> TrainingConfigBuilder {
    small()
        .is_log_throughput_enabled(true)
        .flops_per_sample(1_000_000_000_000)
        .train_iterations_target(100)
        .train_samples_target(800)
}

/// A run of one rank in which a misuse is an error.
pub(crate) fn strict() -> OneLoggerConfigBuilder {
    let strategy = ErrorHandlingStrategy::PropagateExceptions;
    lenient().error_handling_strategy(strategy)
}

/// One with the default strategy.
pub(crate) fn lenient() -> OneLoggerConfigBuilder {
    OneLoggerConfig::builder("test").session_tag("t").world_size(1)
}

impl Job {
    pub(crate) fn new(training: TrainingConfigBuilder) -> Job {
        Job::of(TrainingTelemetryProvider::new(strict()).training_config(training))
    }

    /// A job that exports all spans.
    pub(crate) fn showing_all(training: TrainingConfigBuilder) -> Job {
        let provider = TrainingTelemetryProvider::new(strict()).training_config(training);
        Job::of(provider.export(SpanFilter::all()))
    }

    pub(crate) fn of(provider: TrainingTelemetryProvider) -> Job {
        let clock = ManualClock::new(EPOCH * 1_000_000_000);
        let (exporter, records) = MemoryExporter::new();
        let recorder = DefaultRecorder::builder().synchronous().manual_clock(clock.clone());
        let own = OneLoggerProvider::new();
        let provider = provider.recorder(recorder.exporter(exporter));
        let guard = provider.configure_on(&own).unwrap();
        let attached = own.attach();
        Job { telemetry: telemetry(), clock, records, attached, guard }
    }

    pub(crate) fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// Some milliseconds after the clock's beginning.
    pub(crate) fn at(millis: u64) -> Timestamp {
        Timestamp::from_unix_nanos((EPOCH * 1000 + millis) * 1_000_000)
    }

    pub(crate) fn begin(&self) {
        self.telemetry.on_app_start().unwrap();
        self.telemetry.on_train_start(TrainStart::default()).unwrap();
    }

    /// An iteration of that many milliseconds.
    pub(crate) fn iterate(&self, millis: u64) {
        self.telemetry.on_training_single_iteration_start().unwrap();
        self.pass(millis);
        self.telemetry.on_training_single_iteration_end().unwrap();
    }

    pub(crate) fn save(&self, step: i64, millis: u64) {
        self.telemetry.on_save_checkpoint_start(step).unwrap();
        self.pass(millis);
        self.telemetry.on_save_checkpoint_end().unwrap();
    }

    /// Closes the provider.
    pub(crate) fn finish(self) -> Recorded {
        drop(self.attached);
        drop(self.guard);
        Recorded(self.records.take())
    }

    pub(crate) fn so_far(&self) -> Recorded {
        Recorded(self.records.to_vec())
    }
}

pub(crate) struct Recorded(pub(crate) Vec<Record>);

/// An event or an error, with the name of its span.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) attributes: &'a Attributes,
    pub(crate) millis: u64,
    pub(crate) span: String,
}

impl Told<'_> {
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.attributes.get_i64(name).unwrap()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.attributes.get_f64(name).unwrap()
    }
}

fn millis(unix_nanos: u64) -> u64 {
    unix_nanos / 1_000_000 - EPOCH * 1000
}

impl Recorded {
    /// Events and errors of this name, in order.
    pub(crate) fn told(&self, name: &str) -> Vec<Told<'_>> {
        let spans = |id| {
            self.0.iter().find_map(|record| match record {
                Record::Start(span) if span.span_id == id => Some(span.name.to_string()),
                _ => None,
            })
        };
        let mut told = Vec::new();
        for record in &self.0 {
            if let Record::Event(event) | Record::Error(event) = record
                && event.name == name
            {
                told.push(Told {
                    attributes: &event.attributes,
                    millis: millis(event.time_unix_nanos),
                    span: spans(event.span_id).unwrap_or_default(),
                });
            }
        }
        told
    }

    /// Start and end of each span of this name, in milliseconds after the clock's beginning.
    pub(crate) fn spans(&self, name: &str) -> Vec<(u64, u64)> {
        let one = |record: &Record| match record {
            Record::Stop(span) if span.name == name => {
                Some((millis(span.start_time_unix_nanos), millis(span.time_unix_nanos)))
            }
            _ => None,
        };
        self.0.iter().filter_map(one).collect()
    }

    /// The name of what the first span of this name hangs under.
    pub(crate) fn parent_of(&self, name: &str) -> Option<String> {
        let starts = || {
            self.0.iter().filter_map(|record| match record {
                Record::Start(span) => Some(span),
                _ => None,
            })
        };
        let parent = starts().find(|span| span.name == name)?.parent?.span_id;
        Some(starts().find(|span| span.span_id == parent)?.name.to_string())
    }

    /// Names of spans in the order of their stops.
    pub(crate) fn stops(&self) -> Vec<String> {
        let one = |record: &Record| match record {
            Record::Stop(span) => Some(span.name.to_string()),
            _ => None,
        };
        self.0.iter().filter_map(one).collect()
    }

    pub(crate) fn data_errors(&self) -> usize {
        self.0.iter().filter(|record| matches!(record, Record::TelemetryDataError(_))).count()
    }
}
