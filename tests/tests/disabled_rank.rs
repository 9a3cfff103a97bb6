//! A rank that is disabled: no file, no thread, no log line, no allocation. A process of its own, because
//! allocator, logger and threads are the whole process's.

#[path = "support/requests.rs"]
mod requests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, FileExporter, LoggerExporter, OneLoggerConfig,
    OneLoggerProvider, SpanStop, TelemetryDataError, error, event, span, timed_span,
};

use requests::requests;

static LOG_LINES: AtomicU64 = AtomicU64::new(0);

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {
        LOG_LINES.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self) {}
}

#[timed_span(attrs(step, text = "some text"), ret)]
fn annotated(step: u64) -> Result<u64, std::fmt::Error> {
    event!("inside", step);
    if step.is_multiple_of(2) { Err(std::fmt::Error) } else { Ok(step) }
}

#[timed_span]
async fn annotated_future(step: u64) -> u64 {
    step
}

/// Everything that can be recorded, once: by macros, by explicit calls, and wrongly.
fn record(step: u64) {
    let recorder = onelogger::recorder();
    let mut guard = span!("guard", step, text = "text");
    guard.set("later", step);
    let _ = annotated(step);
    let future = std::pin::pin!(annotated_future(step));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.poll(&mut context).is_ready());
    event!("event", step, shown = %step);
    error!("error {step}", step);
    error!(&std::fmt::Error, "with a source");
    let span = recorder.start("explicit").unwrap();
    recorder.event(&span, "event").unwrap();
    recorder.event(None, "event").unwrap();
    recorder.error(&span, ErrorEvent::new(String::new())).unwrap();
    recorder.set_attributes(&span, Attributes::new()).unwrap();
    recorder.telemetry_data_error(TelemetryDataError::new(String::new())).unwrap();
    recorder.stop_with(&span, SpanStop::new()).unwrap();
    // Misuse, were it recorded.
    recorder.stop(&span).unwrap();
    recorder.event(&span, "too late").unwrap();
    drop(guard);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

#[test]
fn p09_a_disabled_rank_leaves_no_file_no_thread_no_log_line_and_asks_for_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    std::env::set_current_dir(directory.path()).unwrap();
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let config = OneLoggerConfig::builder("disabled").session_tag("").world_size(2);
    let config = config.enable_for_current_rank(false).build().unwrap();
    let recorder = DefaultRecorder::builder()
        .exporter(FileExporter::new("run.jsonl"))
        .exporter(LoggerExporter::new())
        .log_health_every(Duration::from_nanos(1))
        .build()
        .unwrap();
    let threads_before = threads();
    let guard = OneLoggerProvider::instance().configure(config, recorder).unwrap();
    record(0);
    let requests_before = requests();
    assert!(requests_before > 0, "the allocator is not counted");
    (0..100_000).for_each(record);
    assert_eq!(requests() - requests_before, 0, "requests for memory");
    onelogger::recorder().force_flush(Duration::from_secs(60)).unwrap();
    assert_eq!(threads(), threads_before);
    assert_eq!(onelogger::recorder().health().exporters.len(), 0);
    drop(guard);
    assert_eq!(LOG_LINES.load(Ordering::Relaxed), 0);
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "no file");
}
