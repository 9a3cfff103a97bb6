use serde::{Deserialize, Serialize};

use super::{
    Attributes, InstrumentationScope, Level, Link, Name, Outcome, Parent, SpanId, SpanKind, TraceId,
};

/// One record, owned: what the memory exporter keeps and what a batch can be made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// A span started.
    Start(SpanRecord),
    /// A span stopped. Holds all that is known of the span.
    Stop(SpanRecord),
    /// Attributes were added to an open span; they stand in its `Stop` as well.
    Attributes(SpanRecord),
    /// Something happened.
    Event(EventRecord),
    /// The application reported an error.
    Error(EventRecord),
    /// The telemetry is faulty or incomplete.
    TelemetryDataError(EventRecord),
}

/// What a record says of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanRecord {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The span it hangs under; `None` for the root of a trace.
    pub parent: Option<Parent>,
    /// Its name.
    pub name: Name,
    /// Its kind.
    #[serde(default)]
    pub kind: SpanKind,
    /// Its level.
    #[serde(default)]
    pub level: Level,
    /// The group it can be switched with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Name>,
    /// The code that has made it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<InstrumentationScope>,
    /// Its attributes: of a `Start` those given then, of the others all that it has by then.
    #[serde(default)]
    pub attributes: Attributes,
    /// The attributes of the start event or the stop event; of an `Attributes` those that were
    /// added or replaced.
    #[serde(default)]
    pub event_attributes: Attributes,
    /// Links to other spans.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Wall-clock time of the record, nanoseconds since 1970.
    pub time_unix_nanos: u64,
    /// Of a `Stop`: when the span started.
    pub start_time_unix_nanos: u64,
    /// Of a `Stop`: nanoseconds from start to stop, on the monotonic clock.
    #[serde(default)]
    pub duration_nanos: u64,
    /// Of a `Stop`: how the span ended.
    #[serde(default)]
    pub outcome: Outcome,
}

impl Default for Name {
    fn default() -> Name {
        Name::from_static("")
    }
}

/// What a record says of an event, an error or a telemetry data error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The trace; invalid for an event without a span.
    pub trace_id: TraceId,
    /// The span it belongs to; invalid for an event without a span.
    pub span_id: SpanId,
    /// What happened.
    pub name: Name,
    /// Its level.
    #[serde(default)]
    pub level: Level,
    /// The code that has made it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<InstrumentationScope>,
    /// What there is to say of it.
    #[serde(default)]
    pub attributes: Attributes,
    /// Wall-clock time, nanoseconds since 1970.
    pub time_unix_nanos: u64,
}
