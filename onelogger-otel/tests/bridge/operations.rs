//! What can be done with a span of OpenTelemetry's, and the records that say it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onelogger::{Outcome, Record, SpanKind, TraceFlags, Value};
use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind as OtelKind, Status,
    TraceContextExt as _, TraceFlags as OtelFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, Value as OtelValue, global,
};

use super::support::{Job, tracer};

fn elsewhere(span: u64, flags: u8) -> SpanContext {
    let (trace, flags) = (TraceId::from(7), OtelFlags::new(flags));
    SpanContext::new(trace, SpanId::from(span), flags, true, TraceState::NONE)
}

fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn attributes_keep_their_types() {
    let job = Job::new();
    let tracer = tracer();
    let texts = vec![StringValue::from("a"), StringValue::from("b".to_owned())];
    let given = [
        KeyValue::new("text", "x".to_owned()),
        KeyValue::new("bool", true),
        KeyValue::new("i64", i64::MIN),
        KeyValue::new("f64", f64::NAN),
        KeyValue::new("texts", OtelValue::Array(Array::String(texts))),
        KeyValue::new("bools", OtelValue::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("i64s", OtelValue::Array(Array::I64(vec![1, -1]))),
        KeyValue::new("f64s", OtelValue::Array(Array::F64(vec![0.5]))),
    ];
    let mut span = tracer.span_builder("span").with_attributes(given.clone()).start(&tracer);
    span.set_attribute(KeyValue::new("i64", 2));
    span.set_attributes([KeyValue::new("late", "y"), KeyValue::new("late", "z")]);
    span.add_event("event", given.to_vec());
    span.end();
    let recorded = job.finish();
    let expected = [
        ("text", Value::from("x")),
        ("bool", Value::from(true)),
        ("i64", Value::from(i64::MIN)),
        ("f64", Value::from(f64::NAN)),
        ("texts", Value::from(["a", "b"])),
        ("bools", Value::from([true, false])),
        ("i64s", Value::from([1, -1])),
        ("f64s", Value::from([0.5])),
    ];
    let found = |attributes: &onelogger::Attributes| -> Vec<(String, Value)> {
        attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    };
    let mut expected = expected.map(|(name, value)| (name.to_owned(), value)).to_vec();
    assert_eq!(found(&recorded.start("span").attributes), expected);
    assert_eq!(found(&recorded.event("event").0.attributes), expected);
    expected[2].1 = Value::from(2);
    expected.push(("late".to_owned(), Value::from("z")));
    assert_eq!(found(&recorded.stop("span").attributes), expected);
}

#[test]
fn times_kinds_and_links_are_those_given() {
    let job = Job::new();
    let tracer = tracer();
    let start = SystemTime::now() - Duration::from_secs(5);
    let second = |count| start + Duration::from_secs(count);
    let kinds = [
        (OtelKind::Client, SpanKind::Client),
        (OtelKind::Server, SpanKind::Server),
        (OtelKind::Producer, SpanKind::Producer),
        (OtelKind::Consumer, SpanKind::Consumer),
        (OtelKind::Internal, SpanKind::Internal),
    ];
    for (number, (kind, _)) in kinds.iter().enumerate() {
        let link = Link::new(elsewhere(9, 0xff), vec![KeyValue::new("a", 1)], 0);
        let mut span = tracer
            .span_builder(format!("span {number}"))
            .with_kind(kind.clone())
            .with_start_time(start)
            .with_events(vec![Event::new("first", second(1), vec![KeyValue::new("b", 2)], 0)])
            .with_links(vec![link, Link::with_context(SpanContext::NONE)])
            .start(&tracer);
        span.add_event_with_timestamp("second", second(2), Vec::new());
        span.end_with_timestamp(second(3));
    }
    // Without a time it is now, on the recorder's clock.
    tracer.start("now").end();
    let before = unix_nanos(SystemTime::now());
    let recorded = job.finish();
    for (number, (_, kind)) in kinds.iter().enumerate() {
        let stop = recorded.stop(&format!("span {number}"));
        assert_eq!((stop.kind, stop.duration_nanos), (*kind, 3_000_000_000));
        assert_eq!(stop.start_time_unix_nanos, unix_nanos(start));
        assert_eq!(stop.time_unix_nanos, unix_nanos(second(3)));
        let [link] = &stop.links[..] else { panic!("{:?}", stop.links) };
        assert_eq!((link.context.span_id.to_u64(), link.context.trace_id.to_u128()), (9, 7));
        assert!(link.context.is_remote);
        assert_eq!(link.context.trace_flags, TraceFlags::SAMPLED.with(TraceFlags::RANDOM));
        assert_eq!(link.attributes.get_i64("a"), Ok(Some(1)));
    }
    let mut events = recorded.events();
    let times = [second(1), second(2)].map(unix_nanos);
    for (name, time) in ["first", "second"].into_iter().zip(times).cycle().take(10) {
        let event = events.next().unwrap();
        assert_eq!((event.name.as_str(), event.time_unix_nanos), (name, time));
    }
    assert!(recorded.stop("now").time_unix_nanos <= before);
    assert!(recorded.stop("now").attributes.is_empty());
}

/// OpenTelemetry's interface reads the wall clock for a caller who gives no time. That is no explicit
/// time: the recorder's clock says when it is.
#[test]
fn without_a_time_it_is_now_on_the_clock_of_the_recorder() {
    tracer();
    let capture = onelogger::testing::capture();
    capture.clock().advance(Duration::from_secs(7));
    for _ in 0..200 {
        let mut span = tracer().start("span");
        span.add_event("event", Vec::new());
        span.end();
        tracer().in_span("active", |cx| cx.span().add_event("event", Vec::new()));
    }
    let records = capture.finish();
    assert_eq!(records.len(), 200 * 6);
    let now = onelogger::testing::EPOCH_UNIX_NANOS + 7_000_000_000;
    let in_time = records.iter().filter(|record| match record {
        Record::Stop(span) => span.time_unix_nanos == now && span.duration_nanos == 0,
        Record::Event(event) => event.time_unix_nanos == now,
        _ => false,
    });
    // A thread that is interrupted between two readings of clocks seems to give a time.
    let in_time = in_time.count();
    assert!(in_time > 200, "{in_time} of 800");
}

#[test]
fn what_ours_has_no_call_for_is_an_attribute_or_an_event() {
    let job = Job::new();
    let mut span = tracer().start("before");
    span.update_name("between".to_owned());
    span.update_name("after");
    span.add_link(elsewhere(9, 1), vec![KeyValue::new("why", "because")]);
    span.add_link(SpanContext::NONE, Vec::new());
    span.end();
    let recorded = job.finish();
    let stop = recorded.stop("before");
    assert_eq!(stop.attributes.get_str("onelogger.otel.span_name"), Ok(Some("after")));
    let (link, _, span) = recorded.event("link");
    assert_eq!(span, stop.span_id);
    let ids = ["onelogger.link.trace_id", "onelogger.link.span_id", "why"];
    let found = ids.map(|name| link.attributes.get_str(name).unwrap().unwrap());
    assert_eq!(found, ["00000000000000000000000000000007", "0000000000000009", "because"]);
    assert_eq!(recorded.events().count(), 1);
}

#[test]
fn exceptions_are_errors() {
    let job = Job::new();
    let failure = "x".parse::<u32>().unwrap_err();
    tracer().in_span("span", |cx| {
        cx.span().record_error(&failure);
        let attributes = [
            KeyValue::new("exception.type", "KeyError"),
            KeyValue::new("exception.message", "no such key"),
            KeyValue::new("exception.stacktrace", "line 1"),
            KeyValue::new("key", 7),
        ];
        cx.span().add_event("exception", attributes.to_vec());
        cx.span().add_event("exception", vec![KeyValue::new("exception.type", "Unknown")]);
        cx.span().add_event("exception", Vec::new());
    });
    let recorded = job.finish();
    let errors = recorded.errors();
    let texts = |name| {
        errors.iter().map(|error| error.attributes.get_str(name).unwrap()).collect::<Vec<_>>()
    };
    let message = "invalid digit found in string";
    let expected = [Some(message), Some("no such key"), Some("Unknown"), Some("exception")];
    assert_eq!(texts("error_message"), expected);
    assert_eq!(texts("exception_type"), [None, Some("KeyError"), Some("Unknown"), None]);
    assert_eq!(texts("exception_message"), [Some(message), Some("no such key"), None, None]);
    assert_eq!(texts("exception_traceback"), [None, Some("line 1"), None, None]);
    assert_eq!(errors[1].attributes.get_i64("key"), Ok(Some(7)));
    assert!(errors.iter().all(|error| error.span_id == recorded.id("span")));
    // An exception does not make the span fail.
    assert_eq!(recorded.stop("span").outcome, Outcome::Ok);
}

#[test]
fn a_status_decides_how_the_span_ends() {
    let job = Job::new();
    let tracer = tracer();
    let said = std::io::Error::other("said");
    let error = |description: &'static str| Status::error(description);
    for (name, statuses) in [
        ("unset", &[Status::Unset][..]),
        ("error", &[error("broken")]),
        ("error without words", &[error("")]),
        ("error that was said", &[error("said")]),
        ("error that was not said", &[error("other")]),
        ("last error", &[error("first"), error("last"), Status::Unset]),
        ("ok is final", &[error("no matter"), Status::Ok, error("too late")]),
    ] {
        let mut span = tracer.start(name);
        if name.contains("said") {
            span.record_error(&said);
        }
        for status in statuses {
            span.set_status(status.clone());
        }
        span.end();
    }
    let recorded = job.finish();
    for (name, outcome, code, errors) in [
        ("unset", Outcome::Ok, None, &[][..]),
        ("error", Outcome::Error, None, &["broken"]),
        ("error without words", Outcome::Error, None, &[]),
        ("error that was said", Outcome::Error, None, &["said"]),
        ("error that was not said", Outcome::Error, None, &["said", "other"]),
        ("last error", Outcome::Error, None, &["last"]),
        ("ok is final", Outcome::Ok, Some("OK"), &[]),
    ] {
        let stop = recorded.stop(name);
        assert_eq!(stop.outcome, outcome, "{name}");
        assert_eq!(stop.attributes.get_str("otel.status_code"), Ok(code), "{name}");
        let all = recorded.errors();
        let own = all.iter().filter(|error| error.span_id == stop.span_id);
        let messages: Vec<_> =
            own.map(|it| it.attributes.get_str("error_message").unwrap().unwrap()).collect();
        assert_eq!(messages, errors, "{name}");
    }
}

#[test]
fn records_belong_to_the_scope_of_the_tracer() {
    let job = Job::new();
    let scope = InstrumentationScope::builder("pool").with_version("1.2.3").build();
    let mut span = global::tracer_with_scope(scope).start("span");
    span.add_event("event", Vec::new());
    span.record_error(&std::io::Error::other("failed"));
    span.end();
    let recorded = job.finish();
    let scope = onelogger::InstrumentationScope::from_static("pool", Some("1.2.3"));
    assert_eq!(recorded.start("span").scope.as_ref(), Some(&scope));
    assert_eq!(recorded.stop("span").scope.as_ref(), Some(&scope));
    assert_eq!(recorded.event("event").0.scope.as_ref(), Some(&scope));
    assert_eq!(recorded.errors()[0].scope.as_ref(), Some(&scope));
}

/// What others see of a span is what is recorded of it.
#[test]
fn the_span_context_has_the_ids_of_the_records() {
    let job = Job::new();
    let mut span = tracer().start("span");
    let context = span.span_context().clone();
    assert!(span.is_recording() && context.is_valid() && context.is_sampled());
    assert!(!context.is_remote());
    span.end();
    assert!(!span.is_recording());
    let recorded = job.finish();
    let start = recorded.start("span");
    assert_eq!(start.span_id.to_string(), context.span_id().to_string());
    assert_eq!(start.trace_id.to_string(), context.trace_id().to_string());
}
