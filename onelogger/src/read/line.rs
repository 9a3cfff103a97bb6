use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::json::{AnyAttributes, mended};
use super::{DamageReason, text};
use crate::data::names::{attribute, event};
use crate::data::{
    Attributes, Level, Link, Name, Outcome, RecordId, SpanContext, SpanId, SpanKind, TraceFlags,
    TraceId,
};

/// One line of a file.
///
/// What the file adds to the attributes by itself, the time of an event and the duration of a span
/// in milliseconds, stands in the fields for it and not among the attributes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// Which of the files it stands in, counted from 0 in the order in which they were given.
    pub file: usize,
    /// Its number in that file, from 1.
    pub number: u64,
    /// What it records.
    pub kind: LineKind,
    /// The span that it concerns; `None` for an event without a span.
    pub id: Option<RecordId>,
    /// The name of the span or of the event.
    pub name: Name,
    /// The attributes that the span has by then, or those of the event.
    pub attributes: Attributes,
    /// The attributes of the start event, of a line that holds a start.
    pub start_attributes: Attributes,
    /// The attributes of the stop event, of a line that holds a stop.
    pub stop_attributes: Attributes,
    /// When it happened, in nanoseconds since 1970; of a `complete` line when the span started. The
    /// Python library's files have it in milliseconds.
    pub time_unix_nanos: u64,
    /// When the span stopped, of a line that holds a stop.
    pub stop_time_unix_nanos: Option<u64>,
    /// How long the span took, of a line that holds a stop.
    pub duration: Option<Duration>,
    /// The trace. The Python library's files have none.
    pub trace_id: Option<TraceId>,
    /// What the span hangs under. The Python library's files have no parents.
    pub parent: Option<ParentId>,
    /// The number that the exporter gave the line, from 1 in each run.
    pub count: Option<u64>,
    /// The process.
    pub pid: Option<u32>,
    /// Whether it is one of the library's own, which the totals do not count.
    pub is_own: bool,
    /// How the span ended, of a line that holds a stop.
    pub outcome: Outcome,
    /// The kind of the span.
    pub span_kind: SpanKind,
    /// How much detail the span or the event is.
    pub level: Level,
    /// The group that the span can be switched with.
    pub group: Option<Name>,
    /// The span's links to others.
    pub links: Vec<Link>,
}

/// What a line records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineKind {
    /// A span started.
    Start,
    /// A span stopped.
    Stop,
    /// A span started and stopped.
    Complete,
    /// Something happened.
    Event,
    /// The application reported an error.
    #[serde(rename = "application_error")]
    Error,
    /// The telemetry is faulty or incomplete.
    TelemetryDataError,
}

/// What a span hangs under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParentId {
    /// A span of the same run.
    Local(RecordId),
    /// A span of another process.
    Remote(SpanId),
}

impl Line {
    /// Whether this is the record that begins a run and says whose it is.
    pub fn is_opening(&self) -> bool {
        self.is_event_of_run(event::OPEN)
    }

    /// Whether this is the record that ends a run and holds its totals.
    pub fn is_closing(&self) -> bool {
        self.is_event_of_run(event::CLOSE)
    }

    fn is_event_of_run(&self, name: &str) -> bool {
        self.kind == LineKind::Event && self.id.is_none() && self.name == *name
    }

    /// Whether the line says that a span started.
    pub fn holds_start(&self) -> bool {
        matches!(self.kind, LineKind::Start | LineKind::Complete)
    }

    /// Whether the line says that a span stopped.
    pub fn holds_stop(&self) -> bool {
        matches!(self.kind, LineKind::Stop | LineKind::Complete)
    }
}

/// Name and attributes; of an error its message in the place of its name.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holds_start() || self.holds_stop() {
            f.write_str(&text::shown(self.name.as_str()))?;
            return text::put_attributes(f, &self.attributes);
        }
        text::put_record(f, self, None)
    }
}

impl fmt::Display for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParentId::Local(id) => id.fmt(f),
            ParentId::Remote(id) => id.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for ParentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ParentId, D::Error> {
        let text = String::deserialize(deserializer)?;
        let remote = text.parse().map(ParentId::Remote);
        remote.or_else(|_| text.parse().map(ParentId::Local)).map_err(serde::de::Error::custom)
    }
}

/// Reads a line; `None` if there is nothing on it.
pub(super) fn parse(text: &[u8]) -> Result<Option<Line>, DamageReason> {
    let text = std::str::from_utf8(text)
        .map_err(|error| DamageReason::NotUtf8 { at: error.valid_up_to() })?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let not_a_record = |message: &str| DamageReason::NotARecord(message.to_owned());
    if !text.starts_with('{') {
        return Err(not_a_record("no object"));
    }
    let raw = serde_json::from_str::<RawLine>(text).or_else(|error| {
        let mended = mended(text).ok_or_else(|| DamageReason::from_json(&error))?;
        serde_json::from_str(&mended).map_err(|error| DamageReason::from_json(&error))
    })?;
    raw.into_line().map(Some).map_err(not_a_record)
}

/// A line as it stands in the file.
#[derive(Deserialize)]
struct RawLine {
    #[serde(rename = "type")]
    kind: LineKind,
    id: Option<RecordId>,
    span_id: Option<RecordId>,
    name: Option<Name>,
    #[serde(default)]
    attributes: AnyAttributes,
    start_event: Option<RawEvent>,
    stop_event: Option<RawEvent>,
    event: Option<RawEvent>,
    error: Option<RawEvent>,
    count: Option<u64>,
    pid: Option<u32>,
    #[serde(default)]
    own: bool,
    trace_id: Option<TraceId>,
    parent_id: Option<ParentId>,
    time_unix_nano: Option<u64>,
    duration_nano: Option<u64>,
    #[serde(default)]
    outcome: Outcome,
    #[serde(default)]
    span_kind: SpanKind,
    #[serde(default)]
    level: Level,
    group: Option<Name>,
    #[serde(default)]
    links: Vec<RawLink>,
}

#[derive(Deserialize)]
struct RawEvent {
    name: Name,
    #[serde(default)]
    attributes: AnyAttributes,
}

#[derive(Deserialize)]
struct RawLink {
    trace_id: TraceId,
    span_id: SpanId,
    #[serde(default)]
    remote: bool,
    #[serde(default)]
    trace_flags: TraceFlags,
    #[serde(default)]
    attributes: AnyAttributes,
}

impl RawLine {
    fn into_line(self) -> Result<Line, &'static str> {
        let kind = self.kind;
        let own_event = match kind {
            LineKind::Event | LineKind::Error => Some(self.event.ok_or("no `event`")?),
            LineKind::TelemetryDataError => Some(self.error.ok_or("no `error`")?),
            _ => None,
        };
        let (start_attributes, start_time) = event_parts(self.start_event);
        let (stop_attributes, stop_time) = event_parts(self.stop_event);
        let (id, name, mut attributes, event_time) = match own_event {
            Some(event) => {
                let name = event.name.clone();
                let (attributes, time) = event_parts(Some(event));
                (self.span_id, name, attributes, time)
            }
            None => {
                let (id, name) = (self.id.ok_or("no `id`")?, self.name.ok_or("no `name`")?);
                (Some(id), name, self.attributes.0, None)
            }
        };
        let time = match kind {
            LineKind::Start | LineKind::Complete => start_time,
            LineKind::Stop => stop_time,
            _ => event_time,
        };
        let time = self.time_unix_nano.or(time).ok_or("no time")?;
        let mut line_duration = None;
        if matches!(kind, LineKind::Stop | LineKind::Complete) {
            let reported = take_millis(&mut attributes, attribute::DURATION_MSEC);
            line_duration = self.duration_nano.or(reported);
        }
        Ok(Line {
            file: 0,
            number: 0,
            kind,
            id,
            name,
            attributes,
            start_attributes,
            stop_attributes,
            time_unix_nanos: time,
            stop_time_unix_nanos: match kind {
                LineKind::Stop => Some(time),
                LineKind::Complete => stop_of_complete(time, line_duration, stop_time),
                _ => None,
            },
            duration: line_duration.map(Duration::from_nanos),
            trace_id: self.trace_id,
            parent: self.parent_id,
            count: self.count,
            pid: self.pid,
            is_own: self.own,
            outcome: self.outcome,
            span_kind: self.span_kind,
            level: self.level,
            group: self.group,
            links: self.links.into_iter().map(RawLink::into_link).collect(),
        })
    }
}

impl RawLink {
    fn into_link(self) -> Link {
        Link {
            context: SpanContext {
                trace_id: self.trace_id,
                span_id: self.span_id,
                is_remote: self.remote,
                trace_flags: self.trace_flags,
            },
            attributes: self.attributes.0,
        }
    }
}

/// The attributes of an event without its time, and its time in nanoseconds.
fn event_parts(event: Option<RawEvent>) -> (Attributes, Option<u64>) {
    let mut attributes = event.map_or_else(Attributes::new, |event| event.attributes.0);
    let time = take_millis(&mut attributes, attribute::TIMESTAMP_MSEC);
    (attributes, time)
}

/// Takes an attribute that holds milliseconds out, as nanoseconds.
fn take_millis(attributes: &mut Attributes, name: &str) -> Option<u64> {
    let millis = attributes.get_i64(name).ok().flatten()?;
    let millis = u64::try_from(millis).ok()?;
    attributes.remove(name);
    Some(millis.saturating_mul(1_000_000))
}

/// When the span of a `complete` line stopped. The stop event has whole milliseconds; start and
/// duration give the rest, unless one of the times is an explicit one that does not fit them.
fn stop_of_complete(start: u64, duration: Option<u64>, stop: Option<u64>) -> Option<u64> {
    let reckoned = duration.map(|duration| start.saturating_add(duration));
    let fits = |&reckoned: &u64| stop.is_none_or(|stop| reckoned.abs_diff(stop) < 1_000_000);
    reckoned.filter(fits).or(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Line {
        parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_complete_line_holds_both_times_and_no_attribute_of_the_files_own() {
        let line = read(
            r#"{"type":"complete","id":"00000000-0000-8000-8000-000000000003","name":"parse",
            "attributes":{"z":1,"a":2,"duration_msec":250},
            "start_event":{"name":"span_start","attributes":{"timestamp_msec":1000}},
            "stop_event":{"name":"span_stop","attributes":{"rows":128,"timestamp_msec":1250}},
            "count":3,"pid":4242,"trace_id":"0000000000000000000000000000000a",
            "parent_id":"00000000-0000-8000-8000-000000000002","time_unix_nano":1000400000,
            "duration_nano":250100200,"outcome":"error","span_kind":"client","level":"debug",
            "group":"io","links":[{"trace_id":"0000000000000000000000000000000b",
            "span_id":"000000000000000c","attributes":{"why":"retry"}}],"unknown":[{}]}"#,
        );
        assert_eq!(line.attributes, Attributes::from([("z", 1), ("a", 2)]));
        assert_eq!(line.stop_attributes, Attributes::from([("rows", 128)]));
        assert!(line.start_attributes.is_empty());
        assert_eq!(line.time_unix_nanos, 1_000_400_000);
        assert_eq!(line.stop_time_unix_nanos, Some(1_250_500_200));
        assert_eq!(line.duration, Some(Duration::from_nanos(250_100_200)));
        let parent = "00000000-0000-8000-8000-000000000002".parse().unwrap();
        assert_eq!(line.parent, Some(ParentId::Local(parent)));
        assert_eq!((line.count, line.pid), (Some(3), Some(4242)));
        assert_eq!((line.outcome, line.span_kind), (Outcome::Error, SpanKind::Client));
        assert_eq!((line.level, line.group), (Level::Debug, Some("io".into())));
        assert_eq!(line.links[0].context.span_id, SpanId::from_u64(12));
    }

    #[test]
    fn a_line_of_the_python_library_needs_no_more_than_it_has() {
        let line = read(
            r#"{"type":"event","span_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","event":{"name":"e",
            "attributes":{"min":Infinity,"text":"\ud83e","timestamp_msec":1500}},"count":2,"pid":1}"#,
        );
        assert_eq!(line.time_unix_nanos, 1_500_000_000);
        let expected = Attributes::from([("min", "Infinity"), ("text", "\u{fffd}")]);
        assert_eq!((line.attributes, line.trace_id, line.parent), (expected, None, None));
    }

    #[test]
    fn a_remote_parent_is_a_span_id() {
        let line = read(
            r#"{"type":"start","id":"00000000-0000-8000-8000-000000000003","name":"a",
            "parent_id":"00f067aa0ba902b7","time_unix_nano":1}"#,
        );
        let remote = SpanId::from_u64(0x00f0_67aa_0ba9_02b7);
        assert_eq!(line.parent, Some(ParentId::Remote(remote)));
    }

    #[test]
    fn an_explicit_stop_time_that_does_not_fit_the_duration_is_believed() {
        assert_eq!(stop_of_complete(10, Some(5), None), Some(15));
        assert_eq!(stop_of_complete(0, Some(5_400_000), Some(5_000_000)), Some(5_400_000));
        assert_eq!(stop_of_complete(0, Some(5_400_000), Some(9_000_000)), Some(9_000_000));
        assert_eq!(stop_of_complete(0, None, Some(9_000_000)), Some(9_000_000));
    }

    #[test]
    fn damage_has_a_reason() {
        let check = |text: &[u8], expected: &str| {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        };
        check(b"{\"type\":\"event\",\"ev", "breaks off");
        check(b"{\"type\":\"ev\xff\"}", "is no text from byte 11 on");
        check(b"\0\0\0", "is no record: no object");
        check(b"[1]", "is no record: no object");
        check(b"{\"type\":\"start\"}", "is no record: no `id`");
        check(b"{\"type\":\"event\"}", "is no record: no `event`");
        check(b"{\"type\":\"event\",\"event\":{\"name\":\"e\"}}", "is no record: no time");
        check(b"{} {}", "is no record: missing field `type` at column 2");
        check(b"{,}", "is no JSON: key must be a string at column 2");
        let unknown = parse(b"{\"type\":\"begin\"}").unwrap_err().to_string();
        assert!(unknown.contains("unknown variant `begin`"), "{unknown}");
        let deep = format!("{{\"attributes\":{{\"x\":{}", "[".repeat(1_000_000));
        let reason = parse(deep.as_bytes()).unwrap_err().to_string();
        assert!(reason.contains("recursion limit"), "{reason}");
        let deep = format!("{{\"unknown\":{}", "[".repeat(1_000_000));
        check(deep.as_bytes(), "breaks off");
        let long = format!("{{\"type\":\"{}\"}}", "é".repeat(1_000_000));
        assert!(parse(long.as_bytes()).unwrap_err().to_string().len() < 1_000);
    }
}
