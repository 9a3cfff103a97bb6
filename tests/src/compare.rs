//! The rules of `conformance/compare.py`, in Rust, so that every test run applies them.

use std::collections::HashMap;
use std::path::Path;
use std::{fmt, io};

use serde_json::{Map, Value};

/// Messages that the Python library words itself.
const OWN_WORDING: [&str; 3] =
    ["Error exporting data via exporter", "Exception in telemetry code", "Timer for span"];
/// Attributes of which only the kind is compared.
const SHAPE_ONLY: [&str; 7] = [
    "pid",
    "exception_traceback",
    "node_name",
    "one_logger_training_telemetry_version",
    // The reference takes these over its running average and not, as it says itself, over iterations,
    // and repeats the configured interval where a first window is shorter.
    "train_throughput_per_gpu_max",
    "train_throughput_per_gpu_min",
    "training_metrics_update/interval",
];
/// The reference writes 0 where it means "not measured"; leaving it out is as good.
const ZERO_OR_ABSENT: [&str; 1] = ["total_flops"];
/// What attributes beyond the expected ones may be called.
const EXTRA_ATTRIBUTES: [&str; 3] = ["onelogger.", "application_name", "app_type"];

/// Whether a record is one of the library's own additions.
pub fn is_extra(record: &Value) -> bool {
    let event = [&record["event"], &record["error"]].into_iter().find(|event| event.is_object());
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().starts_with("onelogger.");
    let attributes = event.and_then(|event| event["attributes"].as_object());
    let is_loss_report = record["type"] == "telemetry_data_error"
        && attributes.is_some_and(|all| all.keys().any(|key| key.starts_with("onelogger.lost.")));
    name(record) || event.is_some_and(name) || is_loss_report
}

/// How two files differ: nothing if they agree.
///
/// # Errors
/// If a file cannot be read or holds a line that is no JSON.
pub fn files(expected: &Path, actual: &Path) -> io::Result<Vec<String>> {
    let (expected, actual) = (load(expected)?, load(actual)?);
    let mut found = Vec::new();
    if expected.len() != actual.len() {
        found.push(format!("{} records, expected {}", actual.len(), expected.len()));
    }
    let counts: Vec<_> = actual.iter().map(|record| record["count"].as_u64()).collect();
    if counts.windows(2).any(|pair| pair[1] <= pair[0]) {
        found.push("count does not rise".to_owned());
    }
    for (number, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
        let place = Place { path: format!("record {}", number + 1), key: "", event: "" };
        compare(expected, actual, &place, &mut found);
    }
    Ok(found)
}

fn load(path: &Path) -> io::Result<Vec<Value>> {
    let mut ids: HashMap<String, String> = HashMap::new();
    let mut records = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let mut record: Value = serde_json::from_str(line)?;
        if is_extra(&record) {
            continue;
        }
        for key in ["id", "span_id"] {
            if let Some(id) = record.get(key).and_then(Value::as_str).map(str::to_owned) {
                let next = format!("#{}", ids.len() + 1);
                record[key] = ids.entry(id).or_insert(next).clone().into();
            }
        }
        records.push(record);
    }
    Ok(records)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

/// Where two values stand.
struct Place<'a> {
    path: String,
    /// The nearest key above.
    key: &'a str,
    /// The event that they belong to.
    event: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

fn compare(expected: &Value, actual: &Value, place: &Place<'_>, found: &mut Vec<String>) {
    match (expected, actual) {
        _ if kind(expected) != kind(actual) => {
            found.push(format!("{place}: {actual} is a {}, expected {expected}", kind(actual)));
        }
        (Value::Object(expected), Value::Object(actual)) => {
            compare_maps(expected, actual, place, found);
        }
        (Value::Array(expected), Value::Array(actual)) => {
            if expected.len() != actual.len() {
                found.push(format!("{place}: {} elements, not {}", actual.len(), expected.len()));
            }
            for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                let element = Place { path: format!("{place}[{at}]"), ..*place };
                compare(expected, actual, &element, found);
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(0.0));
            let tolerance = match place.key {
                "timestamp_msec" => 1.0,
                key if key.ends_with("_timestamp_sec") => 1e-3,
                _ if expected.is_f64() => (1e-6 * one.abs()).max(1e-9),
                _ => 0.0,
            };
            let is_same = if tolerance == 0.0 {
                expected == actual
            } else {
                (one - other).abs() <= tolerance
            };
            if !is_same {
                found.push(format!("{place}: {actual}, expected {expected}"));
            }
        }
        _ if expected != actual => found.push(format!("{place}: {actual}, expected {expected}")),
        _ => {}
    }
}

fn compare_maps(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    place: &Place<'_>,
    found: &mut Vec<String>,
) {
    let event = match place.key {
        "event" | "error" | "start_event" | "stop_event" => expected["name"].as_str(),
        _ => None,
    };
    let event = event.unwrap_or(place.event);
    for (name, value) in expected {
        let inner = Place { path: format!("{place}.{name}"), key: name, event };
        let Some(other) = actual.get(name) else {
            if !(ZERO_OR_ABSENT.contains(&name.as_str()) && *value == 0) {
                found.push(format!("{inner}: missing"));
            }
            continue;
        };
        let is_own_wording = name == "error_message"
            && OWN_WORDING
                .iter()
                .any(|own| value.as_str().is_some_and(|text| text.starts_with(own)));
        let of_event = format!("{event}/{name}");
        if SHAPE_ONLY.iter().any(|shape| shape == name || *shape == of_event) {
            if kind(value) != kind(other) {
                found.push(format!("{inner}: {other} is of another kind than {value}"));
            }
        } else if is_own_wording {
            if other.as_str().is_none_or(str::is_empty) {
                found.push(format!("{inner}: empty"));
            }
        } else if name != "count" {
            compare(value, other, &inner, found);
        }
    }
    let is_extra = |name: &str| EXTRA_ATTRIBUTES.iter().any(|extra| name.starts_with(extra));
    // A record may have more keys than expected, an attribute map only some, the rest none.
    for name in actual.keys().filter(|name| !expected.contains_key(*name)) {
        if !(place.key.is_empty() || place.key == "attributes" && is_extra(name)) {
            found.push(format!("{place}.{name}: unexpected"));
        }
    }
}
