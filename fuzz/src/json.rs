//! Texts that become JSON, and JSON that becomes data.

use std::fmt::Display;
use std::str::FromStr;

use onelogger::read;
use onelogger::{Attributes, LoggerExporter, Record, RecordId, SpanId, TraceId};
use serde_json::Value;

/// A line that is taken becomes one line of JSON, which the reader takes or says what is wrong with.
pub(super) fn logger_line(line: &str) {
    let Ok(json) = LoggerExporter::parse(line) else { return };
    assert!(!json.contains(['\n', '\r']), "more than a line: {json:?}");
    let log = read::from_str(&json);
    let lines: usize = log.runs().iter().map(|run| run.lines().len()).sum();
    assert_eq!(lines + log.damage().len(), 1, "{json}");
    // The values of a file of ours have no half surrogate pairs, which the reader mends.
    if let Ok(value) = serde_json::from_str::<Value>(&json) {
        assert!(value["type"].is_string(), "{json}");
    }
}

/// An id that is taken is written as it came, and a record that is taken is written as one that says the
/// same.
pub(super) fn data_model(text: &str) {
    id::<TraceId>(text);
    id::<SpanId>(text);
    id::<RecordId>(text);
    if let Ok(record) = serde_json::from_str::<Record>(text) {
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), record, "{written}");
    }
    if let Ok(attributes) = serde_json::from_str::<Attributes>(text) {
        let written = serde_json::to_string(&attributes).unwrap();
        assert_eq!(serde_json::from_str::<Attributes>(&written).unwrap(), attributes, "{written}");
    }
}

fn id<T: FromStr + Display>(text: &str) {
    if let Ok(id) = text.parse::<T>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
}
