//! What should arrive, and where it differs from what did.
//!
//! An expected item is JSON, in the words of the sink, of whichever signal: what it says must be
//! so, and what it does not say may be anything. Attributes are compared as a whole, and numbers
//! with their type.

use serde_json::{Map, Value, json};

use onelogger::names::attribute::{ERROR_MESSAGE, EXCEPTION_TYPE};
use onelogger::names::event::{CLOSE, SPAN_START, SPAN_STOP, TELEMETRY_DATA_ERROR};
use onelogger::{
    Attributes, EventRecord, Level, Outcome, Parent, Record, SpanId, SpanKind, SpanRecord, TraceId,
};
use std::collections::HashMap;

use super::received::{Item, Received};

/// An item that should arrive.
#[derive(Clone, Debug)]
pub struct Expected {
    /// `traces`, `logs`, `metrics`.
    pub signal: &'static str,
    /// What is known of it.
    pub item: Value,
}

/// Checks that each expected item has arrived, once, and nothing else of these signals. Metrics are
/// told apart by their name, log records and spans by all that is known of them.
///
/// # Panics
/// If anything differs; it says what.
pub fn check(expected: &[Expected], received: &Received, signals: &[&'static str]) {
    let mut complaints = Vec::new();
    for &signal in signals {
        let mut left: Vec<&Item> = received.items(signal).collect();
        for expected in expected.iter().filter(|expected| expected.signal == signal) {
            let found =
                left.iter().position(|item| difference(&expected.item, &item.body).is_none());
            match found {
                Some(place) => drop(left.remove(place)),
                None => complaints.push(missing(expected, &left)),
            }
        }
        complaints.extend(left.iter().map(|item| format!("unexpected: {}", item.body)));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

/// Says that an item is missing, and what comes near it.
fn missing(expected: &Expected, left: &[&Item]) -> String {
    let mut text = format!("missing of {}: {}", expected.signal, expected.item);
    let is_near = |item: &&&Item| {
        ["name", "event_name"]
            .iter()
            .any(|key| expected.item.get(key).is_some_and(|name| Some(name) == item.body.get(key)))
    };
    for item in left.iter().filter(is_near) {
        let difference = difference(&expected.item, &item.body).unwrap_or_default();
        text.push_str(&format!("\n  near: {difference}"));
    }
    text
}

/// The first place at which an item is not what is expected.
fn difference(expected: &Value, item: &Value) -> Option<String> {
    let at = |key: &str, found: Option<String>| found.map(|found| format!("{key}: {found}"));
    match (expected, item) {
        (Value::Object(expected), Value::Object(item)) => {
            expected.iter().find_map(|(key, value)| {
                let found = item.get(key).unwrap_or(&Value::Null);
                if key == "attributes" && value != found {
                    return Some(format!("attributes: {found} and not {value}"));
                }
                at(key, difference(value, found))
            })
        }
        (Value::Array(expected), Value::Array(item)) if expected.len() == item.len() => {
            let mut pairs = expected.iter().zip(item).enumerate();
            pairs.find_map(|(place, (a, b))| at(&place.to_string(), difference(a, b)))
        }
        (expected, item) => (expected != item).then(|| format!("{item} and not {expected}")),
    }
}

/// The items that show these records, those that the library itself adds left aside: what opens and
/// closes a run.
pub fn of_records(records: &[Record]) -> Vec<Expected> {
    let mut errors: HashMap<SpanId, &EventRecord> = HashMap::new();
    let mut starts: HashMap<SpanId, &SpanRecord> = HashMap::new();
    let mut items = Vec::new();
    let mut put = |signal, item| items.push(Expected { signal, item });
    for record in records {
        match record {
            Record::Start(span) => {
                starts.insert(span.span_id, span);
            }
            Record::Attributes(_) => {}
            Record::Stop(stop) => {
                let start = starts.get(&stop.span_id).copied();
                put("traces", span(stop, start, errors.get(&stop.span_id).copied()));
            }
            Record::Event(event) if event.name.as_str() == CLOSE => {}
            Record::Event(event) => {
                let severity = severity(event.level);
                put("logs", log(event, event.name.as_str(), severity, None, &event.attributes));
            }
            Record::Error(error) => {
                errors.insert(error.span_id, error);
                let severity = severity(Level::Error);
                put(
                    "logs",
                    log(error, "exception", severity, Some(message(error)), &exception(error)),
                );
            }
            Record::TelemetryDataError(error) => {
                let attributes = shown(&error.attributes);
                put(
                    "traces",
                    json!({
                        "name": TELEMETRY_DATA_ERROR, "parent_span_id": "", "attributes": attributes,
                        "start_ns": error.time_unix_nanos, "end_ns": error.time_unix_nanos,
                        "status": {"code": "STATUS_CODE_ERROR", "message": message(error)},
                    }),
                );
                put(
                    "logs",
                    json!({
                        "event_name": TELEMETRY_DATA_ERROR, "body": message(error),
                        "severity_number": 17, "attributes": attributes,
                        "time_ns": error.time_unix_nanos,
                    }),
                );
            }
        }
    }
    items
}

/// What opens and closes each run.
pub fn of_run() -> Vec<Expected> {
    let log = |name: &str| json!({"event_name": name, "trace_id": "", "span_id": ""});
    ["onelogger.open", CLOSE].map(|name| Expected { signal: "logs", item: log(name) }).into()
}

fn span(stop: &SpanRecord, start: Option<&SpanRecord>, error: Option<&EventRecord>) -> Value {
    let mut attributes = shown(&stop.attributes);
    if matches!(stop.outcome, Outcome::Panic | Outcome::Cancelled) {
        attributes.insert("onelogger.outcome".into(), json!(stop.outcome.as_str()));
    }
    if let Some(kind) = error.and_then(|error| error.attributes.get(EXCEPTION_TYPE)) {
        attributes.insert("error.type".into(), json!(kind));
    }
    let event = |name: &str, record: &SpanRecord| {
        let attributes = shown(&record.event_attributes);
        json!({"name": name, "time_ns": record.time_unix_nanos, "attributes": attributes})
    };
    let events = [(SPAN_START, start), (SPAN_STOP, Some(stop))];
    let events = events.iter().filter_map(|(name, record)| Some((name, (*record)?)));
    let events = events.filter(|(_, record)| !record.event_attributes.is_empty());
    let is_error = error.is_some() || matches!(stop.outcome, Outcome::Error | Outcome::Panic);
    json!({
        "trace_id": trace_id(stop.trace_id),
        "span_id": span_id(stop.span_id),
        "parent_span_id": stop.parent.map_or_else(String::new, |parent| span_id(parent.span_id)),
        "name": stop.name.as_str(),
        "kind": kind(stop.kind),
        "start_ns": stop.start_time_unix_nanos,
        "end_ns": stop.start_time_unix_nanos + stop.duration_nanos,
        "flags": flags(stop.parent),
        "attributes": attributes,
        "events": events.map(|(name, record)| event(name, record)).collect::<Vec<_>>(),
        "links": stop.links.iter().map(|link| json!({
            "trace_id": trace_id(link.context.trace_id),
            "span_id": span_id(link.context.span_id),
            "attributes": shown(&link.attributes),
        })).collect::<Vec<_>>(),
        "status": {
            "code": if is_error { "STATUS_CODE_ERROR" } else { "STATUS_CODE_UNSET" },
            "message": error.map(message).unwrap_or_default(),
        },
        "dropped": {"attributes": 0, "events": 0, "links": 0},
    })
}

fn log(
    record: &EventRecord,
    name: &str,
    (severity_number, severity_text): (u8, &str),
    body: Option<&str>,
    attributes: &Attributes,
) -> Value {
    json!({
        "trace_id": trace_id(record.trace_id),
        "span_id": span_id(record.span_id),
        "event_name": name,
        "time_ns": record.time_unix_nanos,
        "severity_number": severity_number,
        "severity_text": severity_text,
        "body": body,
        "attributes": shown(attributes),
        "dropped_attributes": 0,
    })
}

/// Sampled, and it is known whether the parent is of another process.
fn flags(parent: Option<Parent>) -> u32 {
    if parent.is_some_and(|parent| parent.is_remote) { 0x301 } else { 0x101 }
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

fn severity(level: Level) -> (u8, &'static str) {
    match level {
        Level::Trace => (1, "TRACE"),
        Level::Debug => (5, "DEBUG"),
        Level::Info => (9, "INFO"),
        Level::Warn => (13, "WARN"),
        Level::Error => (17, "ERROR"),
    }
}

fn message(error: &EventRecord) -> &str {
    error.attributes.get(ERROR_MESSAGE).and_then(|value| value.as_str()).unwrap_or_default()
}

/// The attributes of an error, under OpenTelemetry's names.
fn exception(error: &EventRecord) -> Attributes {
    let has_exception = error.attributes.get(EXCEPTION_TYPE).is_some();
    let renamed = error.attributes.iter().map(|(name, value)| {
        let name = match name.as_str() {
            "exception_type" => "exception.type",
            "exception_message" => "exception.message",
            "exception_traceback" => "exception.stacktrace",
            ERROR_MESSAGE if !has_exception => "exception.message",
            name => name,
        };
        (name.to_owned(), value.clone())
    });
    renamed.collect()
}

fn shown(given: &Attributes) -> Map<String, Value> {
    given.iter().map(|(name, value)| (name.as_str().to_owned(), value_of(value))).collect()
}

/// A value as the sink shows it: what JSON has no number for has a form of its own.
fn value_of(value: &onelogger::Value) -> Value {
    let float = |value: &f64| match value {
        value if value.is_nan() => json!({"float": "NaN"}),
        value if *value == f64::INFINITY => json!({"float": "Infinity"}),
        value if *value == f64::NEG_INFINITY => json!({"float": "-Infinity"}),
        value => json!(value),
    };
    match value {
        onelogger::Value::F64(value) => float(value),
        onelogger::Value::F64List(values) => values.iter().map(float).collect(),
        value => json!(value),
    }
}

fn trace_id(id: TraceId) -> String {
    if id.is_valid() { format!("{:032x}", id.to_u128()) } else { String::new() }
}

fn span_id(id: SpanId) -> String {
    if id.is_valid() { format!("{:016x}", id.to_u64()) } else { String::new() }
}
