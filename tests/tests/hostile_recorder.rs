//! A recorder of the application's own that panics or asks the provider wherever it can. In a process
//! of its own, because it is the provider of the process that the panic hook flushes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use onelogger::exporter::Run;
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, ErrorEvent, Event, Health, OneLoggerConfig, OneLoggerProvider, Recorder, Span,
    SpanBuilder, SpanStop, TelemetryDataError, event, span, timed_span,
};

/// How often a recorder was dropped.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Panics in every call.
struct Hostile;

impl Recorder for Hostile {
    fn open(&self, _: &Run) -> Result<(), OpenError> {
        Ok(())
    }
    fn start(&self, _: SpanBuilder) -> Result<Span, RecordError> {
        panic!("start")
    }
    fn stop(&self, _: &Span, _: SpanStop) -> Result<(), RecordError> {
        panic!("stop")
    }
    fn event(&self, _: Option<&Span>, _: Event) -> Result<(), RecordError> {
        panic!("event")
    }
    fn error(&self, _: Option<&Span>, _: ErrorEvent) -> Result<(), RecordError> {
        panic!("error")
    }
    fn set_attributes(&self, _: &Span, _: Attributes) -> Result<(), RecordError> {
        panic!("set_attributes")
    }
    fn telemetry_data_error(&self, _: TelemetryDataError) -> Result<(), RecordError> {
        panic!("telemetry_data_error")
    }
    fn force_flush(&self, _: Duration) -> Result<(), FlushError> {
        panic!("force_flush")
    }
    fn close(&self, _: Duration) -> Result<(), CloseError> {
        panic!("close")
    }
    fn health(&self) -> Health {
        Health::default()
    }
}

impl Drop for Hostile {
    /// Asks the provider, which must not hold its lock now.
    fn drop(&mut self) {
        let _ = OneLoggerProvider::instance().config();
        let _ = onelogger::recorder();
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

fn configure() -> onelogger::OneLoggerGuard {
    let config = OneLoggerConfig::builder("hostile").session_tag("").world_size(1).build().unwrap();
    OneLoggerProvider::instance().configure(config, Hostile).unwrap()
}

#[timed_span]
fn works(value: u32) -> Result<u32, String> {
    let _span = span!("inner");
    event!("event");
    Ok(value)
}

#[test]
fn it_harms_nobody() {
    for round in 0..3 {
        let guard = configure();
        // Each macro is a call that panics, and the function runs as it would.
        assert_eq!(works(3), Ok(3));
        assert!(onelogger::recorder().refused_calls() > 0);
        // The hook flushes: a panic there would end the process.
        assert!(catch_unwind(|| panic!("of the application")).is_err());
        // The guard closes while the thread unwinds.
        let caught = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            panic!("of the application again");
        }));
        assert!(caught.is_err());
        // The one before was kept until now, for those who wait for its close.
        assert_eq!(DROPPED.load(Ordering::SeqCst), round);
    }
}
