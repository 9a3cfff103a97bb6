//! A recorder of the application's own that panics or asks the provider wherever it can. In a process
//! of its own, because it is the provider of the process that the panic hook flushes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use onelogger::exporter::{MemoryExporter, Run};
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, Health, OneLoggerConfig, OneLoggerProvider,
    Record, Recorder, Span, SpanBuilder, SpanStop, TelemetryDataError, event, span, timed_span,
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

/// The tests share the provider of the process.
static ALONE: Mutex<()> = Mutex::new(());

fn configure(recorder: impl Recorder) -> onelogger::OneLoggerGuard {
    let config = OneLoggerConfig::builder("hostile").session_tag("").world_size(1).build().unwrap();
    OneLoggerProvider::instance().configure(config, recorder).unwrap()
}

#[timed_span]
fn works(value: u32) -> Result<u32, String> {
    let _span = span!("inner");
    event!("event");
    Ok(value)
}

#[test]
fn it_harms_nobody() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for round in 0..3 {
        let guard = configure(Hostile);
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

/// Its destructor panics.
struct Parting(DefaultRecorder);

static PARTED: AtomicUsize = AtomicUsize::new(0);

impl Recorder for Parting {
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
    fn direct(&self) -> Option<&DefaultRecorder> {
        Some(&self.0)
    }
}

impl Drop for Parting {
    fn drop(&mut self) {
        PARTED.fetch_add(1, Ordering::SeqCst);
        panic!("at its end");
    }
}

/// A thread may be the last one that knows a recorder: it gives it up where it records with the next
/// one, or where it ends.
#[test]
fn a_destructor_that_panics_harms_no_thread_that_has_recorded() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for (round, records_again) in [true, false].into_iter().enumerate() {
        let step = Barrier::new(2);
        thread::scope(|scope| {
            let guard = configure(Parting(DefaultRecorder::builder().build().unwrap()));
            let worker = scope.spawn(|| {
                event!("with the first");
                step.wait();
                step.wait();
                if records_again {
                    event!("with the second");
                }
            });
            step.wait();
            drop(guard);
            // Whoever waits for the close of the first may do so until the next close.
            drop(configure(DefaultRecorder::builder().build().unwrap()));
            let (exporter, records) = MemoryExporter::new();
            let next = DefaultRecorder::builder().exporter(exporter).build().unwrap();
            let guard = configure(next);
            assert_eq!(PARTED.load(Ordering::SeqCst), round, "the thread has it");
            step.wait();
            worker.join().expect("a thread that is not harmed");
            assert_eq!(PARTED.load(Ordering::SeqCst), round + 1);
            drop(guard);
            let is_second = |record: &Record| matches!(record, Record::Event(event) if event.name == "with the second");
            assert_eq!(records.take().iter().any(is_second), records_again);
        });
    }
}
