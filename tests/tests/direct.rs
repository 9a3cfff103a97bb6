//! A recorder that wraps another one decides whether macros go through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use onelogger::exporter::Run;
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, Health, MemoryExporter, OneLoggerConfig,
    OneLoggerProvider, Recorder, Span, SpanBuilder, SpanStop, TelemetryDataError, event, recorder,
    span, timed_span,
};

/// Counts the calls of macros and others.
struct Counting {
    inner: DefaultRecorder,
    calls: Arc<AtomicU32>,
    lets_macros_pass: bool,
    called_for: &'static [&'static str],
}

impl Counting {
    fn called(&self) -> &DefaultRecorder {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }
}

impl Recorder for Counting {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        self.inner.open(run)
    }
    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        self.called().start(span)
    }
    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        self.called().stop(span, stop)
    }
    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        self.called().event(span, event)
    }
    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        self.called().error(span, error)
    }
    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        self.called().set_attributes(span, attributes)
    }
    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.called().telemetry_data_error(error)
    }
    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner.force_flush(timeout)
    }
    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        self.inner.close(timeout)
    }
    fn health(&self) -> Health {
        self.inner.health()
    }
    fn direct(&self) -> Option<&DefaultRecorder> {
        self.lets_macros_pass.then_some(&self.inner)
    }
    fn called_for(&self) -> &[&'static str] {
        self.called_for
    }
}

/// The calls that a span and an event by macro make, and those by hand; and what is recorded.
fn calls(lets_macros_pass: bool, called_for: &'static [&'static str]) -> (u32, u32, usize) {
    let (exporter, records) = MemoryExporter::new();
    let inner = DefaultRecorder::builder().exporter(exporter).build().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counting = Counting { inner, calls: Arc::clone(&calls), lets_macros_pass, called_for };
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, counting).unwrap();
    let attached = provider.attach();
    {
        let _span = span!("by macro", n = 1);
        event!("by macro");
    }
    let by_macro = calls.load(Ordering::Relaxed);
    let span = recorder().start("by hand").unwrap();
    recorder().event(&span, "by hand").unwrap();
    recorder().stop(&span).unwrap();
    let by_hand = calls.load(Ordering::Relaxed) - by_macro;
    recorder().force_flush(Duration::from_secs(60)).unwrap();
    let recorded = records.to_vec().len();
    drop((attached, guard));
    (by_macro, by_hand, recorded)
}

#[test]
fn macros_go_through_a_wrapping_recorder_unless_it_lets_them_pass() {
    assert_eq!(calls(false, &[]), (3, 3, 6));
    assert_eq!(calls(true, &[]), (0, 3, 6));
}

/// The same callsites each time: what one recorder asks for holds as long as that is configured.
#[test]
fn it_is_called_for_the_spans_that_it_asks_for() {
    for _ in 0..2 {
        assert_eq!(calls(true, &["another"]), (0, 3, 6));
        assert_eq!(calls(true, &["another", "by macro"]), (2, 3, 6));
        assert_eq!(calls(true, &[]), (0, 3, 6));
    }
}

#[timed_span(name = "annotated", attrs(text = %text), err)]
fn annotated(text: &str) -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[timed_span(name = "annotated", start_attrs(text))]
async fn awaited(text: &str) {
    span!("annotated", text).set("n", 1);
}

#[test]
fn it_is_called_whatever_a_macro_has_to_say_of_the_span() {
    let inner = DefaultRecorder::builder().build().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let called_for: &[&str] = &["annotated"];
    let counting =
        Counting { inner, calls: Arc::clone(&calls), lets_macros_pass: true, called_for };
    let config = OneLoggerConfig::builder("test").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, counting).unwrap();
    let attached = provider.attach();
    let _outer = span!("passes");
    annotated("x").unwrap_err();
    // A start, an error, a stop.
    assert_eq!(calls.swap(0, Ordering::Relaxed), 3);
    futures::executor::block_on(awaited("x"));
    // Two starts, an attribute, two stops.
    assert_eq!(calls.swap(0, Ordering::Relaxed), 5);
    drop((attached, guard));
}
