//! The ways in which events and open spans are shown.

use std::time::Duration;

use onelogger::{ErrorEvent, Event};
use onelogger_otel::EventMode;
use onelogger_otel::Protocol::HttpProtobuf;

use crate::support::{Collector, Job, Reply, exporter};

/// A span with an event and an error in it, and an event outside.
fn run(job: &Job) {
    let span = job.recorder.start("load").unwrap();
    job.recorder.event(&span, Event::new("progress").with("done", 1)).unwrap();
    job.recorder.error(&span, ErrorEvent::new("bad").exception("Bad", "very bad")).unwrap();
    job.recorder.stop(&span).unwrap();
    job.events(1);
    job.flush();
}

fn in_mode(mode: EventMode) -> (Collector, Job) {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).events(mode));
    run(&job);
    (collector, job)
}

#[test]
fn events_are_log_records() {
    let (collector, job) = in_mode(EventMode::LogRecords);
    assert_eq!(collector.event_names(), ["onelogger.open", "progress", "exception", "event"]);
    let spans = collector.spans();
    assert_eq!(spans.len(), 1);
    assert!(spans[0].events.is_empty());
    assert_eq!(job.close().delivered, 5);
}

#[test]
fn events_stand_in_their_span() {
    let (collector, job) = in_mode(EventMode::SpanEvents);
    assert_eq!(collector.event_names(), ["onelogger.open", "exception", "event"]);
    let spans = collector.spans();
    let names: Vec<_> = spans[0].events.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["progress", "exception"]);
    let keys: Vec<_> = spans[0].events[1].attributes.iter().map(|one| &*one.key).collect();
    assert_eq!(keys, ["error_message", "exception.type", "exception.message"]);
    assert_eq!(job.close().delivered, 5);
}

#[test]
fn events_in_a_span_are_lost_with_it() {
    let collector = Collector::start(HttpProtobuf);
    collector.traces([Reply::Refuse]);
    let job = Job::new(exporter(&collector, HttpProtobuf).events(EventMode::SpanEvents));
    run(&job);
    // Start, stop and event; the error and the event outside are log records.
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (2, 3));
}

#[test]
fn events_are_spans_without_length() {
    let (collector, job) = in_mode(EventMode::ZeroLengthSpans);
    assert_eq!(collector.event_names(), ["onelogger.open", "exception", "event"]);
    let spans = collector.spans();
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["progress_event_for_load", "error_for_load", "load"]);
    let load = &spans[2];
    for child in &spans[..2] {
        assert_eq!((&child.parent_span_id, &child.trace_id), (&load.span_id, &load.trace_id));
        assert_eq!(child.start_time_unix_nano, child.end_time_unix_nano);
    }
    assert_ne!(spans[0].span_id, spans[1].span_id);
    assert_eq!(spans[1].status.as_ref().map(|status| status.code), Some(2));
    assert_eq!(job.close().delivered, 5);
}

#[test]
fn a_span_that_stays_open_is_announced_once() {
    let collector = Collector::start(HttpProtobuf);
    let announced = exporter(&collector, HttpProtobuf).announce_open_spans_after(Duration::ZERO);
    let job = Job::new(announced);
    let span = job.recorder.start("epoch").unwrap();
    job.flush();
    job.flush();
    let logs = collector.events();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].event_name, "onelogger.span.open");
    let context = span.context();
    assert_eq!(logs[0].span_id, context.span_id.to_u64().to_be_bytes());
    assert_eq!(logs[0].trace_id, context.trace_id.to_u128().to_be_bytes());
    assert!(format!("{:?}", logs[0].attributes).contains("StringValue(\"epoch\")"));

    // Its start has been delivered: only the stop is lost with the span.
    collector.traces([Reply::Refuse]);
    job.recorder.stop(&span).unwrap();
    job.flush();
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (1, 1));
}

#[test]
fn an_announcement_that_is_lost_loses_nothing_and_comes_again() {
    let collector = Collector::start(HttpProtobuf);
    // The first is without it; with the second goes the record that opens the run, once more.
    collector.logs([Reply::Refuse, Reply::Refuse]);
    let announced = exporter(&collector, HttpProtobuf).announce_open_spans_after(Duration::ZERO);
    let job = Job::new(announced);
    let span = job.recorder.start("epoch").unwrap();
    job.flush();
    job.flush();
    assert_eq!(collector.event_names(), ["onelogger.open", "onelogger.span.open"]);
    job.recorder.stop(&span).unwrap();
    assert_eq!(job.close().lost_total(), 0);
}
