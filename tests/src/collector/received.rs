//! What a sink has received, as it tells it.

use std::collections::{BTreeMap, HashSet};

use onelogger::names::attribute::LOST_PREFIX;
use onelogger::names::event::TELEMETRY_DATA_ERROR;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Spans, log records and metrics, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Received(Vec<Item>);

/// One of them, with what it belongs to.
#[derive(Clone, Debug, Deserialize)]
pub struct Item {
    /// `traces`, `logs`, `metrics`.
    pub signal: String,
    /// `attributes` and `schema_url`.
    pub resource: Value,
    /// `name`, `version`, `schema_url` and `attributes`.
    pub scope: Value,
    /// Where it departs from the data model.
    #[serde(default)]
    pub problems: Vec<String>,
    /// The item itself, as the sink tells it.
    #[serde(alias = "trace", alias = "log", alias = "metric")]
    pub body: Value,
}

/// A span, typed as far as tests look into it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names of the data model")]
pub struct SpanItem {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: String,
    pub name: String,
    pub kind: String,
    pub attributes: Map<String, Value>,
    pub status: Value,
}

/// A log record, typed as far as tests look into it.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names of the data model")]
pub struct LogItem {
    pub trace_id: String,
    pub span_id: String,
    #[serde(default)]
    pub event_name: String,
    pub body: Value,
    pub severity_number: u8,
    pub attributes: Map<String, Value>,
}

impl LogItem {
    /// Whether it says that records are lost.
    pub fn tells_of_losses(&self) -> bool {
        self.event_name == TELEMETRY_DATA_ERROR
            && self.attributes.keys().any(|name| name.starts_with(LOST_PREFIX))
    }

    /// Whether it shows a record of the application, and not one of the library's own.
    fn is_counted(&self) -> bool {
        let is_failure = || {
            let body = self.body.as_str().unwrap_or_default();
            body.starts_with("Error exporting data via exporter")
        };
        match &*self.event_name {
            TELEMETRY_DATA_ERROR => !self.tells_of_losses() && !is_failure(),
            name => !name.starts_with("onelogger."),
        }
    }
}

impl Received {
    /// From the sink's own lines.
    ///
    /// # Panics
    /// If they cannot be read.
    pub(super) fn parse(lines: &str) -> Received {
        let item =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Received(lines.lines().map(item).collect())
    }

    /// What one service has sent.
    pub fn of(&self, service: &str) -> Received {
        self.with_attribute("service.name", service)
    }

    /// What was sent with this attribute of the resource.
    pub fn with_attribute(&self, name: &str, value: &str) -> Received {
        let has_it = |item: &&Item| item.resource["attributes"][name] == value;
        Received(self.0.iter().filter(has_it).cloned().collect())
    }

    /// The items of a signal.
    pub fn items(&self, signal: &str) -> impl Iterator<Item = &Item> {
        self.0.iter().filter(move |item| item.signal == signal)
    }

    /// The spans, but those that repeat a telemetry data error.
    ///
    /// # Panics
    /// If the sink tells them in other words.
    pub fn spans(&self) -> Vec<SpanItem> {
        let spans = self.items("traces").map(|item| serde_json::from_value(item.body.clone()));
        let spans = spans.map(|span| span.expect("a span as the sink tells it"));
        spans.filter(|span: &SpanItem| span.name != TELEMETRY_DATA_ERROR).collect()
    }

    /// The log records.
    ///
    /// # Panics
    /// If the sink tells them in other words.
    pub fn logs(&self) -> Vec<LogItem> {
        let logs = self.items("logs").map(|item| serde_json::from_value(item.body.clone()));
        logs.map(|log| log.expect("a log record as the sink tells it")).collect()
    }

    /// The log records with this event name.
    pub fn events(&self, name: &str) -> Vec<LogItem> {
        self.logs().into_iter().filter(|log| log.event_name == name).collect()
    }

    /// The span of this name.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn span(&self, name: &str) -> SpanItem {
        let mut spans = self.spans().into_iter().filter(|span| span.name == name);
        let span = spans.next().unwrap_or_else(|| panic!("no span {name}"));
        assert!(spans.next().is_none(), "several spans {name}");
        span
    }

    /// The numbers that events of this name bear, in their order.
    pub fn numbers(&self, name: &str) -> Vec<i64> {
        let number = |log: &LogItem| log.attributes.get("number")?.as_i64();
        self.events(name).iter().filter_map(number).collect()
    }

    /// How many records of the application it shows: a span its start and its stop, a log record
    /// one. What came twice counts once.
    pub fn record_count(&self) -> u64 {
        let once = self.once();
        let spans = once.spans().len();
        let logs = once.logs().iter().filter(|log| log.is_counted()).count();
        (2 * spans + logs) as u64
    }

    /// How many items came a second time. Two are the same if they agree in everything: tests number
    /// what they record.
    pub fn repeated(&self) -> usize {
        self.0.len() - self.once().0.len()
    }

    /// How many items there are of each signal and name, for messages.
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for item in &self.0 {
            let name = item.body.get("event_name").unwrap_or(&item.body["name"]);
            // Tests number their spans.
            let name = name.as_str().unwrap_or_default();
            let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
            *counts.entry(format!("{} {name}", item.signal)).or_default() += 1;
        }
        format!("{counts:?}")
    }

    fn once(&self) -> Received {
        let mut seen = HashSet::new();
        let is_new = |item: &&Item| seen.insert((item.signal.clone(), item.body.to_string()));
        Received(self.0.iter().filter(is_new).cloned().collect())
    }

    /// Where items depart from the data model.
    pub fn problems(&self) -> Vec<&String> {
        self.0.iter().flat_map(|item| &item.problems).collect()
    }
}
