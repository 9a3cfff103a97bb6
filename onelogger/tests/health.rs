//! What one can ask about a recorder, and have it say at intervals.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, MemoryExporter, Records};
use onelogger::processor::EventStatistics;
use onelogger::{
    DefaultRecorder, DisableRule, ExporterState, ManualClock, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, QueueHealth, RecorderHandle, recorder::DefaultRecorderBuilder,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn configure(recorder: DefaultRecorderBuilder) -> (OneLoggerGuard, RecorderHandle) {
    let config = OneLoggerConfig::builder("health").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
    (guard, provider.recorder())
}

/// Fails while it is told to.
#[derive(Clone, Default)]
struct Moody(Arc<Mutex<bool>>);

impl Exporter for Moody {
    fn name(&self) -> &str {
        "moody"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        if *self.0.lock().unwrap() { Err(ExportError::new("not in the mood")) } else { Ok(()) }
    }
}

#[test]
fn the_health_says_how_often_an_exporter_has_failed_and_how_long_it_waits() {
    let (exporter, clock) = (Moody::default(), ManualClock::new(0));
    let builder = DefaultRecorder::builder().exporter(exporter.clone()).synchronous();
    let builder = builder.manual_clock(clock.clone());
    let (_guard, recorder) = configure(builder.disable_rule(DisableRule::AfterConsecutive(2)));
    let record = || recorder.event(None, "event").unwrap();
    let seen = || {
        let health = &recorder.health().exporters[0];
        (health.state, health.failures, health.failures_in_a_row, health.retry_after)
    };
    record();
    assert_eq!(seen(), (ExporterState::Ready, 0, 0, None));
    *exporter.0.lock().unwrap() = true;
    record();
    assert_eq!(seen(), (ExporterState::Ready, 1, 1, None));
    record();
    assert_eq!(seen(), (ExporterState::BackingOff, 2, 2, Some(Duration::from_secs(1))));
    clock.advance(Duration::from_millis(400));
    assert_eq!(seen().3, Some(Duration::from_millis(600)));
    let line = "exporter moody is backing off for another 600ms; 3 recorded: 1 delivered, \
                0 withheld, 2 lost (export_failed 2); 2 failures, the last: Error exporting data \
                via exporter moody: not in the mood";
    assert_eq!(recorder.health().exporters[0].to_string(), line);
    clock.advance(Duration::from_secs(5));
    assert_eq!(seen().3, Some(Duration::ZERO));
    *exporter.0.lock().unwrap() = false;
    record();
    assert_eq!(seen(), (ExporterState::Ready, 2, 0, None));
}

/// Waits with its first batch until it is let go.
struct Slow {
    has_begun: mpsc::Sender<()>,
    go: mpsc::Receiver<()>,
}

impl Exporter for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        let _ = self.has_begun.send(());
        let _ = self.go.recv();
        Ok(())
    }
}

#[test]
fn the_health_says_how_full_a_queue_is_and_does_not_wait_for_the_exporter() {
    let ((has_begun, begun), (let_go, go)) = (mpsc::channel(), mpsc::channel());
    let builder = DefaultRecorder::builder().exporter(Slow { has_begun, go });
    let (_guard, recorder) = configure(builder.queue_bytes(1 << 20));
    let queue = || recorder.health().exporters[0].queue.unwrap();
    assert_eq!(queue(), QueueHealth { bytes: 0, capacity_bytes: 1 << 20 });
    recorder.event(None, "one that the exporter is busy with").unwrap();
    begun.recv().unwrap();
    recorder.event(None, "one that waits").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while queue().bytes == 0 {
        assert!(Instant::now() < deadline, "nothing is queued");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(let_go);
    recorder.force_flush(PATIENCE).unwrap();
    assert_eq!(queue().bytes, 0);
}

#[test]
fn the_health_counts_spans_and_refused_calls() {
    for is_synchronous in [false, true] {
        let builder = DefaultRecorder::builder().exporter(MemoryExporter::new().0);
        let (guard, recorder) = configure(match is_synchronous {
            true => builder.synchronous(),
            false => builder,
        });
        let spans = ["a", "b", "c"].map(|name| recorder.start_detached(name).unwrap());
        recorder.stop(&spans[1]).unwrap();
        recorder.stop(&spans[1]).unwrap();
        recorder.force_flush(PATIENCE).unwrap();
        let health = recorder.health();
        assert_eq!((health.spans_started, health.spans_open, health.refused_calls), (3, 2, 1));
        drop(guard);
        let health = recorder.health();
        assert_eq!((health.spans_started, health.spans_open), (3, 0));
    }
}

/// What the library said, with its level.
struct Heard(Mutex<Vec<(log::Level, String)>>);

impl log::Log for Heard {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}

static HEARD: Heard = Heard(Mutex::new(Vec::new()));

/// What it said of exporters of this name, by and by.
fn heard(of: &str) -> Vec<(log::Level, String)> {
    let heard = HEARD.0.lock().unwrap();
    let start = format!("exporter {of} is ");
    heard.iter().filter(|(_, line)| line.starts_with(&start)).cloned().collect()
}

/// One with a name of its own, among the tests that say something.
struct Named(&'static str, Moody);

impl Exporter for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        self.1.export_batch(records)
    }
}

#[test]
fn the_health_is_said_at_intervals_while_there_is_something_new() {
    let _ = log::set_logger(&HEARD);
    log::set_max_level(log::LevelFilter::Info);
    let (exporter, clock) = (Moody::default(), ManualClock::new(0));
    let every = Duration::from_secs(30);
    let builder = DefaultRecorder::builder()
        .exporter(Named("in synchronous mode", exporter.clone()))
        .manual_clock(clock.clone())
        .log_health_every(every)
        .synchronous();
    let (_guard, recorder) = configure(builder);
    let said = || heard("in synchronous mode");
    let record = || recorder.event(None, "event").unwrap();
    record();
    assert_eq!(said(), []);
    clock.advance(every);
    record();
    let first =
        "exporter in synchronous mode is ready; 2 recorded: 2 delivered, 0 withheld, 0 lost";
    assert_eq!(said(), [(log::Level::Info, first.to_owned())]);
    record();
    assert_eq!(said().len(), 1, "the next interval has just begun");
    *exporter.0.lock().unwrap() = true;
    record();
    *exporter.0.lock().unwrap() = false;
    clock.advance(every);
    record();
    let (level, line) = said()[1].clone();
    assert_eq!(level, log::Level::Warn, "{line}");
    assert!(line.contains("1 lost (export_failed 1)"), "{line}");
    // The loss is old, and nothing is new.
    clock.advance(every);
    record();
    assert_eq!(said()[2].0, log::Level::Info);
    clock.advance(every);
    recorder.force_flush(PATIENCE).unwrap();
    assert_eq!(said().len(), 3);
}

#[test]
fn the_health_is_said_by_the_thread_of_the_pipeline() {
    let _ = log::set_logger(&HEARD);
    log::set_max_level(log::LevelFilter::Info);
    let builder = DefaultRecorder::builder()
        .exporter(Named("with a thread", Moody::default()))
        .log_health_every(Duration::from_millis(1));
    let (_guard, recorder) = configure(builder.drain_interval(Duration::from_millis(1)));
    recorder.event(None, "event").unwrap();
    let deadline = Instant::now() + PATIENCE;
    let is_delivered = |(_, line): &(log::Level, String)| line.contains("1 delivered");
    while !heard("with a thread").iter().any(is_delivered) {
        assert!(Instant::now() < deadline, "{:?}", heard("with a thread"));
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_numbers_that_are_said_add_up_where_processors_add_records() {
    let statistics = EventStatistics::of("event", "n").every_events(1);
    let builder = DefaultRecorder::builder().exporter(Moody::default()).processor(statistics);
    let (_guard, recorder) = configure(builder.synchronous());
    recorder.event(None, "event").unwrap();
    let line = "exporter moody is ready; 1 recorded, 1 added: 2 delivered, 0 withheld, 0 lost";
    assert_eq!(recorder.health().exporters[0].to_string(), line);
}

#[test]
fn an_interval_of_no_length_is_refused() {
    let builder = DefaultRecorder::builder().log_health_every(Duration::ZERO);
    let error = builder.build().err().unwrap();
    assert_eq!(error.problems, ["log_health_every: must be longer than nothing"]);
}
