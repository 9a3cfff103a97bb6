//! A job of its own for each test: what is recorded, who hangs under whom, and whether it is all.

use std::sync::Once;
use std::time::Duration;

use onelogger::context::Attached;
use onelogger::exporter::MemoryRecords;
use onelogger::names::attribute;
use onelogger::{
    Attributes, DefaultRecorder, EventRecord, MemoryExporter, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, Record, SpanFilter, SpanId, SpanRecord, TraceId,
};
use onelogger_otel::{OtelPropagator, OtelTracerProvider};
use opentelemetry::global::{self, BoxedTracer};

/// What a library does that knows nothing of onelogger.
pub(crate) fn tracer() -> BoxedTracer {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        global::set_tracer_provider(OtelTracerProvider::new());
        global::set_text_map_propagator(OtelPropagator::new());
    });
    global::tracer("library")
}

/// A recorder that is in force on the thread of the test.
pub(crate) struct Job {
    attached: Attached,
    guard: OneLoggerGuard,
    pub(crate) provider: OneLoggerProvider,
    records: MemoryRecords,
}

impl Job {
    pub(crate) fn new() -> Job {
        Job::with(SpanFilter::all())
    }

    /// With a filter that holds back spans of these names.
    pub(crate) fn without(names: &[&str]) -> Job {
        Job::with(SpanFilter::except(names))
    }

    fn with(filter: SpanFilter) -> Job {
        tracer();
        let (exporter, records) = MemoryExporter::new();
        let recorder =
            DefaultRecorder::builder().exporter(exporter).filter(filter).build().unwrap();
        let config = OneLoggerConfig::builder("job").world_size(1).session_tag("").build().unwrap();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config, recorder).unwrap();
        let guard = guard.close_timeout(Duration::from_secs(60));
        Job { attached: provider.attach(), guard, provider, records }
    }

    /// What has reached the exporter so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.to_vec()
    }

    /// Ends the job. All that was recorded is there, and the closing record says so.
    pub(crate) fn finish(self) -> Recorded {
        let Job { attached, guard, records, .. } = self;
        drop(attached);
        drop(guard);
        let records = records.take();
        let recorded = Recorded { records };
        recorded.check_ledger();
        recorded
    }
}

/// What a job has recorded.
pub(crate) struct Recorded {
    pub(crate) records: Vec<Record>,
}

impl Recorded {
    pub(crate) fn starts(&self) -> impl Iterator<Item = &SpanRecord> {
        self.records.iter().filter_map(|record| match record {
            Record::Start(span) => Some(span),
            _ => None,
        })
    }

    pub(crate) fn start(&self, name: &str) -> &SpanRecord {
        self.starts().find(|span| span.name == name).unwrap_or_else(|| panic!("no start of {name}"))
    }

    pub(crate) fn stop(&self, name: &str) -> &SpanRecord {
        let stops = self.records.iter().filter_map(|record| match record {
            Record::Stop(span) if span.name == name => Some(span),
            _ => None,
        });
        let [stop] = stops.collect::<Vec<_>>()[..] else { panic!("not one stop of {name}") };
        stop
    }

    pub(crate) fn id(&self, name: &str) -> SpanId {
        self.start(name).span_id
    }

    /// The id of what a span hangs under, which is in this process.
    #[track_caller]
    pub(crate) fn parent(&self, name: &str) -> Option<SpanId> {
        let parent = self.start(name).parent?;
        assert!(!parent.is_remote, "{name} has a remote parent");
        Some(parent.span_id)
    }

    /// Each of these hangs under the one before, the first under nothing, in one trace.
    #[track_caller]
    pub(crate) fn is_chain(&self, names: &[&str]) {
        let mut above = None;
        for name in names {
            assert_eq!(self.parent(name), above, "{name} in {names:?}");
            assert_eq!(self.start(name).trace_id, self.start(names[0]).trace_id, "{name}");
            above = Some(self.id(name));
        }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &EventRecord> {
        self.records.iter().filter_map(|record| match record {
            Record::Event(event) if !event.name.as_str().starts_with("onelogger.") => Some(event),
            _ => None,
        })
    }

    pub(crate) fn errors(&self) -> Vec<&EventRecord> {
        let errors = self.records.iter().filter_map(|record| match record {
            Record::Error(error) => Some(error),
            _ => None,
        });
        errors.collect()
    }

    /// The event of this name, and in which span it is.
    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> (&EventRecord, TraceId, SpanId) {
        let event = self.events().find(|event| event.name == name);
        let event = event.unwrap_or_else(|| panic!("no event {name}"));
        (event, event.trace_id, event.span_id)
    }

    fn closing(&self) -> &Attributes {
        let closing = self.records.iter().find_map(|record| match record {
            Record::Event(event) if event.name == onelogger::names::event::CLOSE => {
                Some(&event.attributes)
            }
            _ => None,
        });
        closing.expect("a closing record")
    }

    /// How many records the filter has held back.
    pub(crate) fn withheld(&self) -> i64 {
        self.count(attribute::WITHHELD)
    }

    fn count(&self, name: &str) -> i64 {
        self.closing().get_i64(name).unwrap().unwrap_or(0)
    }

    /// recorded + added = delivered + lost + withheld, nothing is lost, and what was delivered is here.
    fn check_ledger(&self) {
        let lost: i64 = self
            .closing()
            .iter()
            .filter(|(name, _)| name.as_str().starts_with(attribute::LOST_PREFIX))
            .map(|(name, _)| self.count(name.as_str()))
            .sum();
        let here = self.records.iter().filter(|record| match record {
            Record::Event(event) => !event.name.as_str().starts_with("onelogger."),
            Record::TelemetryDataError(error) => panic!("{error:?}"),
            _ => true,
        });
        let here = here.count() as i64;
        assert_eq!((lost, self.count(attribute::DELIVERED)), (0, here));
        assert_eq!(
            self.count(attribute::RECORDED) + self.count(attribute::ADDED),
            here + self.withheld()
        );
    }
}
