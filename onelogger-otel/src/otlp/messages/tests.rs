//! Whatever the records are: the messages that are written are those that the generated types read.
//!
//! What is expected is put together from the same records as structs. Both are compared as the bytes
//! that the generated types make of them, in which also numbers that are none equal themselves.

use onelogger::exporter::{Batch, RecordRef};
use onelogger::{
    Attributes, EventRecord, Level, Link, Outcome, Parent, Record, SpanContext, SpanKind,
    SpanRecord, TraceFlags, Value,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::exception::LastError;
use crate::names::attribute;
use crate::otlp::limits::{LogLimits, SpanLimits};

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,20}|[a-c]{120,140}|[\\x00-\\x20\"\\\\]{0,9}"
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        vec(text(), 0..4).prop_map(Value::StringList),
        vec(any::<bool>(), 0..200).prop_map(Value::BoolList),
        vec(any::<i64>(), 0..4).prop_map(Value::I64List),
        vec(any::<f64>(), 0..4).prop_map(Value::F64List),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    // A generated type leaves an empty key out, which is read as the same.
    vec(("\\PC{1,20}", value()), 0..6).prop_map(|entries| entries.into_iter().collect())
}

fn link() -> impl Strategy<Value = Link> {
    let ids = (any::<u128>(), any::<u64>(), any::<bool>(), any::<u8>());
    (ids, attributes()).prop_map(|((trace, span, is_remote, flags), attributes)| Link {
        context: SpanContext {
            trace_id: TraceId::from_u128(trace),
            span_id: SpanId::from_u64(span),
            is_remote,
            trace_flags: TraceFlags::from_u8(flags),
        },
        attributes,
    })
}

const KINDS: [SpanKind; 5] = [
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];
const OUTCOMES: [Outcome; 4] = [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Cancelled];
const LEVELS: [(Level, i32, &str); 5] = [
    (Level::Trace, 1, "TRACE"),
    (Level::Debug, 5, "DEBUG"),
    (Level::Info, 9, "INFO"),
    (Level::Warn, 13, "WARN"),
    (Level::Error, 17, "ERROR"),
];

prop_compose! {
    fn stop()(
        (trace, id, start, duration_nanos) in any::<(u128, u64, u64, u64)>(),
        parent in option::of(any::<(u64, bool)>()),
        (kind, outcome) in (0..5_usize, 0..4_usize),
        (name, attributes, event_attributes) in (text(), attributes(), attributes()),
        links in vec(link(), 0..4),
        (is_ok, new_name) in (any::<bool>(), option::of(text())),
    ) -> SpanRecord {
        let mut attributes = attributes;
        if let Some(name) = new_name {
            attributes.set(attribute::NEW_SPAN_NAME, name);
        }
        attributes.set(attribute::STATUS_CODE, if is_ok { "OK" } else { "fine" });
        // Half of the spans have none.
        let event_attributes = if start % 2 == 0 { event_attributes } else { Attributes::new() };
        SpanRecord {
            trace_id: TraceId::from_u128(trace),
            span_id: SpanId::from_u64(id),
            parent: parent.map(|(id, is_remote)| {
                Parent { span_id: SpanId::from_u64(id | 1), is_remote }
            }),
            name: name.into(),
            kind: KINDS[kind],
            attributes,
            event_attributes,
            links,
            time_unix_nanos: start.saturating_add(duration_nanos),
            start_time_unix_nanos: start,
            duration_nanos,
            outcome: OUTCOMES[outcome],
            ..SpanRecord::default()
        }
    }
}

prop_compose! {
    fn span_limits()(
        (attribute_count, event_count, link_count) in (0..5_usize, 0..3_usize, 0..4_usize),
        (attributes_per_event, attributes_per_link) in (0..5_usize, 0..5_usize),
        attribute_value_length in option::of(0..9_usize),
    ) -> SpanLimits {
        SpanLimits {
            attribute_count,
            attribute_value_length,
            event_count,
            link_count,
            attributes_per_event,
            attributes_per_link,
        }
    }
}

prop_compose! {
    fn event()(
        (trace, id, time_unix_nanos, level) in (any::<u128>(), any::<u64>(), any::<u64>(), 0..5_usize),
        (name, attributes) in (prop_oneof![text(), Just("log".to_owned())], attributes()),
        (body, number) in (option::of(value()), option::of(-1..27_i64)),
        severity_text in option::of(text()),
    ) -> EventRecord {
        let mut attributes = attributes;
        if let Some(body) = body {
            attributes.set(attribute::LOG_BODY, body);
        }
        if let Some(number) = number {
            attributes.set(attribute::LOG_SEVERITY_NUMBER, number);
        }
        if let Some(text) = severity_text {
            attributes.set(attribute::LOG_SEVERITY_TEXT, text);
        }
        EventRecord {
            trace_id: TraceId::from_u128(trace),
            span_id: SpanId::from_u64(id),
            name: name.into(),
            level: LEVELS[level].0,
            attributes,
            time_unix_nanos,
            ..EventRecord::default()
        }
    }
}

fn any_value_of(value: &Value, longest: Option<usize>) -> AnyValue {
    let text = |text: &String| {
        any_value::Value::StringValue(text.chars().take(longest.unwrap_or(usize::MAX)).collect())
    };
    fn list<T>(list: &[T], one: impl Fn(&T) -> any_value::Value) -> any_value::Value {
        let values = list.iter().map(|value| AnyValue { value: Some(one(value)) }).collect();
        any_value::Value::ArrayValue(ArrayValue { values })
    }
    let value = match value {
        Value::String(value) => text(value),
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::I64(value) => any_value::Value::IntValue(*value),
        Value::F64(value) => any_value::Value::DoubleValue(*value),
        Value::StringList(values) => list(values, text),
        Value::BoolList(values) => list(values, |value| any_value::Value::BoolValue(*value)),
        Value::I64List(values) => list(values, |value| any_value::Value::IntValue(*value)),
        Value::F64List(values) => list(values, |value| any_value::Value::DoubleValue(*value)),
    };
    AnyValue { value: Some(value) }
}

/// Those that are sent, and how many are not.
fn key_values(
    all: &Attributes,
    is_sent: impl Fn(&str, &Value) -> bool,
    (count, longest): (usize, Option<usize>),
) -> (Vec<KeyValue>, u32) {
    let mut sent: Vec<KeyValue> = all
        .iter()
        .filter(|(name, value)| is_sent(name.as_str(), value))
        .map(|(name, value)| KeyValue {
            key: name.to_string(),
            value: Some(any_value_of(value, longest)),
            ..KeyValue::default()
        })
        .collect();
    let dropped = sent.len().saturating_sub(count) as u32;
    sent.truncate(count);
    (sent, dropped)
}

fn id_bytes(trace: TraceId, span: SpanId) -> (Vec<u8>, Vec<u8>) {
    let trace = if trace.is_valid() { trace.to_u128().to_be_bytes().to_vec() } else { vec![] };
    (trace, if span.is_valid() { span.to_u64().to_be_bytes().to_vec() } else { vec![] })
}

fn expected_span(record: &SpanRecord, limits: &SpanLimits, last_error: Option<&LastError>) -> Span {
    let longest = limits.attribute_value_length;
    let text_of = |name: &str| record.attributes.get_str(name).ok().flatten();
    let is_ok = text_of(attribute::STATUS_CODE) == Some("OK");
    let is_sent = |name: &str, _: &Value| {
        name != attribute::NEW_SPAN_NAME && !(is_ok && name == attribute::STATUS_CODE)
    };
    let own = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(any_value_of(&Value::from(value), None)),
        ..KeyValue::default()
    };
    let (mut attributes, dropped_attributes_count) =
        key_values(&record.attributes, is_sent, (limits.attribute_count, longest));
    if matches!(record.outcome, Outcome::Panic | Outcome::Cancelled) {
        attributes.push(own("onelogger.outcome", record.outcome.as_str()));
    }
    let error = last_error.filter(|_| !is_ok);
    attributes.extend(error.and_then(|error| Some(own("error.type", error.error_type.as_ref()?))));
    let is_error = error.is_some() || matches!(record.outcome, Outcome::Error | Outcome::Panic);
    let status =
        |code| Status { message: error.map_or(String::new(), |error| error.message.clone()), code };
    let stop_event = (!record.event_attributes.is_empty()).then(|| {
        let limit = (limits.attributes_per_event, longest);
        let (attributes, dropped_attributes_count) =
            key_values(&record.event_attributes, |_, _| true, limit);
        span::Event {
            time_unix_nano: record.time_unix_nanos,
            name: "span_stop".to_owned(),
            attributes,
            dropped_attributes_count,
        }
    });
    let links = record.links.iter().map(|link| {
        let limit = (limits.attributes_per_link, longest);
        let (attributes, dropped_attributes_count) =
            key_values(&link.attributes, |_, _| true, limit);
        let (trace_id, span_id) = id_bytes(link.context.trace_id, link.context.span_id);
        let remote = if link.context.is_remote { 0x300 } else { 0x100 };
        let flags = u32::from(link.context.trace_flags.to_u8()) | remote;
        let trace_state = String::new();
        span::Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags }
    });
    let (trace_id, span_id) = id_bytes(record.trace_id, record.span_id);
    let parent = record.parent;
    let is_remote = parent.is_some_and(|parent| parent.is_remote);
    Span {
        trace_id,
        span_id,
        parent_span_id: parent
            .map_or(vec![], |parent| id_bytes(TraceId::INVALID, parent.span_id).1),
        flags: if is_remote { 0x301 } else { 0x101 },
        name: text_of(attribute::NEW_SPAN_NAME).unwrap_or(record.name.as_str()).to_owned(),
        kind: 1 + KINDS.iter().position(|kind| *kind == record.kind).unwrap() as i32,
        start_time_unix_nano: record.start_time_unix_nanos,
        end_time_unix_nano: record.start_time_unix_nanos.saturating_add(record.duration_nanos),
        attributes,
        dropped_attributes_count,
        dropped_events_count: u32::from(stop_event.is_some() && limits.event_count == 0),
        events: stop_event.into_iter().take(limits.event_count).collect(),
        links: links.take(limits.link_count).collect(),
        dropped_links_count: record.links.len().saturating_sub(limits.link_count) as u32,
        status: if is_ok { Some(status(1)) } else { is_error.then(|| status(2)) },
        ..Span::default()
    }
}

fn expected_log(record: &EventRecord, limits: &LogLimits) -> LogRecord {
    let all = &record.attributes;
    let is_number = |value: &Value| matches!(value, Value::I64(1..=24));
    let is_sent = |name: &str, value: &Value| match name {
        attribute::LOG_BODY | attribute::LOG_SEVERITY_TEXT => false,
        attribute::LOG_SEVERITY_NUMBER => !is_number(value),
        _ => true,
    };
    let is_log_record = all.iter().any(|(name, value)| !is_sent(name.as_str(), value));
    let limit = (limits.attribute_count, limits.attribute_value_length);
    let (attributes, dropped_attributes_count) = key_values(all, is_sent, limit);
    let (_, number, text) = LEVELS[LEVELS.iter().position(|one| one.0 == record.level).unwrap()];
    let chosen = all.get(attribute::LOG_SEVERITY_NUMBER).filter(|value| is_number(value));
    let chosen = chosen
        .and_then(|value| if let Value::I64(number) = value { Some(*number as i32) } else { None });
    let severity_text = all.get_str(attribute::LOG_SEVERITY_TEXT).unwrap().unwrap_or(text);
    let (trace_id, span_id) = id_bytes(record.trace_id, record.span_id);
    let is_nameless = is_log_record && record.name.as_str() == "log";
    LogRecord {
        time_unix_nano: record.time_unix_nanos,
        observed_time_unix_nano: record.time_unix_nanos,
        severity_number: chosen.unwrap_or(number),
        severity_text: severity_text.to_owned(),
        body: all.get(attribute::LOG_BODY).map(|body| any_value_of(body, None)),
        attributes,
        dropped_attributes_count,
        flags: u32::from(record.trace_id.is_valid()),
        trace_id,
        span_id,
        event_name: if is_nameless { String::new() } else { record.name.to_string() },
    }
}

/// What is written of a record.
fn written(record: Record, write: impl Fn(&mut Vec<u8>, &RecordRef<'_>)) -> Vec<u8> {
    let batch: Batch = [record].into_iter().collect();
    let mut out = Vec::new();
    for record in batch.records().iter() {
        write(&mut out, &record);
    }
    out
}

proptest! {
    #[test]
    fn a_span_is_read_as_it_was_recorded(
        record in stop(),
        limits in span_limits(),
        error in option::of((text(), option::of(text()))),
    ) {
        let last_error = error.map(|(message, error_type)| LastError { message, error_type });
        let remembered = Remembered { last_error: last_error.as_ref(), ..Remembered::default() };
        let bytes = written(Record::Stop(record.clone()), |out, stop| {
            let has_place = span(out, stop, remembered, &limits);
            assert_eq!(has_place, record.event_attributes.is_empty() || limits.event_count > 0);
        });
        let read = Span::decode(bytes.as_slice()).unwrap();
        let expected = expected_span(&record, &limits, last_error.as_ref());
        prop_assert_eq!(read.encode_to_vec(), expected.encode_to_vec(), "{:?}", read);
        prop_assert_eq!(bytes.len(), expected.encoded_len());
    }

    #[test]
    fn a_log_record_is_read_as_its_event_was_recorded(
        record in event(),
        attribute_count in 0..8_usize,
        attribute_value_length in option::of(0..9_usize),
    ) {
        let limits = LogLimits { attribute_count, attribute_value_length };
        let bytes = written(Record::Event(record.clone()), |out, event| {
            event_log(out, event, &limits);
        });
        let read = LogRecord::decode(bytes.as_slice()).unwrap();
        let expected = expected_log(&record, &limits);
        prop_assert_eq!(read.encode_to_vec(), expected.encode_to_vec(), "{:?}", read);
        prop_assert_eq!(bytes.len(), expected.encoded_len());
    }
}
