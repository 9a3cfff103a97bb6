//! Entries of the baggage that become attributes of spans.

use std::time::Duration;

use onelogger::context::{Baggage, Context, FutureExt as _};
use onelogger::exporter::{MemoryExporter, MemoryRecords, Run};
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, Health, Name, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, Record, Recorder, Span, SpanBuilder, SpanRecord, SpanStop,
    TelemetryDataError, span, timed_span,
};

fn configure(recorder: impl Recorder) -> (OneLoggerProvider, OneLoggerGuard) {
    let config = OneLoggerConfig::builder("baggage").session_tag("test").world_size(1);
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config.build().unwrap(), recorder).unwrap();
    (provider, guard)
}

fn recorder(names: &[&'static str]) -> (DefaultRecorder, MemoryRecords) {
    let (exporter, records) = MemoryExporter::new();
    let builder = DefaultRecorder::builder().exporter(exporter);
    (builder.baggage_attributes(names.iter().copied()).build().unwrap(), records)
}

/// The attributes of the spans as they started, in order.
fn started(records: &MemoryRecords) -> Vec<(String, Attributes)> {
    let start = |record| match record {
        Record::Start(SpanRecord { name, attributes, .. }) => Some((name.to_string(), attributes)),
        _ => None,
    };
    records.take().into_iter().filter_map(start).collect()
}

fn in_context_of(tenant: &str) -> Context {
    let baggage = Baggage::new().with("tenant", tenant).unwrap();
    Context::capture().with_baggage(baggage.with("secret", "key").unwrap())
}

#[timed_span(name = "annotated")]
fn annotated() {}

#[timed_span(name = "asynchronous")]
async fn asynchronous() {}

#[test]
fn what_is_asked_for_is_on_every_span_and_nothing_else_is() {
    let (recorder, records) = recorder(&["tenant", "region"]);
    let (provider, guard) = configure(recorder);
    let attached = provider.attach();
    let explicit = onelogger::recorder();
    in_context_of("a b").run(|| {
        annotated();
        drop(span!("block", rows = 3));
        let own = SpanBuilder::new("explicit").with("tenant", "of its own");
        explicit.stop(&explicit.start(own).unwrap()).unwrap();
    });
    // Baggage is that of the place where the span starts.
    let mut future = std::pin::pin!(asynchronous().with_context(in_context_of("later")));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_ready());
    annotated();
    drop((attached, guard));
    let expected = [
        ("annotated", Attributes::from([("tenant", "a b")])),
        ("block", Attributes::new().with("rows", 3).with("tenant", "a b")),
        ("explicit", Attributes::from([("tenant", "of its own")])),
        ("asynchronous", Attributes::from([("tenant", "later")])),
        ("annotated", Attributes::new()),
    ];
    assert_eq!(started(&records), expected.map(|(name, given)| (name.to_owned(), given)));
}

#[test]
fn a_value_may_be_as_long_as_baggage_can_be() {
    let longest = 8192 - "tenant=,secret=key".len();
    let baggage = Baggage::new().with("tenant", "x".repeat(longest)).unwrap();
    let baggage = baggage.with("secret", "key").unwrap();
    assert!(baggage.clone().with("secret", "longer").is_err());
    let (recorder, records) = recorder(&["tenant"]);
    let (provider, guard) = configure(recorder);
    let attached = provider.attach();
    Context::capture().with_baggage(baggage).run(annotated);
    drop((attached, guard));
    let started = started(&records);
    let value = started[0].1.get_str("tenant").unwrap().unwrap();
    assert_eq!(value.len(), longest);
}

/// A recorder that wraps another one, and says what that wants.
struct Wrapping(DefaultRecorder);

impl Recorder for Wrapping {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        self.0.open(run)
    }
    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        self.0.start(span)
    }
    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        self.0.stop(span, stop)
    }
    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        self.0.event(span, event)
    }
    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        self.0.error(span, error)
    }
    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        self.0.set_attributes(span, attributes)
    }
    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.0.telemetry_data_error(error)
    }
    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.0.force_flush(timeout)
    }
    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        self.0.close(timeout)
    }
    fn health(&self) -> Health {
        self.0.health()
    }
    fn baggage_attributes(&self) -> &[Name] {
        self.0.baggage_attributes()
    }
}

#[test]
fn a_recorder_that_wraps_another_one_hands_the_wish_on() {
    let (inner, records) = recorder(&["tenant"]);
    let (provider, guard) = configure(Wrapping(inner));
    let attached = provider.attach();
    in_context_of("a").run(annotated);
    drop((attached, guard));
    assert_eq!(started(&records)[0].1, Attributes::from([("tenant", "a")]));
}
