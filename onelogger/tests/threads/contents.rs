//! What the file of a trial holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use onelogger::{Counts, LossReason, RecordId};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The attributes that the closing record has for these counts.
pub(crate) fn closing(counts: &Counts) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert("onelogger.recorded".into(), counts.recorded.into());
    attributes.insert("onelogger.added".into(), counts.added.into());
    attributes.insert("onelogger.delivered".into(), counts.delivered.into());
    attributes.insert("onelogger.delivered.updates".into(), counts.delivered_updates.into());
    attributes.insert("onelogger.withheld".into(), counts.withheld.into());
    for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
        attributes.insert(format!("onelogger.lost.{reason}"), counts.lost(reason).into());
    }
    attributes
}

/// What stands in a file.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) spans: HashMap<RecordId, SpanSeen>,
    /// Each event: its span and its number.
    pub(crate) events: Vec<(RecordId, Option<u64>)>,
    /// Records of the application; a `complete` line is two.
    pub(crate) records: u64,
    /// Spans that the close has stopped.
    pub(crate) truncated: u64,
    /// Reports of losses and failures.
    pub(crate) reports: u64,
    /// The closing record.
    pub(crate) closing: Map<String, Value>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SpanSeen {
    pub(crate) name: String,
    pub(crate) parent: Option<RecordId>,
    pub(crate) thread: Option<u64>,
    pub(crate) number: Option<u64>,
    pub(crate) starts: u32,
    pub(crate) stops: u32,
}

#[derive(Deserialize)]
pub(crate) struct Line {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: Option<RecordId>,
    pub(crate) span_id: Option<RecordId>,
    pub(crate) parent_id: Option<RecordId>,
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) attributes: Map<String, Value>,
    pub(crate) event: Option<EventSeen>,
    pub(crate) count: u64,
}

#[derive(Deserialize)]
pub(crate) struct EventSeen {
    pub(crate) name: String,
    pub(crate) attributes: Map<String, Value>,
}

impl Contents {
    /// Reads a file of which every line must be whole, in its place and of a known kind.
    pub(crate) fn read(path: &Path) -> Contents {
        let mut contents = Contents::default();
        let file = BufReader::with_capacity(1 << 20, File::open(path).unwrap());
        for (place, line) in file.lines().enumerate() {
            let line = line.unwrap();
            let record: Line =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            // The first record of a run has the number 1, and nothing failed to be written.
            assert_eq!(record.count, place as u64 + 1, "{line}");
            assert!(contents.closing.is_empty(), "after the closing record: {line}");
            contents.add(record, &line);
        }
        assert!(!contents.closing.is_empty(), "the closing record is missing");
        contents
    }

    pub(crate) fn add(&mut self, record: Line, line: &str) {
        match record.kind.as_str() {
            "start" | "stop" | "complete" => {
                let (starts, stops) = (record.kind != "stop", record.kind != "start");
                let number = |name| record.attributes.get(name).and_then(Value::as_u64);
                let span = self.spans.entry(record.id.unwrap()).or_insert_with(|| SpanSeen {
                    name: record.name.clone().unwrap(),
                    parent: record.parent_id,
                    thread: number("thread"),
                    number: number("number"),
                    ..SpanSeen::default()
                });
                assert_eq!((&span.name, span.parent), (&record.name.unwrap(), record.parent_id));
                span.starts += u32::from(starts);
                span.stops += u32::from(stops);
                self.records += u64::from(starts) + u64::from(stops);
                self.truncated += u64::from(record.attributes.contains_key("onelogger.truncated"));
            }
            "event" => {
                let mut event = record.event.unwrap();
                match event.name.as_str() {
                    "onelogger.open" => {}
                    "onelogger.close" => {
                        event.attributes.remove("timestamp_msec");
                        self.closing = event.attributes;
                    }
                    _ => {
                        let number = event.attributes.get("number").and_then(Value::as_u64);
                        self.events.push((record.span_id.unwrap(), number));
                        self.records += 1;
                    }
                }
            }
            // Only the library's own: the tests here report none.
            "telemetry_data_error" => self.reports += 1,
            _ => panic!("an unknown kind of line: {line}"),
        }
    }

    /// Spans are there as a whole or not at all, and events are those of spans that are there.
    pub(crate) fn check_wholeness(&self) {
        for (id, span) in &self.spans {
            assert_eq!((span.starts, span.stops), (1, 1), "{id}: {span:?}");
        }
        for (span, number) in &self.events {
            assert!(self.spans.contains_key(span), "event {number:?} of {span}, which is missing");
        }
    }

    /// Each thread has a root; under it hang `each` spans, every number once, each with its event.
    pub(crate) fn check_trees(&self, threads: usize, each: usize) {
        let roots: HashMap<_, _> = self
            .spans
            .iter()
            .filter(|(_, span)| span.name == "root")
            .map(|(id, span)| (*id, span))
            .collect();
        assert_eq!(roots.len(), threads);
        assert!(roots.values().all(|root| root.parent.is_none()));
        let mut seen = vec![vec![0_u32; each]; threads];
        for span in self.spans.values().filter(|span| span.name == "work") {
            let (thread, number) = (span.thread.unwrap() as usize, span.number.unwrap() as usize);
            assert_eq!(roots[&span.parent.unwrap()].thread, span.thread, "{span:?}");
            seen[thread][number] += 1;
        }
        assert!(seen.iter().flatten().all(|&times| times == 1));
        for (span, number) in &self.events {
            assert_eq!(self.spans[span].number, *number);
            let span = &self.spans[span];
            seen[span.thread.unwrap() as usize][span.number.unwrap() as usize] += 1;
        }
        assert!(seen.iter().flatten().all(|&times| times == 2));
    }
}
