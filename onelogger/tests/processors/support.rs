//! A job with two exporters: the first gets everything, the second what processors of its own leave.

use std::time::Duration;

use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::processor::{Draft, Processor, Processors, Verdict, from_fn};
use onelogger::{
    Counts, DefaultRecorder, ManualClock, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider,
    Record, RecorderHandle, Span, SpanBuilder,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const EPOCH: u64 = 1_700_000_000_000_000_000;

pub(crate) struct Job {
    pub(crate) clock: ManualClock,
    pub(crate) recorder: RecorderHandle,
    provider: OneLoggerProvider,
    _guard: OneLoggerGuard,
    records: [MemoryRecords; 2],
}

/// What a job has left.
pub(crate) struct Left {
    /// Of the exporter without processors of its own.
    pub(crate) all: Vec<Record>,
    /// Of the other one.
    pub(crate) processed: Vec<Record>,
    pub(crate) counts: [Counts; 2],
}

/// Where the processors of a test work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For all exporters.
    All,
    /// For the second one.
    One,
    /// For the second one, on the thread that records.
    Synchronous,
}

pub(crate) const MODES: [Mode; 3] = [Mode::All, Mode::One, Mode::Synchronous];

impl Job {
    /// The processors work for the second exporter alone, or for both.
    pub(crate) fn new(mode: Mode, processors: Vec<Box<dyn Processor>>) -> Job {
        let clock = ManualClock::new(EPOCH);
        let ((all, all_records), (processed, processed_records)) =
            (MemoryExporter::new(), MemoryExporter::new());
        let mut builder = DefaultRecorder::builder().manual_clock(clock.clone()).exporter(all);
        let mut own = Processors::new();
        for processor in processors {
            match mode {
                Mode::All => builder = builder.boxed_processor(processor),
                _ => own = own.then_boxed(processor),
            }
        }
        builder = builder.exporter_with(processed, own);
        if mode == Mode::Synchronous {
            builder = builder.synchronous();
        }
        let config = OneLoggerConfig::builder("processors").session_tag("").world_size(1);
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config.build().unwrap(), builder.build().unwrap()).unwrap();
        let (recorder, records) = (provider.recorder(), [all_records, processed_records]);
        Job { clock, recorder, provider, _guard: guard, records }
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// What the second exporter has by now, and its counts.
    pub(crate) fn so_far(&self) -> (Vec<Record>, Counts) {
        self.recorder.force_flush(PATIENCE).unwrap();
        let counts = self.recorder.health().exporters[1].counts;
        assert!(counts.is_balanced(), "{counts:?}");
        (of_the_application(&self.records[1]), counts)
    }

    pub(crate) fn finish(self) -> Left {
        self.provider.close(PATIENCE).unwrap();
        let health = self.recorder.health();
        let counts = [health.exporters[0].counts, health.exporters[1].counts];
        let [all, processed] = [&self.records[0], &self.records[1]].map(of_the_application);
        for (counts, records) in counts.iter().zip([&all, &processed]) {
            assert!(counts.is_balanced(), "{counts:?}");
            assert_eq!(counts.delivered, records.len() as u64);
        }
        check_whole(&processed);
        Left { all, processed, counts }
    }
}

/// All but the library's own records.
fn of_the_application(records: &MemoryRecords) -> Vec<Record> {
    let is_own = |name: &str| matches!(name, "onelogger.open" | "onelogger.close");
    let mut records = records.to_vec();
    records.retain(|record| match record {
        Record::Event(event) => !is_own(event.name.as_str()),
        // A report of losses; the tests' own are about something else.
        Record::TelemetryDataError(event) => {
            !event.attributes.iter().any(|(name, _)| name.as_str().starts_with("onelogger.lost."))
        }
        _ => true,
    });
    records
}

/// Each start has its stop, nothing comes of a span that did not start or is over, and what hangs under a
/// span does so from its start to its stop.
pub(crate) fn check_whole(records: &[Record]) {
    let mut open = std::collections::HashMap::new();
    for record in records {
        match record {
            Record::Start(span) => {
                assert!(open.insert(span.span_id, span.parent).is_none(), "started twice");
            }
            Record::Stop(span) => {
                let started = open.remove(&span.span_id);
                assert_eq!(started, Some(span.parent), "{}: stopped without a start", span.name);
            }
            Record::Attributes(span) => assert!(open.contains_key(&span.span_id)),
            Record::Event(event) | Record::Error(event) if event.span_id.is_valid() => {
                assert!(open.contains_key(&event.span_id), "{} without its span", event.name);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "started and not stopped");
}

/// Each record in a word: `+load` for a start, `-load` for a stop, `~load` for an addition of attributes,
/// the name of an event, `!message` of an error, `?message` of a telemetry data error.
pub(crate) fn words(records: &[Record]) -> Vec<String> {
    let word = |record: &Record| match record {
        Record::Start(span) => format!("+{}", span.name),
        Record::Stop(span) => format!("-{}", span.name),
        Record::Attributes(span) => format!("~{}", span.name),
        Record::Event(event) => event.name.to_string(),
        Record::Error(event) => {
            format!("!{}", event.attributes.get_str("error_message").unwrap().unwrap())
        }
        Record::TelemetryDataError(event) => {
            format!("?{}", event.attributes.get_str("error_message").unwrap().unwrap())
        }
    };
    records.iter().map(word).collect()
}

/// The names of the spans under which spans hang, by their own names.
pub(crate) fn parents(records: &[Record]) -> Vec<(String, Option<String>)> {
    let spans: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Start(span) => Some(span),
            _ => None,
        })
        .collect();
    let name = |id| spans.iter().find(|span| span.span_id == id).map(|span| span.name.to_string());
    let parent =
        |parent: onelogger::Parent| name(parent.span_id).unwrap_or_else(|| "nobody".to_owned());
    spans.iter().map(|span| (span.name.to_string(), span.parent.map(parent))).collect()
}

/// A processor that does what a function says.
pub(crate) fn does(
    process: impl FnMut(&mut Draft<'_>) -> Verdict + Send + 'static,
) -> Box<dyn Processor> {
    boxed(from_fn("does", process))
}

pub(crate) fn boxed(processor: impl Processor) -> Box<dyn Processor> {
    Box::new(processor)
}

/// Says under which span another is to hang, or that it is a root.
pub(crate) trait Under {
    fn under(self, parent: Option<&Span>) -> Self;
}

impl Under for SpanBuilder {
    fn under(self, parent: Option<&Span>) -> SpanBuilder {
        match parent {
            Some(parent) => self.parent(parent),
            None => self.root(),
        }
    }
}
