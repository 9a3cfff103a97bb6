//! Records made by hand, and the messages that the collector gets.

use onelogger::exporter::{Batch, Exporter, Run};
use onelogger::{
    Attributes, EventRecord, Level, Link, Outcome, Parent, Record, SpanContext, SpanId, SpanKind,
    SpanRecord, TraceId,
};
use onelogger_otel::Protocol::HttpProtobuf;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span, status::StatusCode};

use crate::support::{Collector, Job, Signal, export, exporter};

const TRACE: TraceId = TraceId::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
const SPAN: SpanId = SpanId::from_u64(0x8182_8384_8586_8788);
const TRACE_BYTES: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const SPAN_BYTES: [u8; 8] = [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88];

const SECOND: u64 = 1_000_000_000;

fn stop() -> SpanRecord {
    SpanRecord {
        trace_id: TRACE,
        span_id: SPAN,
        name: "load".into(),
        time_unix_nanos: 7 * SECOND,
        start_time_unix_nanos: 5 * SECOND,
        duration_nanos: 2 * SECOND,
        ..SpanRecord::default()
    }
}

fn event() -> EventRecord {
    EventRecord {
        trace_id: TRACE,
        span_id: SPAN,
        name: "progress".into(),
        time_unix_nanos: 6 * SECOND,
        ..EventRecord::default()
    }
}

fn start() -> Record {
    Record::Start(SpanRecord { time_unix_nanos: 5 * SECOND, ..stop() })
}

fn key_value(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, Value::StringValue(value.to_owned()))
}

/// What arrives of some records.
fn arrived(records: impl IntoIterator<Item = Record>) -> Collector {
    let collector = Collector::start(HttpProtobuf);
    export(exporter(&collector, HttpProtobuf), records).unwrap();
    collector
}

#[test]
fn a_span_says_all_that_its_stop_does() {
    let linked = SpanContext::remote(TraceId::from_u128(1), SpanId::from_u64(2));
    let record = SpanRecord {
        parent: Some(Parent { span_id: SpanId::from_u64(9), is_remote: true }),
        kind: SpanKind::Client,
        attributes: Attributes::from([("path", "/data")]).with("onelogger.truncated", true),
        event_attributes: Attributes::from([("rows", 3)]),
        links: vec![Link { context: linked, attributes: Attributes::from([("why", "retry")]) }],
        ..stop()
    };
    let spans = arrived([start(), Record::Stop(record)]).spans();
    let expected = Span {
        trace_id: TRACE_BYTES.to_vec(),
        span_id: SPAN_BYTES.to_vec(),
        parent_span_id: vec![0, 0, 0, 0, 0, 0, 0, 9],
        flags: 0x301,
        name: "load".into(),
        kind: span::SpanKind::Client as i32,
        start_time_unix_nano: 5 * SECOND,
        end_time_unix_nano: 7 * SECOND,
        attributes: vec![
            text("path", "/data"),
            key_value("onelogger.truncated", Value::BoolValue(true)),
        ],
        events: vec![span::Event {
            time_unix_nano: 7 * SECOND,
            name: "span_stop".into(),
            attributes: vec![key_value("rows", Value::IntValue(3))],
            ..span::Event::default()
        }],
        links: vec![span::Link {
            trace_id: [[0; 15].as_slice(), &[1]].concat(),
            span_id: vec![0, 0, 0, 0, 0, 0, 0, 2],
            attributes: vec![text("why", "retry")],
            flags: 0x301,
            ..span::Link::default()
        }],
        ..Span::default()
    };
    assert_eq!(spans, [expected]);
}

#[test]
fn a_root_span_has_no_parent_and_the_attributes_of_its_start() {
    let begun = SpanRecord {
        event_attributes: Attributes::from([("queue", 4)]),
        time_unix_nanos: 5 * SECOND,
        ..stop()
    };
    let spans = arrived([Record::Start(begun), Record::Stop(stop())]).spans();
    assert!(spans[0].parent_span_id.is_empty());
    assert_eq!(spans[0].flags, 0x101);
    assert_eq!(spans[0].kind, span::SpanKind::Internal as i32);
    assert_eq!(spans[0].events[0].name, "span_start");
    assert_eq!(spans[0].events[0].attributes, [key_value("queue", Value::IntValue(4))]);
}

#[test]
fn a_clock_that_was_set_changes_no_duration() {
    let record = SpanRecord { time_unix_nanos: SECOND, ..stop() };
    let spans = arrived([Record::Stop(record)]).spans();
    assert_eq!(
        (spans[0].start_time_unix_nano, spans[0].end_time_unix_nano),
        (5 * SECOND, 7 * SECOND)
    );
}

#[test]
fn attributes_keep_their_types_and_values() {
    let attributes = Attributes::new()
        .with("text", "ä\n\0")
        .with("empty", "")
        .with("yes", true)
        .with("least", i64::MIN)
        .with("half", 0.5)
        .with("infinite", f64::NEG_INFINITY)
        .with("texts", vec!["a", ""])
        .with("flags", vec![true, false])
        .with("counts", vec![1_i64, -1])
        .with("shares", vec![0.25, f64::INFINITY])
        .with("none", Vec::<i64>::new());
    let list = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    };
    let texts = [Value::StringValue("a".into()), Value::StringValue(String::new())];
    let shares = [Value::DoubleValue(0.25), Value::DoubleValue(f64::INFINITY)];
    let expected = [
        text("text", "ä\n\0"),
        text("empty", ""),
        key_value("yes", Value::BoolValue(true)),
        key_value("least", Value::IntValue(i64::MIN)),
        key_value("half", Value::DoubleValue(0.5)),
        key_value("infinite", Value::DoubleValue(f64::NEG_INFINITY)),
        key_value("texts", list(texts.into())),
        key_value("flags", list(vec![Value::BoolValue(true), Value::BoolValue(false)])),
        key_value("counts", list(vec![Value::IntValue(1), Value::IntValue(-1)])),
        key_value("shares", list(shares.into())),
        key_value("none", list(vec![])),
    ];
    let record = EventRecord { attributes, ..event() };
    assert_eq!(arrived([Record::Event(record)]).events()[0].attributes, expected);

    // A number that is none equals nothing, itself included.
    let record = EventRecord { attributes: Attributes::from([("nan", f64::NAN)]), ..event() };
    let logs = arrived([Record::Event(record)]).events();
    let value = logs[0].attributes[0].value.clone().and_then(|value| value.value);
    assert!(matches!(value, Some(Value::DoubleValue(number)) if number.is_nan()), "{value:?}");
}

#[test]
fn an_event_is_a_log_record() {
    let expected = LogRecord {
        time_unix_nano: 6 * SECOND,
        observed_time_unix_nano: 6 * SECOND,
        severity_number: SeverityNumber::Info as i32,
        severity_text: "INFO".into(),
        attributes: vec![key_value("done", Value::IntValue(3))],
        flags: 1,
        trace_id: TRACE_BYTES.to_vec(),
        span_id: SPAN_BYTES.to_vec(),
        event_name: "progress".into(),
        ..LogRecord::default()
    };
    let record = EventRecord { attributes: Attributes::from([("done", 3)]), ..event() };
    assert_eq!(arrived([Record::Event(record)]).events(), [expected]);
}

#[test]
fn severity_follows_the_level_and_ids_are_left_out_where_there_are_none() {
    let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
    let free = EventRecord { trace_id: TraceId::INVALID, span_id: SpanId::INVALID, ..event() };
    let records = levels.map(|level| Record::Event(EventRecord { level, ..free.clone() }));
    let logs = arrived(records).events();
    let severities: Vec<_> =
        logs.iter().map(|log| (log.severity_number, &*log.severity_text)).collect();
    let expected = [(17, "ERROR"), (13, "WARN"), (9, "INFO"), (5, "DEBUG"), (1, "TRACE")];
    assert_eq!(severities, expected);
    assert!(logs.iter().all(|log| log.trace_id.is_empty() && log.span_id.is_empty()));
    assert!(logs.iter().all(|log| log.flags == 0));
}

#[test]
fn an_error_is_a_log_record_and_the_status_of_its_span() {
    let attributes = Attributes::new()
        .with("error_message", "could not save")
        .with("exception_type", "io::Error")
        .with("exception_message", "disk full")
        .with("exception_traceback", "0: main")
        .with("onelogger.exception.sources", vec!["quota"])
        .with("step", 7);
    let error = EventRecord { name: "error".into(), attributes, ..event() };
    let collector = arrived([start(), Record::Error(error), Record::Stop(stop())]);

    let log = &collector.events()[0];
    assert_eq!((&*log.event_name, log.severity_number), ("exception", 17));
    assert_eq!((&*log.trace_id, &*log.span_id), (&TRACE_BYTES[..], &SPAN_BYTES[..]));
    let body = log.body.clone().and_then(|body| body.value);
    assert_eq!(body, Some(Value::StringValue("could not save".into())));
    let names: Vec<_> = log.attributes.iter().map(|attribute| &*attribute.key).collect();
    let expected = [
        "error_message",
        "exception.type",
        "exception.message",
        "exception.stacktrace",
        "onelogger.exception.sources",
        "step",
    ];
    assert_eq!(names, expected);

    let span = &collector.spans()[0];
    let status = Status { message: "could not save".into(), code: StatusCode::Error as i32 };
    assert_eq!(span.status, Some(status));
    assert_eq!(span.attributes, [text("error.type", "io::Error")]);
    assert_eq!(span.events, [], "sent once, as a log record");
}

#[test]
fn no_attribute_has_the_name_of_another() {
    let attributes = Attributes::new()
        .with("error_message", "could not save")
        .with("exception_type", "io::Error")
        .with("exception.type", "theirs");
    let error = EventRecord { name: "error".into(), attributes, ..event() };
    let stop = SpanRecord { attributes: Attributes::from([("error.type", "500")]), ..stop() };
    let collector = arrived([start(), Record::Error(error), Record::Stop(stop)]);
    assert_eq!(collector.spans()[0].attributes, [text("error.type", "500")]);
    let expected = [
        text("error_message", "could not save"),
        text("exception_type", "io::Error"),
        text("exception.type", "theirs"),
    ];
    assert_eq!(collector.events()[0].attributes, expected);
}

#[test]
fn an_error_that_is_only_a_message_is_an_exception_with_that_message() {
    let attributes = Attributes::from([("error_message", "loss diverged")]);
    let error = EventRecord { name: "error".into(), attributes, ..event() };
    let collector = arrived([Record::Error(error)]);
    assert_eq!(collector.events()[0].attributes, [text("exception.message", "loss diverged")]);
}

#[test]
fn outcomes_set_the_status_and_what_it_cannot_say_is_an_attribute() {
    let check = |outcome, code: Option<StatusCode>, attributes: &[KeyValue]| {
        let spans = arrived([Record::Stop(SpanRecord { outcome, ..stop() })]).spans();
        assert_eq!(
            spans[0].status.as_ref().map(|status| status.code),
            code.map(|code| code as i32)
        );
        assert_eq!(spans[0].attributes, attributes);
    };
    check(Outcome::Ok, None, &[]);
    check(Outcome::Error, Some(StatusCode::Error), &[]);
    check(Outcome::Panic, Some(StatusCode::Error), &[text("onelogger.outcome", "panic")]);
    check(Outcome::Cancelled, None, &[text("onelogger.outcome", "cancelled")]);
}

#[test]
fn a_telemetry_data_error_is_a_log_record_and_a_root_span() {
    let attributes = Attributes::from([("error_message", "3 records are lost")]);
    let error = EventRecord {
        trace_id: TraceId::INVALID,
        span_id: SpanId::INVALID,
        name: "telemetry_data_error".into(),
        attributes,
        ..event()
    };
    let collector = arrived([Record::TelemetryDataError(error)]);
    let (log, span) = (&collector.events()[0], &collector.spans()[0]);
    assert_eq!((&*log.event_name, log.severity_number), ("telemetry_data_error", 17));
    assert_eq!((&log.trace_id, &log.span_id), (&span.trace_id, &span.span_id));
    assert_eq!((&*span.name, span.parent_span_id.len()), ("telemetry_data_error", 0));
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
    assert_eq!(span.start_time_unix_nano, span.end_time_unix_nano);
    let status = Status { message: "3 records are lost".into(), code: StatusCode::Error as i32 };
    assert_eq!(span.status, Some(status));
    assert_eq!(span.attributes, [text("error_message", "3 records are lost")]);
}

#[test]
fn each_request_says_whose_telemetry_it_is() {
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf)
        .resource("deployment.environment.name", "test")
        .resource("telemetry.sdk.name", "someone else's");
    export(exporter, [Record::Stop(stop()), Record::Event(event())]).unwrap();
    let received = collector.received();
    assert_eq!(
        received.iter().map(|one| one.signal).collect::<Vec<_>>(),
        [Signal::Traces, Signal::Logs]
    );
    let version = env!("CARGO_PKG_VERSION");
    for one in received {
        let expected = [
            text("service.name", "by hand"),
            text("onelogger.application_name", "by hand"),
            text("deployment.environment.name", "test"),
            text("telemetry.sdk.name", "onelogger"),
            text("telemetry.sdk.language", "rust"),
            text("telemetry.sdk.version", version),
        ];
        assert_eq!(one.resource.attributes, expected);
        let scope = &one.scopes[0].0;
        assert_eq!((&*scope.name, &*scope.version), ("onelogger", version));
        assert!(one.schema_urls.iter().all(|url| url.starts_with("https://opentelemetry.io/")));
    }
    let names = collector.event_names();
    assert_eq!(names, ["onelogger.open", "progress"]);
}

#[test]
fn a_start_whose_stop_never_comes_is_lost_at_the_close() {
    let collector = Collector::start(HttpProtobuf);
    let mut exporter = exporter(&collector, HttpProtobuf).build().unwrap();
    exporter.open(&Run::new("by hand", 1)).unwrap();
    let batch: Batch = [start()].into_iter().collect();
    exporter.export_batch(batch.records()).unwrap();
    let error = exporter.close().unwrap_err();
    assert!(format!("{error:?}").contains("revoked: 1"), "{error:?}");
}

#[test]
fn a_record_that_no_collector_takes_is_refused_without_being_sent() {
    let collector = Collector::start(HttpProtobuf);
    let attributes = Attributes::from([("text", "x".repeat(5 << 20))]);
    let large = Record::Event(EventRecord { attributes, ..event() });
    let error = export(exporter(&collector, HttpProtobuf), [large, Record::Event(event())]);
    let error = format!("{:?}", error.unwrap_err());
    assert!(error.contains("accepted: 1, refused: 1, revoked: 0"), "{error}");
    assert_eq!(collector.event_names(), ["onelogger.open", "progress"]);
}

#[test]
fn a_service_name_that_was_chosen_stays() {
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf).resource("service.name", "checkout");
    export(exporter, [Record::Stop(stop())]).unwrap();
    assert_eq!(collector.received()[0].resource.attributes[0], text("service.name", "checkout"));
}

#[test]
fn the_configuration_is_part_of_the_resource_and_what_is_given_counts_for_more() {
    let collector = Collector::start(HttpProtobuf);
    let exporter = exporter(&collector, HttpProtobuf).resource("onelogger.session_tag", "given");
    let job = Job::new(exporter.resource("team", "blue"));
    let resource = collector.received()[0].resource.attributes.clone();
    let named = |name: &str| resource.iter().find(|one| one.key == name).cloned();
    for expected in [
        text("service.name", "job"),
        text("onelogger.session_tag", "given"),
        key_value("onelogger.world_size", Value::IntValue(1)),
        text("team", "blue"),
    ] {
        assert_eq!(named(&expected.key), Some(expected.clone()), "{}", expected.key);
    }
    assert_eq!(named("application_name"), None, "it has a name of its own here");
    job.close();
}
