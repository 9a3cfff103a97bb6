//! Records as lines of the application's logger: those of the Python library, read back exactly,
//! and nothing that the logger does harms the pipeline.

mod inverse;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use std::time::Duration;

use onelogger::exporter::{Batch, Exporter, Folding, Records, Run};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, ErrorHandlingStrategy, Event, EventRecord,
    ExporterState, Level, LoggerExporter, LossReason, MemoryExporter, OneLoggerConfig,
    OneLoggerProvider, Parent, Record, RecorderHandle, SpanId, SpanRecord, TraceId, read,
};

const PATIENCE: Duration = Duration::from_secs(600);

/// The logger of this process. What it does depends on the target.
struct TestLogger;

type Messages = HashMap<String, Vec<(log::Level, String)>>;

static MESSAGES: LazyLock<Mutex<Messages>> = LazyLock::new(Mutex::default);

/// What the logger records with while it handles a message of the target `recording`.
static RECORDERS: LazyLock<Mutex<HashMap<String, Arc<OnceLock<RecorderHandle>>>>> =
    LazyLock::new(Mutex::default);

impl log::Log for TestLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !metadata.target().starts_with("deaf") && metadata.level() <= log::Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        let (target, message) = (record.target(), record.args().to_string());
        assert!(!(target.starts_with("panics") && message.contains("fatal")), "a bad day");
        let recorder = RECORDERS.lock().unwrap().get(target).cloned();
        if let Some(recorder) = recorder.as_ref().and_then(|recorder| recorder.get()) {
            let span = recorder.start("in the logger").unwrap();
            recorder.event(&span, Event::new("in the logger")).unwrap();
            recorder.error(&span, ErrorEvent::new("in the logger")).unwrap();
            recorder.stop(&span).unwrap();
        }
        let mut messages = MESSAGES.lock().unwrap();
        messages.entry(target.to_owned()).or_default().push((record.level(), message));
    }

    fn flush(&self) {}
}

fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&TestLogger).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// The messages of a target so far. Each test has its own.
fn take(target: &str) -> Vec<(log::Level, String)> {
    MESSAGES.lock().unwrap().remove(target).unwrap_or_default()
}

fn lines(target: &str, records: Records<'_>) -> Vec<String> {
    install();
    let mut exporter = LoggerExporter::new().target(target).folding(Folding::Always);
    exporter.export_batch(records).unwrap();
    exporter.close().unwrap();
    take(target).into_iter().map(|(_, line)| line).collect()
}

#[test]
fn the_lines_are_those_of_the_python_library() {
    const T: u64 = 1_700_000_000_000_000_000;
    const HALF: u64 = 500_000_000;
    let (trace_id, root) = (TraceId::from_u128(9), SpanId::from_u64(1));
    let start = SpanRecord {
        trace_id,
        span_id: root,
        name: "application".into(),
        attributes: Attributes::new()
            .with("tag", "blue")
            .with("n", 3)
            .with("ratio", 0.25)
            .with("on", true)
            .with("list", ["x", "y"])
            .with("ints", [1, 2]),
        event_attributes: Attributes::new().with("cause", "boot"),
        time_unix_nanos: T,
        ..SpanRecord::default()
    };
    let stop = SpanRecord {
        event_attributes: Attributes::new(),
        time_unix_nanos: T + 6 * HALF,
        duration_nanos: 6 * HALF,
        ..start.clone()
    };
    let leaf = SpanRecord {
        span_id: SpanId::from_u64(2),
        parent: Some(Parent { span_id: root, is_remote: false }),
        name: "leaf".into(),
        attributes: Attributes::new().with("Zed", 1).with("alpha", "a"),
        event_attributes: Attributes::new(),
        time_unix_nanos: T + HALF,
        ..start.clone()
    };
    let leaf_stop = SpanRecord {
        event_attributes: Attributes::new().with("z", 1).with("b", false),
        start_time_unix_nanos: T + HALF,
        time_unix_nanos: T + 2 * HALF,
        duration_nanos: HALF,
        ..leaf.clone()
    };
    let event = |halves: u64, name: &'static str, attributes| EventRecord {
        trace_id,
        span_id: root,
        name: name.into(),
        attributes,
        time_unix_nanos: T + halves * HALF,
        ..EventRecord::default()
    };
    let text = Attributes::new().with("text", "a=b | c \"q\" caf\u{e9}\n");
    let report = Attributes::new()
        .with("error_message", "report")
        .with("telemetry_data_error_type", "incomplete_telemetry_data")
        .with("code", 7);
    let report = EventRecord {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        ..event(5, "telemetry_data_error", report)
    };
    let records = [
        Record::Start(start),
        Record::Start(leaf),
        Record::Stop(leaf_stop),
        Record::Event(event(3, "ev", text)),
        Record::Error(event(4, "error", ErrorEvent::new("plain").to_attributes())),
        Record::TelemetryDataError(report),
        Record::Stop(stop),
    ];
    let batch: Batch = records.into_iter().collect();
    // What our records have and the Python library's lack.
    let is_ours = |item: &&str| {
        ["time_unix_nano=", "trace_id=", "parent_id=", "duration_nano="]
            .iter()
            .any(|key| item.starts_with(key))
    };
    let golden = include_str!("../../../tests/golden/16_logger_exporter.log");
    // An exporter that was not opened names spans by their span ids.
    let golden = golden
        .replace("00000000-0000-4000-8000-", "0000")
        .replace("pid=4242", &format!("pid={}", std::process::id()));
    let ours = lines("golden", batch.records());
    assert_eq!(ours.len(), golden.lines().count());
    for (ours, golden) in ours.iter().zip(golden.lines()) {
        let items: Vec<&str> = ours.split(" | ").filter(|item| !is_ours(item)).collect();
        assert_eq!(items.join(" | "), golden);
        assert!(ours.contains(" | time_unix_nano=17000000"));
    }
}

#[test]
fn the_python_library_s_own_lines_are_read_back() {
    let golden = include_str!("../../../tests/golden/16_logger_exporter.log");
    let json: Result<Vec<String>, _> =
        golden.lines().map(|line| LoggerExporter::parse(&format!("INFO:x:{line}"))).collect();
    let log = read::from_str(&json.unwrap().join("\n"));
    assert_eq!(log.damage(), []);
    let run = &log.runs()[0];
    assert_eq!((run.lines().len(), run.spans().len()), (6, 2));
    let text = run.lines()[2].attributes.get_str("text");
    assert_eq!(text, Ok(Some("a=b | c \"q\" café\n")));
}

struct Trial {
    provider: OneLoggerProvider,
    recorder: RecorderHandle,
    memory: onelogger::exporter::MemoryRecords,
}

/// A provider with a logger exporter for this target, and a memory exporter beside it.
fn trial(target: &str, is_synchronous: bool) -> Trial {
    install();
    let (exporter, memory) = MemoryExporter::new();
    let builder = DefaultRecorder::builder()
        .exporter(LoggerExporter::new().target(target).level(Level::Debug))
        .exporter(exporter);
    let builder = if is_synchronous { builder.synchronous() } else { builder };
    let config = OneLoggerConfig::builder("job").world_size(1).session_tag("");
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config.build().unwrap(), builder.build().unwrap()).unwrap();
    // Closed by the test.
    std::mem::forget(guard);
    let recorder = provider.recorder();
    Trial { provider, recorder, memory }
}

impl Trial {
    fn record(&self, name: &'static str) {
        let span = self.recorder.start(name).unwrap();
        self.recorder.event(&span, Event::new("e")).unwrap();
        self.recorder.stop(&span).unwrap();
    }

    /// Closes; the counts of the logger exporter. The other one has everything.
    fn close(&self, recorded: u64) -> onelogger::ExporterHealth {
        self.provider.close(PATIENCE).unwrap();
        let health = self.recorder.health();
        for exporter in &health.exporters {
            assert!(exporter.counts.is_balanced(), "{exporter:?}");
            assert_eq!(exporter.counts.recorded, recorded, "{exporter:?}");
        }
        assert_eq!(health.exporters[1].counts.delivered, recorded);
        assert!(self.memory.take().len() as u64 >= recorded);
        health.exporters[0].clone()
    }
}

#[test]
fn a_run_in_a_log_is_as_complete_as_one_in_a_file() {
    let trial = trial("run", false);
    for _ in 0..10 {
        trial.record("span");
    }
    assert_eq!(trial.close(30).counts.delivered, 30);
    let messages = take("run");
    assert!(messages.iter().all(|(level, _)| *level == log::Level::Debug));
    let json = messages.iter().map(|(_, line)| LoggerExporter::parse(line).unwrap());
    let log = read::from_str(&json.collect::<Vec<_>>().join("\n"));
    assert_eq!((log.runs().len(), log.damage()), (1, &[][..]));
    let run = &log.runs()[0];
    assert!(run.completeness().is_complete(), "{}", run.completeness());
    assert_eq!(run.spans().len(), 10);
}

#[test]
fn the_default_is_info_for_the_target_of_records() {
    install();
    let run = Run::new("job", 7);
    LoggerExporter::default().open(&run).unwrap();
    let messages = take("onelogger::records");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].0, log::Level::Info);
    assert!(messages[0].1.contains(r#" | event.attributes."onelogger.version"=""#), "{messages:?}");
}

#[test]
fn p104_what_no_logger_takes_is_not_delivered() {
    install();
    let mut deaf = LoggerExporter::new().target("deaf");
    let error = deaf.open(&Run::new("job", 7)).unwrap_err().to_string();
    assert_eq!(error, "cannot write: no logger takes messages of target `deaf` at INFO");
    assert!(LoggerExporter::new().level(Level::Trace).open(&Run::new("job", 7)).is_err());

    let trial = trial("deaf to a job", false);
    trial.record("span");
    let health = trial.close(3);
    assert_eq!((health.counts.delivered, health.counts.lost_total()), (0, 3));
    assert_eq!(take("deaf to a job"), []);

    // A program that wants to know when it begins does.
    let config = OneLoggerConfig::builder("job").world_size(1).session_tag("");
    let config = config.error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions);
    let recorder = DefaultRecorder::builder().exporter(LoggerExporter::new().target("deaf"));
    let provider = OneLoggerProvider::new();
    let result = provider.configure(config.build().unwrap(), recorder.build().unwrap());
    assert!(result.is_err());
}

#[test]
fn a_logger_that_panics_loses_the_record_that_it_was_given() {
    let trial = trial("panics at times", false);
    trial.record("before");
    trial.recorder.force_flush(PATIENCE).unwrap();
    trial.record("fatal");
    trial.recorder.force_flush(PATIENCE).unwrap();
    trial.record("after");
    let health = trial.close(9);
    // The start and the stop; the event between them does not name the span.
    assert_eq!(health.counts.lost(LossReason::ExportFailed), 2, "{health:?}");
    assert_eq!((health.counts.delivered, health.state), (7, ExporterState::Closed));
    let messages = take("panics at times");
    assert!(messages.iter().any(|(_, line)| line.contains("after")));
    let (_, last) = messages.last().unwrap();
    assert!(last.contains(r#"event.attributes."onelogger.lost.export_failed"=2"#), "{last}");
}

#[test]
fn a_logger_that_records_does_not_feed_itself() {
    for is_synchronous in [false, true] {
        let target = format!("recording {is_synchronous}");
        let recorder = Arc::new(OnceLock::new());
        RECORDERS.lock().unwrap().insert(target.clone(), Arc::clone(&recorder));
        let trial = trial(&target, is_synchronous);
        recorder.set(trial.recorder.clone()).ok().unwrap();
        for _ in 0..5 {
            trial.record("span");
            trial.recorder.force_flush(PATIENCE).unwrap();
        }
        assert_eq!(trial.close(15).counts.delivered, 15);
        let messages = take(&target);
        assert!(messages.iter().all(|(_, line)| !line.contains("in the logger")), "{messages:?}");
    }
}

#[test]
fn it_moves_to_a_thread_of_its_own() {
    fn send<T: Send>(_: T) {}
    send(LoggerExporter::new());
}
