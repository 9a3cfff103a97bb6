//! The four outcomes of a span, in the output of each exporter, and macros through a recorder of the
//! application's own.

use std::future::pending;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onelogger::exporter::{ColorChoice, MemoryExporter, Run};
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, ConsoleExporter, DefaultRecorder, ErrorEvent, Event, FileExporter, Health,
    LoggerExporter, OneLoggerConfig, OneLoggerProvider, Outcome, Recorder, Span, SpanBuilder,
    SpanStop, TelemetryDataError, error, event, read, span, timed_span,
};
use onelogger_tests::tree::assert_tree;

#[timed_span(name = "fine")]
fn fine() -> Result<u32, String> {
    Ok(1)
}

#[timed_span(name = "failing")]
fn failing() -> std::io::Result<()> {
    Err(std::io::Error::other("the disk is gone".parse::<u32>().unwrap_err()))
}

#[timed_span(name = "panicking")]
fn panicking() {
    panic!("nobody expects it");
}

#[timed_span(name = "cancelled")]
async fn cancelled() {
    pending::<()>().await;
}

/// One span of each outcome.
fn job() {
    fine().unwrap();
    failing().unwrap_err();
    std::panic::catch_unwind(panicking).unwrap_err();
    let mut future = Box::pin(cancelled());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_pending());
}

/// What is written, for a test to look at.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The application's logger: keeps what the exporter logs.
struct Logger(Mutex<Vec<String>>);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "onelogger::records" {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

static LOGGER: Logger = Logger(Mutex::new(Vec::new()));

fn configure(recorder: impl Recorder) -> (OneLoggerProvider, onelogger::OneLoggerGuard) {
    let config = OneLoggerConfig::builder("outcomes").session_tag("").world_size(1).build();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config.unwrap(), recorder).unwrap();
    (provider, guard)
}

#[test]
fn every_exporter_shows_how_each_span_has_ended() {
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let console = Shared::default();
    let (memory, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder()
        .exporter(FileExporter::new(&path))
        .exporter(ConsoleExporter::to(console.clone()).color(ColorChoice::Never))
        .exporter(LoggerExporter::new())
        .exporter(memory)
        .build()
        .unwrap();
    let (provider, guard) = configure(recorder);
    let attached = provider.attach();
    job();
    drop((attached, guard));

    let ends = [
        ("fine", Outcome::Ok, None),
        ("failing", Outcome::Error, Some("Error in failing: invalid digit found in string")),
        ("panicking", Outcome::Panic, Some("panic in panicking: nobody expects it")),
        ("cancelled", Outcome::Cancelled, None),
    ];
    let logged: Vec<String> = LOGGER.0.lock().unwrap().drain(..).collect();
    let logged: Vec<String> = logged.iter().map(|l| LoggerExporter::parse(l).unwrap()).collect();
    let files = [read::file(&path).unwrap(), read::from_str(&logged.join("\n"))];
    let console = String::from_utf8(console.0.lock().unwrap().clone()).unwrap();
    for (name, outcome, message) in ends {
        for file in &files {
            let run = &file.runs()[0];
            assert!(run.completeness().is_complete(), "{}", run.completeness());
            let spans = run.spans();
            let span = spans.iter().find(|span| span.name() == name).expect(name);
            assert_eq!(span.outcome(), Some(outcome), "{name}");
            let errors = run.errors().filter_map(|error| {
                let text = error.attributes.get_str("error_message").unwrap();
                text.filter(|text| text.contains(name))
            });
            assert_eq!(errors.collect::<Vec<_>>(), message.into_iter().collect::<Vec<_>>());
        }
        let shown =
            console.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n");
        assert_eq!(shown.contains(outcome.as_str()), outcome != Outcome::Ok, "{shown}");
        assert!(message.is_none_or(|message| shown.contains(message)), "{shown}");
    }
    assert!(console.contains("(io::Error") && console.contains("code.file.path="), "{console}");
    let memory = records.take();
    let outcomes = memory.iter().filter_map(|record| match record {
        onelogger::Record::Stop(span) => Some(span.outcome),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), ends.map(|(_, outcome, _)| outcome));
}

/// Has every call pass through, and notes it.
struct Noting {
    inner: DefaultRecorder,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Noting {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Recorder for Noting {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        self.inner.open(run)
    }

    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        self.note(format!("start {} {:?}", span.name, span.attributes));
        self.inner.start(span.with("added", true))
    }

    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        self.note(format!("stop {} {:?}", span.name(), stop.outcome));
        self.inner.stop(span, stop)
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        let of = span.map_or("none", Span::name);
        self.note(format!("event {} of {of} {:?}", event.name, event.attributes));
        self.inner.event(span, event)
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        let of = span.map_or("none", Span::name);
        self.note(format!("error {} of {of} {:?}", error.message, error.exception_type));
        self.inner.error(span, error)
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        self.note(format!("set {attributes:?} of {}", span.name()));
        self.inner.set_attributes(span, attributes)
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.inner.telemetry_data_error(error)
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

#[test]
fn a_recorder_of_the_applications_own_gets_every_macro_with_built_attributes() {
    #[timed_span(name = "step", attrs(n, half = f64::from(n) / 2.0), ret)]
    fn step(n: u32) -> Result<u32, String> {
        let _inner = span!("inner", text = "x");
        event!("event", list = [1, 2]);
        error!("error {n}");
        if n > 1 { Err("too many".into()) } else { Ok(n) }
    }
    let (memory, records) = MemoryExporter::new();
    let calls = Arc::default();
    let inner = DefaultRecorder::builder().exporter(memory).synchronous().build().unwrap();
    let (provider, guard) = configure(Noting { inner, calls: Arc::clone(&calls) });
    let attached = provider.attach();
    step(1).unwrap();
    step(2).unwrap_err();
    drop((attached, guard));
    let calls = calls.lock().unwrap().join("\n");
    let expected = "\
start step {\"n\": I64(1), \"half\": F64(0.5)}
start inner {\"text\": String(\"x\")}
event event of inner {\"list\": I64List([1, 2])}
error error 1 of inner None
stop inner Ok
set {\"return\": I64(1)} of step
stop step Ok
start step {\"n\": I64(2), \"half\": F64(1.0)}
start inner {\"text\": String(\"x\")}
event event of inner {\"list\": I64List([1, 2])}
error error 2 of inner None
stop inner Ok
error Error in step: too many of step Some(\"String\")
stop step Error";
    assert_eq!(calls, expected);
    let mut records = records.take();
    records.retain(
        |r| !matches!(r, onelogger::Record::Event(e) if e.name.as_str().starts_with("onelogger.")),
    );
    assert_tree(
        &records,
        "
        step n=1 half=0.5 added=true return=1
          inner text=x added=true
            · event list=[1, 2]
            ! error 1
        step n=2 half=1 added=true -> error
          inner text=x added=true
            · event list=[1, 2]
            ! error 2
          ! Error in step: too many [String]
        ",
    );
}
