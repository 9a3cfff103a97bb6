//! How much of a span and of a log record is sent, and how they say what is missing.

use onelogger::{
    Attributes, ErrorEvent, Event, SpanBuilder, SpanContext, SpanId, SpanStop, TraceId,
};
use onelogger_otel::Protocol::HttpProtobuf;
use onelogger_otel::{EventMode, LogLimits, SpanLimits};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use crate::support::{Collector, Job, exporter};

/// So many attributes, which are texts of 8 characters.
fn attributes(count: usize) -> Attributes {
    (0..count).map(|number| (format!("key {number}"), "äöü45678")).collect()
}

fn texts(attributes: &[KeyValue]) -> Vec<&str> {
    let values = attributes.iter().map(|attribute| attribute.value.as_ref()?.value.as_ref());
    let texts = values.map(|value| match value {
        Some(Value::StringValue(text)) => text.as_str(),
        other => panic!("no text: {other:?}"),
    });
    texts.collect()
}

#[test]
fn a_span_says_what_it_lacks() {
    let limits = SpanLimits {
        attribute_count: 2,
        attribute_value_length: Some(3),
        link_count: 2,
        attributes_per_link: 1,
        ..SpanLimits::default()
    };
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).span_limits(limits));
    let linked = SpanContext::remote(TraceId::from_u128(1), SpanId::from_u64(2));
    let span = SpanBuilder::new("load")
        .attributes(attributes(5))
        .link(linked, attributes(4))
        .link(linked, attributes(1))
        .link(linked, attributes(1));
    let span = job.recorder.start(span).unwrap();
    job.recorder.stop(&span).unwrap();
    job.flush();
    let span = &collector.spans()[0];
    assert_eq!(texts(&span.attributes), ["äöü", "äöü"]);
    assert_eq!((span.dropped_attributes_count, span.dropped_links_count), (3, 1));
    let links: Vec<_> = span
        .links
        .iter()
        .map(|link| (texts(&link.attributes), link.dropped_attributes_count))
        .collect();
    assert_eq!(links, [(vec!["äöü"], 3), (vec!["äöü"], 0)]);
    assert_eq!(job.close().delivered, 2);
}

#[test]
fn events_that_a_span_has_no_place_for_are_log_records() {
    let limits = SpanLimits { event_count: 3, attributes_per_event: 1, ..SpanLimits::default() };
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf).events(EventMode::SpanEvents);
    let job = Job::new(exporter.span_limits(limits));
    let span = SpanBuilder::new("load").start_attributes(attributes(1));
    let span = job.recorder.start(span).unwrap();
    for number in 0..5 {
        let event = Event::new(format!("event {number}")).attributes(attributes(3));
        job.recorder.event(&span, event).unwrap();
    }
    job.recorder.error(&span, ErrorEvent::new("bad")).unwrap();
    job.recorder.stop_with(&span, SpanStop::new().with("rows", 3)).unwrap();
    job.flush();

    let span = &collector.spans()[0];
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| (&*event.name, event.attributes.len(), event.dropped_attributes_count))
        .collect();
    assert_eq!(events, [("span_start", 1, 0), ("event 0", 1, 2), ("event 1", 1, 2)]);
    // Three events, the error and the stop; all of them are log records.
    assert_eq!(span.dropped_events_count, 5);
    let logs = collector.events();
    let names: Vec<_> = logs.iter().map(|log| &*log.event_name).collect();
    assert_eq!(names, ["event 2", "event 3", "event 4", "exception", "span_stop"]);
    assert!(logs.iter().all(|log| log.span_id == span.span_id));
    assert_eq!(logs[0].attributes.len(), 3, "the limits of log records are others");
    assert_eq!(logs[4].attributes[0].key, "rows");
    assert_eq!(job.close().delivered, 8);
}

#[test]
fn a_start_event_without_a_place_is_a_log_record() {
    let limits = SpanLimits { event_count: 0, ..SpanLimits::default() };
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).span_limits(limits));
    let span = SpanBuilder::new("load").with("key 0", 7).start_attributes(attributes(2));
    let span = job.recorder.start(span).unwrap();
    job.recorder.stop(&span).unwrap();
    job.flush();
    let log = &collector.events()[0];
    let keys: Vec<_> = log.attributes.iter().map(|attribute| &*attribute.key).collect();
    assert_eq!(keys, ["onelogger.span.name", "key 0", "key 1"], "no key stands there twice");
    assert_eq!(log.event_name, "onelogger.span.open");
    assert_eq!(collector.spans()[0].dropped_events_count, 1);
    assert_eq!(job.close().delivered, 2);
}

#[test]
fn a_log_record_says_what_it_lacks_and_the_library_s_own_lack_nothing() {
    let limits = LogLimits { attribute_count: 1, attribute_value_length: Some(2) };
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf).log_limits(limits));
    job.recorder.event(None, Event::new("progress").attributes(attributes(4))).unwrap();
    job.recorder.error(None, ErrorEvent::new("could not save").with("step", 7)).unwrap();
    job.flush();
    let logs = collector.events();
    assert_eq!((texts(&logs[0].attributes), logs[0].dropped_attributes_count), (vec!["äö"], 3));
    assert_eq!((texts(&logs[1].attributes), logs[1].dropped_attributes_count), (vec!["co"], 1));
    let body = logs[1].body.clone().and_then(|body| body.value);
    assert_eq!(body, Some(Value::StringValue("could not save".into())), "a body has no limit");
    assert_eq!(job.close().delivered, 2);
    let logs = collector.log_records();
    let own = |name: &str| logs.iter().find(|log| log.event_name == name).expect("is there");
    for name in ["onelogger.open", "onelogger.close"] {
        assert!(own(name).attributes.len() > 3, "{:?}", own(name));
        assert_eq!(own(name).dropped_attributes_count, 0);
    }
}

#[test]
fn counts_are_limited_by_default_and_lengths_are_not() {
    let collector = Collector::start(HttpProtobuf);
    let job = Job::new(exporter(&collector, HttpProtobuf));
    let long = "x".repeat(100_000);
    let span = SpanBuilder::new("load").with("long", long).attributes(attributes(200));
    let span = job.recorder.start(span).unwrap();
    job.recorder.event(&span, Event::new("event").attributes(attributes(129))).unwrap();
    job.recorder.stop(&span).unwrap();
    job.flush();
    let span = &collector.spans()[0];
    let count = span.attributes.len() + span.dropped_attributes_count as usize;
    assert_eq!((span.attributes.len(), count), (128, 201));
    assert_eq!(texts(&span.attributes)[0].len(), 100_000);
    let log = &collector.events()[0];
    assert_eq!((log.attributes.len(), log.dropped_attributes_count), (128, 1));
    assert_eq!(job.close().delivered, 3);
}
