//! Whatever a record holds: its line is read back as what a file of the same record holds.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use onelogger::exporter::{Batch, Exporter, Folding, JsonLinesExporter};
use onelogger::{
    Attributes, EventRecord, InstrumentationScope, Level, Link, LoggerExporter, Outcome, Parent,
    Record, SpanContext, SpanId, SpanKind, SpanRecord, TraceId, Value,
};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::lines;

/// Whatever `JsonLinesExporter` writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a logger's lines are read back as is what a file of the same records holds.
fn check_inverse(target: &str, records: Vec<Record>) {
    let batch: Batch = records.into_iter().collect();
    let sink = Sink::default();
    let mut file = JsonLinesExporter::new(sink.clone()).folding(Folding::Always);
    file.export_batch(batch.records()).unwrap();
    file.close().unwrap();
    let parse = |json: &str| serde_json::from_str::<Json>(json).unwrap();
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    let expected: Vec<Json> = text.lines().map(parse).collect();
    let lines = lines(target, batch.records());
    let in_a_line = |line: &String| !line.contains(char::is_control);
    assert!(lines.iter().all(in_a_line), "{lines:?}");
    let found: Vec<Json> =
        lines.iter().map(|line| parse(&LoggerExporter::parse(line).unwrap())).collect();
    assert_eq!(found, expected, "{lines:#?}");
}

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        ".",
        "=",
        "|",
        " | ",
        "\"",
        "\\",
        "[",
        "]",
        "{",
        "}",
        " ",
        "\n",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "[type=\"",
        "NaN",
        "null",
        "é",
        "🦀",
        "a",
        "",
        "\u{1b}[0m",
        ",",
        ":",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
        any::<String>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::num::f64::ANY.prop_map(Value::from),
        prop::collection::vec(text(), 0..4).prop_map(Value::from),
        prop::collection::vec(any::<bool>(), 0..4).prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Value::from),
        prop::collection::vec(prop::num::f64::ANY, 0..4).prop_map(Value::from),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec((text(), value()), 0..5).prop_map(|entries| entries.into_iter().collect())
}

fn span() -> impl Strategy<Value = SpanRecord> {
    let names = (text(), prop::option::of(text()), attributes(), attributes(), attributes());
    (names, 0..3_u64, any::<bool>(), any::<[u64; 3]>()).prop_map(
        |((name, group, attributes, event_attributes, of_link), id, flag, [time, start, took])| {
            let context = SpanContext::remote(TraceId::from_u128(5), SpanId::from_u64(6));
            SpanRecord {
                trace_id: TraceId::from_u128(u128::from(id)),
                span_id: SpanId::from_u64(id),
                parent: flag.then_some(Parent { span_id: SpanId::from_u64(3), is_remote: flag }),
                name: name.into(),
                kind: if flag { SpanKind::Client } else { SpanKind::Internal },
                level: if flag { Level::Debug } else { Level::Info },
                group: group.map(Into::into),
                scope: flag.then(|| InstrumentationScope::new("in no line")),
                attributes,
                event_attributes,
                links: if flag { vec![Link { context, attributes: of_link }] } else { vec![] },
                time_unix_nanos: time,
                start_time_unix_nanos: start,
                duration_nanos: took,
                outcome: if flag { Outcome::Panic } else { Outcome::Ok },
            }
        },
    )
}

fn event() -> impl Strategy<Value = EventRecord> {
    (text(), attributes(), 0..3_u64, any::<u64>()).prop_map(|(name, attributes, id, time)| {
        EventRecord {
            trace_id: TraceId::from_u128(u128::from(id)),
            span_id: SpanId::from_u64(id),
            name: name.into(),
            level: Level::Warn,
            scope: Some(InstrumentationScope::new("in no line")),
            attributes,
            time_unix_nanos: time,
        }
    })
}

fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        span().prop_map(Record::Start),
        span().prop_map(Record::Stop),
        span().prop_map(Record::Attributes),
        event().prop_map(Record::Event),
        event().prop_map(Record::Error),
        event().prop_map(Record::TelemetryDataError),
    ]
}

proptest! {
    #[test]
    fn every_line_is_read_back_as_it_was(records in prop::collection::vec(record(), 1..8)) {
        check_inverse("inverse", records);
    }

    #[test]
    fn no_text_breaks_the_parser(text in text(), key in text()) {
        let _ = LoggerExporter::parse(&text);
        let _ = LoggerExporter::parse(&format!("[type=\"{text}"));
        if let Ok(json) = LoggerExporter::parse(&format!("[type=\"x\" | {key}={text}]")) {
            serde_json::from_str::<serde::de::IgnoredAny>(&json).unwrap();
        }
    }
}

#[test]
fn a_large_value_is_a_line_like_any_other() {
    let attributes = Attributes::new().with("a.b", "é\"\n ".repeat(2 << 20));
    check_inverse("large", vec![Record::Event(EventRecord { attributes, ..Default::default() })]);
}
