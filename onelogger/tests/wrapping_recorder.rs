//! A recorder of the application's own, around the default one: what it renames, drops and adds is
//! what the output shows, and what the counts count.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onelogger::exporter::{FilePath, MemoryExporter, MemoryRecords, Run};
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, ErrorHandlingStrategy, Event, FileExporter,
    FullPolicy, Health, LossReason, OneLoggerConfig, OneLoggerProvider, Record, Recorder, Span,
    SpanBuilder, SpanStop, TelemetryDataError,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Renames spans, events and attributes, drops what is chatty, adds what the house wants to know.
struct House {
    inner: DefaultRecorder,
    /// Calls of the inner recorder that succeeded, but those that record nothing.
    calls: Arc<AtomicU64>,
}

impl House {
    fn count<T>(&self, result: Result<T, RecordError>) -> Result<T, RecordError> {
        self.calls.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
        result
    }
}

impl Recorder for House {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        self.inner.open(run)
    }

    fn start(&self, mut span: SpanBuilder) -> Result<Span, RecordError> {
        // A dropped span is a span all the same, for the code that uses it.
        if span.name == "poll" {
            return Ok(Span::disabled());
        }
        span.name = format!("house/{}", span.name).into();
        if let Some(secret) = span.attributes.remove("password") {
            span.attributes.set("password.kind", secret.kind());
        }
        let setup = SpanBuilder::new("house/setup");
        let span = self.count(self.inner.start(span.with("host", "a1")))?;
        // A span and an event that the application knows nothing of.
        let setup = self.count(self.inner.start(setup.parent(&span)))?;
        self.count(self.inner.event(Some(&span), Event::new("house.welcome")))?;
        self.count(self.inner.stop(&setup, SpanStop::new()))?;
        Ok(span)
    }

    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        if span.is_disabled() {
            return self.inner.stop(span, stop);
        }
        if !span.is_stopped() {
            self.count(self.inner.set_attributes(span, Attributes::from([("billed", true)])))?;
        }
        self.count(self.inner.stop(span, stop.with("by", "house")))
    }

    fn event(&self, span: Option<&Span>, mut event: Event) -> Result<(), RecordError> {
        if event.name == "heartbeat" || span.is_some_and(Span::is_disabled) {
            return Ok(());
        }
        event.name = format!("house.{}", event.name).into();
        self.count(self.inner.event(span, event.with("host", "a1")))
    }

    fn error(&self, span: Option<&Span>, mut error: ErrorEvent) -> Result<(), RecordError> {
        error.message = error.message.replace("hunter2", "***");
        self.count(self.inner.error(span, error))?;
        self.count(self.inner.event(span, Event::new("house.alarm")))
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        let renamed = attributes.into_iter().map(|(name, value)| (format!("house.{name}"), value));
        self.count(self.inner.set_attributes(span, renamed.collect()))
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.inner.telemetry_data_error(error.with("host", "a1"))
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
}

struct Trial {
    directory: PathBuf,
    path: FilePath,
    memory: MemoryRecords,
    calls: Arc<AtomicU64>,
    provider: OneLoggerProvider,
}

/// The lines of the application and the house, and the records, without the library's own.
struct Outcome {
    lines: Vec<Value>,
    records: Vec<Record>,
    recorded: u64,
}

impl Trial {
    fn new(name: &str, strategy: ErrorHandlingStrategy, is_synchronous: bool) -> Trial {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("wrapping-{}-{name}", std::process::id()));
        let file = FileExporter::new(directory.join("run.jsonl"));
        let path = file.path();
        let (exporter, memory) = MemoryExporter::new();
        // Nothing is lost, however busy the machine is.
        let wait = FullPolicy::Block(PATIENCE);
        let mut builder = DefaultRecorder::builder().lane_policy(wait).queue_policy(wait);
        builder = builder.exporter(file).exporter(exporter);
        if is_synchronous {
            builder = builder.synchronous();
        }
        let calls = Arc::new(AtomicU64::new(0));
        let house = House { inner: builder.build().unwrap(), calls: Arc::clone(&calls) };
        let config = OneLoggerConfig::builder("wrapping")
            .world_size(1)
            .session_tag("test")
            .error_handling_strategy(strategy)
            .build()
            .unwrap();
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config, house).unwrap();
        // Closed by `finish`, to see whether that succeeds.
        std::mem::forget(guard);
        Trial { directory, path, memory, calls, provider }
    }

    /// Closes the provider; `truncated` spans are open, which the close stops.
    fn finish(self, truncated: u64) -> Outcome {
        let recorder = self.provider.recorder();
        self.provider.close(PATIENCE).unwrap();
        let health = recorder.health();
        let recorded = self.calls.load(Ordering::Relaxed) + truncated;
        for exporter in &health.exporters {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            let seen = (counts.recorded, counts.delivered, counts.added);
            assert_eq!(seen, (recorded, recorded, 0), "{}: {counts:?}", exporter.name);
        }
        let counts = health.exporters[0].counts;
        let text = std::fs::read_to_string(self.path.get().unwrap()).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let closing = lines.pop().unwrap()["event"]["attributes"].take();
        assert_eq!(closing["onelogger.recorded"], counts.recorded);
        assert_eq!(closing["onelogger.delivered"], counts.delivered);
        assert_eq!(closing["onelogger.delivered.updates"], counts.delivered_updates);
        assert_eq!(
            (&closing["onelogger.withheld"], &closing["onelogger.added"]),
            (&json!(0), &json!(0))
        );
        for reason in LossReason::ALL {
            assert_eq!(closing.get(format!("onelogger.lost.{reason}")), None);
        }
        assert_eq!(lines.remove(0)["event"]["name"], "onelogger.open");
        let of = |line: &Value| match line["type"].as_str().unwrap() {
            "complete" => 2,
            "telemetry_data_error" => 0,
            _ => 1,
        };
        let written: u64 = lines.iter().map(of).sum();
        assert_eq!(written + counts.delivered_updates, counts.delivered);
        let mut records = self.memory.take();
        records.pop();
        std::fs::remove_dir_all(&self.directory).unwrap();
        Outcome { lines, records, recorded }
    }
}

impl Outcome {
    fn line(&self, kind: &str, name: &str) -> &Value {
        let is_it = |line: &&Value| {
            line["type"] == kind && (line["name"] == name || line["event"]["name"] == name)
        };
        let found: Vec<_> = self.lines.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{kind} {name}: {:#?}", self.lines);
        found[0]
    }
}

#[test]
fn what_the_wrapper_renames_drops_and_adds_is_what_the_output_shows() {
    for is_synchronous in [false, true] {
        let name = format!("output-{is_synchronous}");
        let trial = Trial::new(&name, ErrorHandlingStrategy::PropagateExceptions, is_synchronous);
        let attached = trial.provider.attach();
        // As code anywhere in a program gets at it.
        let recorder = onelogger::recorder();
        let load = SpanBuilder::new("load").with("path", "/data").with("password", "hunter2");
        let load = recorder.start(load).unwrap();
        recorder.event(&load, Event::new("progress").with("done", 3)).unwrap();
        recorder.event(&load, "heartbeat").unwrap();
        let poll = recorder.start("poll").unwrap();
        recorder.event(&poll, "progress").unwrap();
        // Under the dropped span hangs what would hang under the one above.
        let parse = recorder.start("parse").unwrap();
        recorder.error(None, ErrorEvent::new("bad password: hunter2")).unwrap();
        recorder.set_attributes(&parse, [("rows", 7)]).unwrap();
        recorder.stop(&parse).unwrap();
        recorder.stop(&poll).unwrap();
        recorder.stop_with(&load, SpanStop::new().with("rows", 7)).unwrap();
        drop(attached);
        let outcome = trial.finish(0);
        // Two spans with a span and an event each, attributes at their stops; an event; an error
        // with its alarm; an addition of attributes.
        assert_eq!(outcome.recorded, 2 * (2 + 2 + 1 + 1) + 1 + 2 + 1);

        let load = outcome.line("start", "house/load");
        assert_eq!(
            load["attributes"],
            json!({"path": "/data", "password.kind": "string", "host": "a1"})
        );
        let stop = outcome.line("stop", "house/load");
        assert_eq!((&stop["id"], &stop["attributes"]["billed"]), (&load["id"], &json!(true)));
        let stop_event = &stop["stop_event"]["attributes"];
        assert_eq!((&stop_event["rows"], &stop_event["by"]), (&json!(7), &json!("house")));
        let parse = outcome.line("start", "house/parse");
        assert_eq!(parse["parent_id"], load["id"]);
        assert_eq!(outcome.line("stop", "house/parse")["attributes"]["house.rows"], 7);
        let progress = outcome.line("event", "house.progress");
        assert_eq!(progress["span_id"], load["id"]);
        assert_eq!(progress["event"]["attributes"]["host"], "a1");
        let error = &outcome.line("application_error", "error")["event"]["attributes"];
        assert_eq!(error["error_message"], "bad password: ***");
        assert_eq!(outcome.line("event", "house.alarm")["span_id"], parse["id"]);
        // The house's own span and event, within each span of the application.
        let setups = outcome.lines.iter().filter(|line| line["name"] == "house/setup");
        let starts = setups.filter(|line| line["type"] != "stop").map(|line| &line["parent_id"]);
        assert!(starts.eq([&load["id"], &parse["id"]]));
        let text = serde_json::to_string(&outcome.lines).unwrap();
        for absent in ["hunter2", "heartbeat", "poll"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        let names: Vec<_> = outcome
            .records
            .iter()
            .map(|record| match record {
                Record::Start(span) => format!("start {}", span.name),
                Record::Stop(span) => format!("stop {}", span.name),
                Record::Attributes(span) => format!("attributes {}", span.name),
                Record::Event(event) | Record::Error(event) => event.name.to_string(),
                Record::TelemetryDataError(error) => panic!("{error:?}"),
            })
            .collect();
        assert_eq!(
            names,
            [
                "start house/load",
                "start house/setup",
                "house.welcome",
                "stop house/setup",
                "house.progress",
                "start house/parse",
                "start house/setup",
                "house.welcome",
                "stop house/setup",
                "error",
                "house.alarm",
                "attributes house/parse",
                "attributes house/parse",
                "stop house/parse",
                "attributes house/load",
                "stop house/load",
            ]
        );
    }
}

#[test]
fn a_refusal_of_the_inner_recorder_reaches_the_caller_and_the_exporters() {
    let trial = Trial::new("refusal", ErrorHandlingStrategy::PropagateExceptions, false);
    let recorder = trial.provider.recorder();
    let span = recorder.start(SpanBuilder::new("once").root()).unwrap();
    recorder.stop(&span).unwrap();
    let refused = RecordError::SpanStopped { name: "house/once".to_owned() };
    assert_eq!(recorder.stop(&span), Err(refused.clone()));
    assert_eq!(recorder.event(&span, "late"), Err(refused));
    assert_eq!(recorder.refused_calls(), 2);
    let outcome = trial.finish(0);
    // The library's report goes through the wrapper as well; the second is not for the exporters.
    let mut reports = outcome.lines.iter().filter(|line| line["type"] == "telemetry_data_error");
    let report = &reports.next().unwrap()["error"]["attributes"];
    assert_eq!(report["host"], "a1");
    assert!(report["error_message"].as_str().unwrap().contains("house/once"));
    assert_eq!(reports.next(), None);
}

#[test]
fn under_the_default_strategy_a_refusal_costs_the_program_nothing() {
    let trial = Trial::new("default", ErrorHandlingStrategy::default(), true);
    let recorder = trial.provider.recorder();
    let span = recorder.start(SpanBuilder::new("once").root()).unwrap();
    recorder.stop(&span).unwrap();
    recorder.stop(&span).unwrap();
    recorder.event(&span, "late").unwrap();
    assert_eq!(recorder.refused_calls(), 2);
    trial.finish(0);
}

#[test]
fn spans_that_the_wrapper_left_open_are_stopped_by_the_close() {
    let trial = Trial::new("open", ErrorHandlingStrategy::PropagateExceptions, false);
    let attached = trial.provider.attach();
    let recorder = trial.provider.recorder();
    let outer = recorder.start("outer").unwrap();
    let inner = recorder.start("inner").unwrap();
    drop(attached);
    let outcome = trial.finish(2);
    for (name, span) in [("house/outer", &outer), ("house/inner", &inner)] {
        let stop = outcome.line("stop", name);
        assert_eq!(stop["attributes"]["onelogger.truncated"], true);
        // The close does not ask the wrapper.
        assert_eq!(stop["attributes"].get("billed"), None);
        assert!(!span.is_recording());
    }
}

#[test]
fn many_threads_may_use_a_wrapper_at_once() {
    let trial = Trial::new("threads", ErrorHandlingStrategy::PropagateExceptions, false);
    let (threads, each) = (8, 500);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _attached = trial.provider.attach();
                let recorder = onelogger::recorder();
                for number in 0..each {
                    let span = recorder.start(SpanBuilder::new("work").with("number", number));
                    let span = span.unwrap();
                    recorder.event(&span, "progress").unwrap();
                    recorder.stop(&span).unwrap();
                }
            });
        }
    });
    let outcome = trial.finish(0);
    assert_eq!(outcome.recorded, threads * each * 7);
    let setups = outcome.lines.iter().filter(|line| line["name"] == "house/setup");
    assert_eq!(setups.filter(|line| line["type"] != "stop").count() as u64, threads * each);
}

#[test]
fn a_library_finds_the_wrapper_and_its_calls_are_guarded_as_one() {
    let trial = Trial::new("library", ErrorHandlingStrategy::default(), true);
    let recorder = trial.provider.recorder();
    assert!(recorder.find::<House>().is_some() && recorder.find::<DefaultRecorder>().is_none());
    let pay = |reason: Option<&str>| {
        recorder.call("pay", 0, |recorder| {
            recorder.event(None, Event::new("paid"))?;
            let refused = |reason: &str| RecordError::Refused { reason: reason.to_owned() };
            reason.map(refused).map_or(Ok(7), Err)
        })
    };
    assert_eq!(pay(None), Ok(7));
    // What was recorded before the refusal stays; what is returned is what the caller gave for that.
    assert_eq!(pay(Some("not today")), Ok(0));
    assert_eq!(recorder.refused_calls(), 1);
    let outcome = trial.finish(0);
    assert_eq!(outcome.recorded, 2);
    let mut reports = outcome.lines.iter().filter(|line| line["type"] == "telemetry_data_error");
    let report = reports.next().unwrap();
    let message = report["error"]["attributes"]["error_message"].as_str().unwrap();
    assert!(message.ends_with("when calling pay: not today"), "{message}");
}

#[test]
fn a_recorder_that_its_handle_has_closed_is_closed_for_all() {
    let trial = Trial::new("handle", ErrorHandlingStrategy::PropagateExceptions, false);
    let recorder = trial.provider.recorder();
    recorder.event(None, "paid").unwrap();
    recorder.close(PATIENCE).unwrap();
    assert_eq!(trial.provider.recorder().event(None, "late"), Err(RecordError::Closed));
    assert!(trial.provider.is_ready());
    assert_eq!(trial.finish(0).recorded, 1);
}
