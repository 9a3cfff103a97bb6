//! A run in memory, as either way records it.

use std::collections::HashMap;
use std::time::Duration;

use onelogger::context::Attached;
use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Counts, DefaultRecorder, ErrorHandlingStrategy, ManualClock, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, Record, RecorderHandle, SpanId, SpanRecord, TraceId,
};

/// So long that it is only reached if something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A run that is in force on the thread that has begun it.
pub(crate) struct Run {
    pub(crate) attached: Attached,
    pub(crate) guard: OneLoggerGuard,
    pub(crate) provider: OneLoggerProvider,
    pub(crate) recorder: RecorderHandle,
    pub(crate) records: MemoryRecords,
    pub(crate) clock: ManualClock,
}

impl Run {
    pub(crate) fn begin() -> Run {
        Run::with(|it| it)
    }

    pub(crate) fn with(
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Run {
        Run::of(ErrorHandlingStrategy::ReportAndContinue, settings)
    }

    pub(crate) fn of(
        strategy: ErrorHandlingStrategy,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Run {
        let provider = OneLoggerProvider::new();
        let (clock, records, guard) = configure(&provider, strategy, settings);
        let (recorder, attached) = (provider.recorder(), provider.attach());
        Run { attached, guard, provider, recorder, records, clock }
    }

    pub(crate) fn flush(&self) {
        self.recorder.force_flush(PATIENCE).unwrap();
    }

    /// What was recorded, and the counts, which are in balance.
    pub(crate) fn end(self) -> (Vec<Record>, Counts) {
        drop(self.attached);
        drop(self.guard);
        let counts = self.recorder.health().exporters[0].counts;
        assert!(counts.is_balanced(), "{counts:?}");
        (taken(&self.records), counts)
    }
}

pub(crate) fn configure(
    provider: &OneLoggerProvider,
    strategy: ErrorHandlingStrategy,
    settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
) -> (ManualClock, MemoryRecords, OneLoggerGuard) {
    let clock = ManualClock::new(1_700_000_000_000_000_000);
    let (exporter, records) = MemoryExporter::new();
    let builder = DefaultRecorder::builder().exporter(exporter).fixed_ids();
    let recorder = settings(builder.manual_clock(clock.clone())).build().unwrap();
    let config = OneLoggerConfig::builder("short way").session_tag("").world_size(1);
    let config = config.error_handling_strategy(strategy).build().unwrap();
    let guard = provider.configure(config, recorder).unwrap().close_timeout(PATIENCE);
    (clock, records, guard)
}

/// The records without the library's own.
pub(crate) fn taken(records: &MemoryRecords) -> Vec<Record> {
    let mut records = records.take();
    records.retain(|record| match record {
        Record::Event(event) => !event.name.as_str().starts_with("onelogger."),
        Record::TelemetryDataError(_) => false,
        _ => true,
    });
    records
}

pub(crate) fn starts(records: &[Record]) -> Vec<&SpanRecord> {
    let starts = records.iter().filter_map(|record| match record {
        Record::Start(span) => Some(span),
        _ => None,
    });
    starts.collect()
}

pub(crate) fn stops(records: &[Record]) -> Vec<&SpanRecord> {
    let stops = records.iter().filter_map(|record| match record {
        Record::Stop(span) => Some(span),
        _ => None,
    });
    stops.collect()
}

/// Makes a test twice: a callsite that is met for the first time goes the long way, on which it gets its
/// number.
pub(crate) fn twice(test: impl Fn()) {
    test();
    test();
}

/// The records as texts, with ids in the order in which they are met.
pub(crate) fn described(records: &[Record]) -> Vec<String> {
    let (mut spans, mut traces) = (HashMap::new(), HashMap::new());
    let mut told = |record: &Record| {
        let mut span_number = |id: SpanId| {
            let next = spans.len() + 1;
            if id.is_valid() { *spans.entry(id).or_insert(next) } else { 0 }
        };
        let mut trace_number = |id: TraceId| {
            let next = traces.len() + 1;
            if id.is_valid() { *traces.entry(id).or_insert(next) } else { 0 }
        };
        let (kind, span) = match record {
            Record::Start(span) => ("start", span),
            Record::Stop(span) => ("stop", span),
            Record::Attributes(span) => ("attributes", span),
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                let (trace, span) = (trace_number(event.trace_id), span_number(event.span_id));
                let (name, time) = (&event.name, event.time_unix_nanos);
                return format!("{name} of {span} in {trace} at {time}: {:?}", event.attributes);
            }
        };
        let number = span_number(span.span_id);
        let parent = span.parent.map(|parent| (span_number(parent.span_id), parent.is_remote));
        let trace = trace_number(span.trace_id);
        let times = (span.time_unix_nanos, span.start_time_unix_nanos, span.duration_nanos);
        format!(
            "{kind} {} {number} under {parent:?} in {trace} at {times:?} {:?}: {:?} {:?}",
            span.name, span.outcome, span.attributes, span.event_attributes
        )
    };
    records.iter().map(&mut told).collect()
}

/// Does the same on both ways, and compares what is recorded.
pub(crate) fn assert_both_ways(
    settings: impl Fn(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    work: impl Fn(&Run),
) {
    let record = |is_short: bool| {
        let run = Run::with(|it| if is_short { settings(it) } else { settings(it).synchronous() });
        work(&run);
        let (records, counts) = run.end();
        (described(&records), (counts.recorded, counts.delivered, counts.withheld))
    };
    twice(|| assert_eq!(record(true), record(false)));
}
