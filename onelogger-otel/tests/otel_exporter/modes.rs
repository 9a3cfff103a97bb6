//! The ways in which events are shown, and what happens where there is no memory for them.

use onelogger::{Attributes, DefaultRecorder, ErrorEvent, Event};
use onelogger_otel::{EventMode, OTelExporter};

use crate::backend::{Backend, Reply};
use crate::support::Job;

/// A span with an event and an error in it, and an event outside: five records.
fn run(job: &Job) {
    let span = job.recorder.start("load").unwrap();
    job.recorder.event(&span, Event::new("progress").with("done", 1)).unwrap();
    job.recorder.error(&span, ErrorEvent::new("bad").exception("Bad", "very bad")).unwrap();
    job.recorder.stop(&span).unwrap();
    job.events(1);
    job.flush();
}

#[test]
fn events_stand_in_their_span() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()));
    run(&job);
    assert_eq!(backend.names(), ["load", "event"]);
    let names: Vec<_> = backend.spans()[0].events.iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, ["progress", "exception"]);
    assert_eq!(job.close().delivered, 5);
}

#[test]
fn events_are_spans_without_length() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()).events(EventMode::ZeroLengthSpans));
    let span = job.recorder.start("load").unwrap();
    job.flush();
    assert_eq!(backend.names(), ["span_start_event_for_load"], "a span is seen when it starts");
    job.recorder.stop(&span).unwrap();
    run(&job);
    let of_run = [
        "span_start_event_for_load",
        "progress_event_for_load",
        "error_for_load",
        "span_stop_event_for_load",
        "load",
        "event",
    ];
    let names = backend.names();
    assert_eq!(names[1..3], ["span_stop_event_for_load", "load"]);
    assert_eq!(names[3..], of_run);
    let spans = backend.spans();
    let load = &spans[7];
    for child in &spans[3..7] {
        assert_eq!(child.parent_span_id, load.span_context.span_id());
        assert_eq!(child.span_context.trace_id(), load.span_context.trace_id());
        assert_eq!(child.start_time, child.end_time);
        assert!(!child.parent_span_is_remote);
    }
    assert_eq!(job.close().delivered, 7);
}

#[test]
fn there_are_no_log_records_here() {
    let exporter = OTelExporter::new(Backend::default()).events(EventMode::LogRecords);
    let error = DefaultRecorder::builder().exporter(exporter).build().err().unwrap();
    assert!(error.to_string().contains("choose `EventMode::SpanEvents`"), "{error}");
}

#[test]
fn what_finds_no_room_is_shown_at_once() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()).memory(0));
    let span = job.recorder.start("epoch").unwrap();
    job.recorder.set_attributes(&span, Attributes::from([("a", 1)])).unwrap();
    job.recorder.event(&span, "progress").unwrap();
    job.recorder.error(&span, "bad").unwrap();
    job.flush();
    let names = [
        "span_start_event_for_epoch",
        "onelogger.span.update_event_for_epoch",
        "progress_event",
        "error",
    ];
    assert_eq!(backend.names(), names);
    // All that was before is delivered: only the stop is lost with the span.
    backend.reply([Reply::Refuse]);
    job.recorder.stop(&span).unwrap();
    job.flush();
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (4, 1));
}

#[test]
fn events_beyond_the_memory_are_spans_without_length() {
    let backend = Backend::default();
    let job = Job::with(OTelExporter::new(backend.clone()).memory(16 << 10));
    let span = job.recorder.start("epoch").unwrap();
    for _ in 0..100 {
        let event = Event::new("progress").with("text", "x".repeat(400));
        job.recorder.event(&span, event).unwrap();
    }
    job.recorder.stop(&span).unwrap();
    job.flush();
    let names = backend.names();
    let sent = names.iter().filter(|name| *name == "progress_event_for_epoch").count();
    let kept = backend.spans().last().unwrap().events.len();
    assert!(kept > 5 && sent > 50, "{kept} {sent}");
    assert_eq!(kept + sent, 100);
    assert_eq!(job.close().delivered, 102);
}

#[test]
fn many_open_spans_are_all_accounted_for() {
    let backend = Backend::default();
    let exporter = OTelExporter::new(backend.clone()).memory(64 << 10);
    let job = Job::with(exporter.max_export_batch_size(2000));
    let spans: Vec<_> = (0..1000).map(|_| job.recorder.start("parallel").unwrap()).collect();
    job.flush();
    let shown = backend.names().len();
    assert!((100..1000).contains(&shown), "{shown}");
    // The spans that are remembered are lost with their starts.
    backend.reply([Reply::Refuse]);
    for span in &spans {
        job.recorder.stop(span).unwrap();
    }
    job.flush();
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (shown as u64, 2000 - shown as u64));
}
