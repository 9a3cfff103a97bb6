//! What a test has recorded, as a text to compare with.

use std::collections::HashMap;
use std::fmt::Write as _;

use onelogger::{Attributes, Outcome, Record, SpanId, SpanRecord};

/// The records as a tree: a span a line, below it what happened in it, in the order of recording.
///
/// ```text
/// load shards=2
///   · opened path=a
///   ! Error in read: not found [NotFound]
///   read -> error
/// ```
///
/// A span without its stop is marked `-> open`. Spans that hang under none, or under one of another
/// process (`<- remote`), begin at the margin.
pub fn tree(records: &[Record]) -> String {
    let mut stops = HashMap::new();
    let mut below: HashMap<SpanId, Vec<Item<'_>>> = HashMap::new();
    let mut roots = Vec::new();
    for record in records {
        let (parent, item) = match record {
            Record::Start(span) => {
                let parent = span.parent.filter(|parent| !parent.is_remote);
                (parent.map(|parent| parent.span_id), Item::Span(span))
            }
            Record::Stop(span) => {
                stops.insert(span.span_id, span);
                continue;
            }
            Record::Attributes(_) => continue,
            Record::Event(event) => {
                let line = format!("· {}{}", event.name, shown(&event.attributes));
                (Some(event.span_id), Item::Line(line))
            }
            Record::Error(error) => {
                let mut attributes = error.attributes.clone();
                let mut take = |name| attributes.remove(name).map(|value| value.to_string());
                let message = take("error_message").unwrap_or_default();
                let kind = take("exception_type").map(|kind| format!(" [{kind}]"));
                take("exception_message");
                let kind = kind.unwrap_or_default();
                let line = format!("! {message}{kind}{}", shown(&attributes));
                (Some(error.span_id), Item::Line(line))
            }
            Record::TelemetryDataError(error) => {
                let line = format!("? telemetry data error{}", shown(&error.attributes));
                (Some(error.span_id), Item::Line(line))
            }
        };
        match parent.filter(|span| span.is_valid()) {
            Some(parent) => below.entry(parent).or_default().push(item),
            None => roots.push(item),
        }
    }
    let mut text = String::new();
    write(&mut text, 0, &roots, &below, &stops);
    text
}

/// Something in a tree.
enum Item<'a> {
    Span(&'a SpanRecord),
    Line(String),
}

fn write(
    text: &mut String,
    depth: usize,
    items: &[Item<'_>],
    below: &HashMap<SpanId, Vec<Item<'_>>>,
    stops: &HashMap<SpanId, &SpanRecord>,
) {
    for item in items {
        let indent = 2 * depth;
        match item {
            Item::Line(line) => writeln!(text, "{:indent$}{line}", "").unwrap(),
            Item::Span(start) => {
                let stop = stops.get(&start.span_id);
                let attributes = &stop.unwrap_or(start).attributes;
                let end = match stop.map(|stop| stop.outcome) {
                    None => " -> open",
                    Some(Outcome::Ok) => "",
                    Some(Outcome::Error) => " -> error",
                    Some(Outcome::Panic) => " -> panic",
                    Some(Outcome::Cancelled) => " -> cancelled",
                };
                let is_remote = start.parent.is_some_and(|parent| parent.is_remote);
                let remote = if is_remote { " <- remote" } else { "" };
                let attributes = shown(attributes);
                writeln!(text, "{:indent$}{}{attributes}{remote}{end}", "", start.name).unwrap();
                let inside = below.get(&start.span_id).map_or(&[][..], Vec::as_slice);
                write(text, depth + 1, inside, below, stops);
            }
        }
    }
}

fn shown(attributes: &Attributes) -> String {
    attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect()
}

/// Compares the tree of records with what it should be. Lines may be indented with the test's code.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_tree(records: &[Record], expected: &str) {
    let lines: Vec<&str> = expected.lines().filter(|line| !line.trim().is_empty()).collect();
    let margin = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let expected: String = lines.iter().map(|line| format!("{}\n", &line[margin..])).collect();
    let found = tree(records);
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}
