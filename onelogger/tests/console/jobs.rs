//! Jobs with a recorder.

use std::io;
use std::time::Duration;

use onelogger::exporter::ColorChoice;
use onelogger::{
    Attributes, ConsoleExporter, DefaultRecorder, ErrorEvent, Event, LossReason, MemoryExporter,
    OneLoggerConfig, OneLoggerProvider, SpanBuilder, SpanFilter,
};

use crate::story::Sink;

const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn a_closed_pipe_is_a_failure_that_is_counted_and_said_once() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let (memory, records) = MemoryExporter::new();
    let recorder =
        DefaultRecorder::builder().exporter(ConsoleExporter::to(writer)).exporter(memory);
    let config = OneLoggerConfig::builder("pipe").world_size(1).session_tag("").build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder.build().unwrap()).unwrap();
    let handle = provider.recorder();
    for number in 0..100 {
        let span = handle.start(SpanBuilder::new("span").with("number", number)).unwrap();
        handle.event(&span, Event::new("e")).unwrap();
        handle.stop(&span).unwrap();
    }
    provider.close(PATIENCE).unwrap();
    let [console, memory] = &handle.health().exporters[..] else { panic!() };
    assert!(console.counts.is_balanced() && memory.counts.is_balanced());
    assert_eq!((console.counts.recorded, console.counts.delivered), (300, 0));
    let failed = console.counts.lost(LossReason::ExportFailed);
    let disabled = console.counts.lost(LossReason::ExporterDisabled);
    assert_eq!(failed + disabled, 300);
    assert!(console.last_error.as_ref().unwrap().contains("cannot write to the console"));
    assert_eq!(memory.counts.delivered, 300);
    assert!(records.take().len() > 300);
    drop(guard);
}

#[test]
fn a_job_has_a_line_that_says_whose_it_is_and_one_for_what_is_missing() {
    for (filter, last) in [
        (SpanFilter::all(), "◂ job (truncated)"),
        (SpanFilter::except(["secret"]), "- of 7 records: 2 withheld"),
    ] {
        let sink = Sink::default();
        let console = ConsoleExporter::to(sink.clone()).color(ColorChoice::Never);
        let recorder = DefaultRecorder::builder().exporter(console).filter(filter);
        let config = OneLoggerConfig::builder("trainer").world_size(1).session_tag("run-42");
        let provider = OneLoggerProvider::new();
        let guard = provider.configure(config.build().unwrap(), recorder.build().unwrap()).unwrap();
        let handle = provider.recorder();
        let job = handle.start("job").unwrap();
        let secret = handle.start("secret").unwrap();
        handle.stop(&secret).unwrap();
        handle.event(&job, Event::new("e")).unwrap();
        handle.error(&job, ErrorEvent::new("bad")).unwrap();
        handle.set_attributes(&job, Attributes::new().with("k", 1)).unwrap();
        drop(guard);
        let counts = handle.health().exporters[0].counts;
        assert!(counts.is_balanced(), "{counts:?}");
        let text = sink.text();
        let first = text.lines().next().unwrap().trim();
        assert_eq!(first, format!("● trainer  session run-42  pid {}", std::process::id()));
        assert!(text.lines().last().unwrap().contains(last), "{text}");
        // The event, the error, the two lines of the job, the secret, what is withheld.
        assert_eq!(text.lines().count(), 6, "{text}");
    }
}
