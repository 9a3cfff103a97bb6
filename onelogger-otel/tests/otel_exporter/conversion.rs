//! Records made by hand, and the spans that the SDK's exporter gets.

use std::time::{Duration, SystemTime};

use onelogger::exporter::{Batch, Exporter, Run};
use onelogger::{
    Attributes, EventRecord, InstrumentationScope, Link, Outcome, Parent, Record, SpanContext,
    SpanId, SpanRecord, TraceId,
};
use onelogger_otel::{EventMode, OTelExporter};
use opentelemetry::trace::{self, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanEvents, SpanLinks};

const TRACE: u128 = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;
const SPAN: u64 = 0x8182_8384_8586_8788;

/// No multiple of anything: a time that has gone through a number with a fraction would show.
const START: u64 = 1_700_000_000_123_456_789;
const DURATION: u64 = 2_000_000_001;

const SCHEMA: &str = "https://opentelemetry.io/schemas/1.40.0";

fn stop() -> SpanRecord {
    SpanRecord {
        trace_id: TraceId::from_u128(TRACE),
        span_id: SpanId::from_u64(SPAN),
        name: "load".into(),
        time_unix_nanos: START + DURATION,
        start_time_unix_nanos: START,
        duration_nanos: DURATION,
        ..SpanRecord::default()
    }
}

fn start() -> Record {
    Record::Start(SpanRecord { time_unix_nanos: START, ..stop() })
}

fn event(name: &'static str, attributes: Attributes) -> EventRecord {
    EventRecord {
        trace_id: TraceId::from_u128(TRACE),
        span_id: SpanId::from_u64(SPAN),
        name: name.into(),
        time_unix_nanos: START + 1,
        attributes,
        ..EventRecord::default()
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

fn context(trace: u128, span: u64, is_remote: bool) -> trace::SpanContext {
    let (trace, span) = (trace::TraceId::from(trace), trace::SpanId::from(span));
    trace::SpanContext::new(trace, span, TraceFlags::SAMPLED, is_remote, TraceState::NONE)
}

/// What the SDK's exporter gets, without the span that opens the run.
fn exported(mode: EventMode, records: impl IntoIterator<Item = Record>) -> Vec<SpanData> {
    let memory = InMemorySpanExporter::default();
    let mut exporter = OTelExporter::new(memory.clone()).events(mode);
    exporter.check().unwrap();
    exporter.open(&Run::new("by hand", 1)).unwrap();
    let batch: Batch = records.into_iter().collect();
    exporter.export_batch(batch.records()).unwrap();
    let mut spans = memory.get_finished_spans().unwrap();
    assert_eq!(spans.remove(0).name, "onelogger.open");
    exporter.close().unwrap();
    assert!(memory.is_shutdown_called());
    spans
}

fn span_events(records: impl IntoIterator<Item = Record>) -> Vec<SpanData> {
    exported(EventMode::SpanEvents, records)
}

#[test]
fn a_span_says_all_that_its_records_do() {
    let linked = SpanContext::remote(TraceId::from_u128(1), SpanId::from_u64(2));
    let begun = SpanRecord {
        event_attributes: Attributes::from([("queue", 4)]),
        time_unix_nanos: START,
        ..stop()
    };
    let ended = SpanRecord {
        parent: Some(Parent { span_id: SpanId::from_u64(9), is_remote: true }),
        kind: onelogger::SpanKind::Client,
        scope: Some(InstrumentationScope::new("loader").with_version("1.2.0")),
        attributes: Attributes::from([("path", "/data")]).with("onelogger.truncated", true),
        event_attributes: Attributes::from([("rows", 3)]),
        links: vec![Link { context: linked, attributes: Attributes::from([("why", "retry")]) }],
        ..stop()
    };
    let progress = event("progress", Attributes::from([("done", 0.5)]));
    let spans = span_events([Record::Start(begun), Record::Event(progress), Record::Stop(ended)]);
    let mut events = SpanEvents::default();
    let one =
        |name: &'static str, at, attribute| trace::Event::new(name, time(at), vec![attribute], 0);
    events.events = vec![
        one("span_start", START, KeyValue::new("queue", 4)),
        one("progress", START + 1, KeyValue::new("done", 0.5)),
        one("span_stop", START + DURATION, KeyValue::new("rows", 3)),
    ];
    let mut links = SpanLinks::default();
    links.links =
        vec![trace::Link::new(context(1, 2, true), vec![KeyValue::new("why", "retry")], 0)];
    let expected = SpanData {
        span_context: context(TRACE, SPAN, false),
        parent_span_id: trace::SpanId::from(9),
        parent_span_is_remote: true,
        span_kind: SpanKind::Client,
        name: "load".into(),
        start_time: time(START),
        end_time: time(START + DURATION),
        attributes: vec![
            KeyValue::new("path", "/data"),
            KeyValue::new("onelogger.truncated", true),
        ],
        dropped_attributes_count: 0,
        events,
        links,
        status: Status::Unset,
        instrumentation_scope: opentelemetry::InstrumentationScope::builder("loader")
            .with_version("1.2.0")
            .with_schema_url(SCHEMA)
            .build(),
    };
    assert_eq!(spans, [expected]);
}

#[test]
fn a_root_span_has_no_parent_and_our_scope_where_it_names_none() {
    let spans = span_events([start(), Record::Stop(stop())]);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].parent_span_id, trace::SpanId::INVALID);
    assert!(!spans[0].parent_span_is_remote);
    assert_eq!(spans[0].span_kind, SpanKind::Internal);
    assert!(spans[0].events.is_empty());
    assert_eq!(spans[0].instrumentation_scope.name(), "onelogger");
}

#[test]
fn a_clock_that_was_set_changes_no_duration() {
    let set_back = SpanRecord { time_unix_nanos: 1, ..stop() };
    let spans = span_events([Record::Stop(set_back)]);
    assert_eq!((spans[0].start_time, spans[0].end_time), (time(START), time(START + DURATION)));
}

#[test]
fn attributes_keep_their_types_and_values() {
    let attributes = Attributes::new()
        .with("text", "ä\n\0")
        .with("yes", true)
        .with("least", i64::MIN)
        .with("infinite", f64::NEG_INFINITY)
        .with("texts", vec!["a", ""])
        .with("flags", vec![true, false])
        .with("counts", vec![1_i64, -1])
        .with("shares", vec![0.25, f64::INFINITY])
        .with("none", Vec::<i64>::new());
    let spans = span_events([Record::Stop(SpanRecord { attributes, ..stop() })]);
    let expected = [
        KeyValue::new("text", "ä\n\0"),
        KeyValue::new("yes", true),
        KeyValue::new("least", i64::MIN),
        KeyValue::new("infinite", f64::NEG_INFINITY),
        KeyValue::new("texts", Value::Array(Array::String(vec!["a".into(), "".into()]))),
        KeyValue::new("flags", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("counts", Value::Array(Array::I64(vec![1, -1]))),
        KeyValue::new("shares", Value::Array(Array::F64(vec![0.25, f64::INFINITY]))),
        KeyValue::new("none", Value::Array(Array::I64(vec![]))),
    ];
    assert_eq!(spans[0].attributes, expected);
}

#[test]
fn outcomes_set_the_status_and_what_it_cannot_say_is_an_attribute() {
    let check = |outcome, status: Status, attributes: &[KeyValue]| {
        let spans = span_events([Record::Stop(SpanRecord { outcome, ..stop() })]);
        assert_eq!((&spans[0].status, &*spans[0].attributes), (&status, attributes));
    };
    let outcome = |what: &'static str| [KeyValue::new("onelogger.outcome", what)];
    check(Outcome::Ok, Status::Unset, &[]);
    check(Outcome::Error, Status::error(""), &[]);
    check(Outcome::Panic, Status::error(""), &outcome("panic"));
    check(Outcome::Cancelled, Status::Unset, &outcome("cancelled"));
}

#[test]
fn what_only_opentelemetry_s_own_spans_can_say_comes_as_attributes() {
    let attributes = Attributes::new()
        .with("otel.status_code", "OK")
        .with("onelogger.otel.span_name", "GET /items")
        .with("step", 7);
    let error = event("error", Attributes::from([("error_message", "bad")]));
    let ended = Record::Stop(SpanRecord { attributes, ..stop() });
    let spans = span_events([start(), Record::Error(error), ended]);
    assert_eq!((&*spans[0].name, &spans[0].status), ("GET /items", &Status::Ok));
    assert_eq!(spans[0].attributes, [KeyValue::new("step", 7)]);
    // What does not say it in these words is an attribute like others.
    let attributes = Attributes::from([("otel.status_code", "ok")]);
    let spans = span_events([Record::Stop(SpanRecord { attributes, ..stop() })]);
    assert_eq!(spans[0].status, Status::Unset);
    assert_eq!(spans[0].attributes, [KeyValue::new("otel.status_code", "ok")]);
}

#[test]
fn an_error_is_an_exception_in_its_span_and_the_status() {
    let attributes = Attributes::new()
        .with("error_message", "could not save")
        .with("exception_type", "io::Error")
        .with("exception_message", "disk full")
        .with("exception_traceback", "0: main")
        .with("step", 7);
    let spans = span_events([
        start(),
        Record::Error(event("error", attributes)),
        Record::Error(event("error", Attributes::from([("error_message", "loss diverged")]))),
        Record::Stop(stop()),
    ]);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].status, Status::error("loss diverged"), "that of the latest");
    let expected = [
        KeyValue::new("error_message", "could not save"),
        KeyValue::new("exception.type", "io::Error"),
        KeyValue::new("exception.message", "disk full"),
        KeyValue::new("exception.stacktrace", "0: main"),
        KeyValue::new("step", 7),
    ];
    assert_eq!(spans[0].events[0].name, "exception");
    assert_eq!(spans[0].events[0].attributes, expected);
    let only_message = [KeyValue::new("exception.message", "loss diverged")];
    assert_eq!(spans[0].events[1].attributes, only_message);

    let typed = Attributes::from([("error_message", "bad"), ("exception_type", "Bad")]);
    let spans = span_events([start(), Record::Error(event("error", typed)), Record::Stop(stop())]);
    assert_eq!(spans[0].attributes, [KeyValue::new("error.type", "Bad")]);
}

#[test]
fn no_attribute_has_the_name_of_another() {
    let attributes = Attributes::new()
        .with("error_message", "bad")
        .with("exception_type", "Bad")
        .with("exception.type", "theirs");
    let said = Attributes::from([("error.type", "500")]);
    let spans = span_events([
        start(),
        Record::Error(event("error", attributes)),
        Record::Stop(SpanRecord { attributes: said, ..stop() }),
    ]);
    assert_eq!(spans[0].attributes, [KeyValue::new("error.type", "500")]);
    let expected = [
        KeyValue::new("error_message", "bad"),
        KeyValue::new("exception_type", "Bad"),
        KeyValue::new("exception.type", "theirs"),
    ];
    assert_eq!(spans[0].events[0].attributes, expected);
}

#[test]
fn long_messages_are_cut_in_the_status_and_whole_in_the_event() {
    let message = "ä".repeat(1000);
    let error = event("error", Attributes::from([("error_message", &*message)]));
    let spans = span_events([start(), Record::Error(error), Record::Stop(stop())]);
    assert_eq!(spans[0].status, Status::error("ä".repeat(512)));
    assert_eq!(spans[0].events[0].attributes, [KeyValue::new("exception.message", message)]);
}

#[test]
fn what_belongs_to_no_span_is_the_root_of_a_trace() {
    let free = |name, attributes| EventRecord {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        ..event(name, attributes)
    };
    let records = || {
        let message = || Attributes::from([("error_message", "bad")]);
        [
            Record::Event(free("idle", Attributes::from([("for", 3)]))),
            Record::Error(free("error", message())),
            Record::TelemetryDataError(free("telemetry_data_error", message())),
        ]
    };
    for mode in [EventMode::SpanEvents, EventMode::ZeroLengthSpans] {
        let spans = exported(mode, records());
        let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, ["idle", "error", "span_for_telemetry_data_error"]);
        let mut ids = std::collections::HashSet::new();
        for span in &spans {
            assert!(span.span_context.is_valid() && span.span_context.is_sampled());
            assert_eq!(span.parent_span_id, trace::SpanId::INVALID);
            assert_eq!((span.start_time, span.end_time), (time(START + 1), time(START + 1)));
            ids.insert(span.span_context.trace_id());
        }
        assert_eq!(ids.len(), 3, "each a trace of its own");
        assert_eq!(spans[0].status, Status::Unset);
        assert_eq!([&spans[1].status, &spans[2].status], [&Status::error("bad"); 2]);
        assert_eq!(spans[2].events[0].name, "telemetry_data_error");
    }
}
