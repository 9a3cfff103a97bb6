//! What is remembered of open spans is bounded, and nothing is lost for it.

use onelogger::{Attributes, Event};
use onelogger_otel::EventMode;
use onelogger_otel::Protocol::HttpProtobuf;

use crate::support::{Collector, Job, Reply, exporter};

#[test]
fn a_span_that_cannot_be_remembered_is_announced_at_once() {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).memory(0));
    let span = job.recorder.start("epoch").unwrap();
    job.recorder.set_attributes(&span, Attributes::from([("a", 1)])).unwrap();
    job.flush();
    let names = ["onelogger.open", "onelogger.span.open", "onelogger.span.update"];
    assert_eq!(collector.event_names(), names);

    // Start and addition are delivered: only the stop is lost with the span.
    collector.traces([Reply::Refuse]);
    job.recorder.stop(&span).unwrap();
    job.flush();
    let counts = job.close();
    assert_eq!((counts.delivered, counts.lost_total()), (2, 1));
}

#[test]
fn events_beyond_the_memory_are_log_records() {
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf).events(EventMode::SpanEvents);
    let job = Job::new(exporter.memory(16 << 10));
    let span = job.recorder.start("epoch").unwrap();
    for _ in 0..100 {
        let event = Event::new("progress").with("text", "x".repeat(400));
        job.recorder.event(&span, event).unwrap();
    }
    job.recorder.stop(&span).unwrap();
    job.flush();
    let kept = collector.spans()[0].events.len();
    let sent = collector.events().len();
    assert!(kept > 5 && sent > 50, "{kept} {sent}");
    assert_eq!(kept + sent, 100);
    assert_eq!(job.close().delivered, 102);
}

#[test]
fn many_open_spans_are_all_accounted_for() {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).memory(64 << 10));
    let spans: Vec<_> = (0..1000).map(|_| job.recorder.start("parallel").unwrap()).collect();
    job.flush();
    let announced = collector.events().len();
    assert!((500..1000).contains(&announced), "{announced}");
    // The spans that are remembered are lost with their starts.
    collector.traces([Reply::Refuse]);
    for span in &spans {
        job.recorder.stop(span).unwrap();
    }
    job.flush();
    let counts = job.close();
    assert_eq!(
        (counts.delivered, counts.lost_total()),
        (announced as u64, 2000 - announced as u64)
    );
}
