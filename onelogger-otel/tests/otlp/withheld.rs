//! An exporter of one signal: what that has no place for is withheld, exactly, and the rest arrives.

use onelogger::{Attributes, Counts, ErrorEvent, SpanStop};
use onelogger_otel::{EventMode, OtlpExporterBuilder};

use super::support::{Collector, Job, PROTOCOLS, Reply, exporter};

/// A span with an addition of attributes, an event and an error; an event and an error without one.
fn work(job: &Job) {
    let span = job.recorder.start("span").unwrap();
    job.recorder.set_attributes(&span, Attributes::new().with("rows", 3)).unwrap();
    job.recorder.event(&span, "of a span").unwrap();
    job.recorder.error(&span, ErrorEvent::new("in a span")).unwrap();
    job.recorder.stop_with(&span, SpanStop::new()).unwrap();
    job.recorder.event(None, "alone").unwrap();
    job.recorder.error(None, ErrorEvent::new("alone")).unwrap();
}

fn counts(exporter: OtlpExporterBuilder) -> Counts {
    let job = Job::new(exporter);
    work(&job);
    let counts = job.close();
    assert_eq!((counts.recorded, counts.lost_total()), (7, 0));
    counts
}

#[test]
fn without_traces_events_and_errors_arrive_and_spans_are_withheld() {
    for protocol in PROTOCOLS {
        for mode in [EventMode::LogRecords, EventMode::SpanEvents, EventMode::ZeroLengthSpans] {
            let collector = Collector::start(protocol);
            let counts = counts(exporter(&collector, protocol).without_traces().events(mode));
            assert_eq!((counts.delivered, counts.withheld), (4, 3), "{mode:?}");
            assert_eq!(counts.delivered_updates, 0);
            assert!(collector.spans().is_empty());
            let names = ["onelogger.open", "of a span", "exception", "alone", "exception"];
            assert_eq!(collector.event_names()[..5], names);
        }
    }
}

#[test]
fn without_logs_events_and_errors_stand_in_their_spans_and_others_are_withheld() {
    for protocol in PROTOCOLS {
        for mode in [EventMode::LogRecords, EventMode::SpanEvents] {
            let collector = Collector::start(protocol);
            let counts = counts(exporter(&collector, protocol).without_logs().events(mode));
            assert_eq!((counts.delivered, counts.withheld), (5, 2), "{mode:?}");
            assert_eq!(counts.delivered_updates, 1);
            assert!(collector.log_records().is_empty());
            let spans = collector.spans();
            let events: Vec<&str> = spans[0].events.iter().map(|event| &*event.name).collect();
            assert_eq!(events, ["of a span", "exception"]);
        }
        let collector = Collector::start(protocol);
        let mode = EventMode::ZeroLengthSpans;
        let counts = counts(exporter(&collector, protocol).without_logs().events(mode));
        assert_eq!((counts.delivered, counts.withheld), (5, 2));
        let mut names: Vec<_> = collector.spans().into_iter().map(|span| span.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["error_for_span", "of a span_event_for_span", "span"]);
    }
}

#[test]
fn what_finds_no_room_without_logs_is_withheld_too() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        // Nothing can be remembered of an open span: neither its start nor what happens in it.
        let counts = counts(exporter(&collector, protocol).without_logs().memory(0));
        assert_eq!((counts.delivered, counts.withheld), (1, 6));
        assert_eq!((counts.delivered_updates, collector.spans().len()), (0, 1));
    }
}

/// Where no log record says it, the span that does is said again.
#[test]
fn without_logs_a_report_that_did_not_get_through_comes_again() {
    for protocol in PROTOCOLS {
        let collector = Collector::start(protocol);
        // The span, the report of that, and what says how much is lost.
        collector.traces(vec![Reply::Refuse; 3]);
        let job = Job::new(exporter(&collector, protocol).without_logs());
        job.spans(1);
        job.flush();
        job.spans(1);
        job.flush();
        let counts = job.close();
        assert_eq!((counts.delivered, counts.lost_total()), (2, 2), "{protocol:?}");
        let spans = collector.spans();
        let reports = spans.iter().filter(|span| span.name == "telemetry_data_error");
        assert_eq!(reports.count(), 2, "{protocol:?}");
    }
}
