use std::fmt;
use std::time::Duration;

use super::batch::{Batch, Entry, RecordKind, WordPlace};
use crate::data::codec::{Dynamic, read_attributes, read_dynamic, read_links};
use crate::data::{
    AttributesRef, EventRecord, Level, LinksRef, Outcome, Parent, Record, ScopeRef, SpanId,
    SpanKind, SpanRecord, TraceId,
};

/// Records that an exporter is given, in the order in which they were recorded.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    pub(super) batch: &'a Batch,
    pub(super) entries: &'a [Entry],
}

impl<'a> Records<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The records.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'a>> + use<'a> {
        let batch = self.batch;
        self.entries.iter().map(move |entry| RecordRef { batch, entry })
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A record, read where it lies.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    batch: &'a Batch,
    entry: &'a Entry,
}

impl<'a> RecordRef<'a> {
    /// A record of a batch, of which something may stand otherwise in `entry`.
    pub(crate) fn new(batch: &'a Batch, entry: &'a Entry) -> RecordRef<'a> {
        RecordRef { batch, entry }
    }

    /// What the record is.
    #[inline]
    pub fn kind(&self) -> RecordKind {
        self.entry.kind
    }

    /// The name of the span or of the event.
    #[inline]
    pub fn name(&self) -> &'a str {
        match self.entry.callsite {
            Some(callsite) => callsite.name(),
            None => self.dynamic().name,
        }
    }

    /// The trace; invalid for an event without a span.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        self.entry.trace_id()
    }

    /// The span that the record concerns; invalid for an event without a span.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        self.entry.span_id
    }

    /// Of a span: what it hangs under, `None` for the root of a trace.
    #[inline]
    pub fn parent(&self) -> Option<Parent> {
        let (span_id, is_remote) = (self.entry.parent, self.entry.has_remote_parent);
        span_id.is_valid().then_some(Parent { span_id, is_remote })
    }

    /// Of a span: its kind.
    #[inline]
    pub fn span_kind(&self) -> SpanKind {
        match self.entry.callsite {
            Some(callsite) => callsite.catalogue.span_kind,
            None => self.dynamic().kind,
        }
    }

    /// How much detail the record is.
    pub fn level(&self) -> Level {
        self.dynamic().level
    }

    /// Of a span: the group it can be switched with.
    pub fn group(&self) -> Option<&'a str> {
        self.dynamic().group
    }

    /// The code that has made it, if that is known: of all records of a span the one that started it.
    #[inline]
    pub fn scope(&self) -> Option<ScopeRef<'a>> {
        match self.entry.callsite {
            Some(callsite) => Some(callsite.static_scope()),
            None => self.dynamic().scope,
        }
    }

    /// When it happened: nanoseconds since 1970.
    #[inline]
    pub fn time_unix_nanos(&self) -> u64 {
        self.entry.time_unix_nanos
    }

    /// Of a stop: when the span started, in nanoseconds since 1970.
    #[inline]
    pub fn start_time_unix_nanos(&self) -> u64 {
        self.entry.start_time_unix_nanos
    }

    /// Of a stop: how long the span took, on the monotonic clock.
    #[inline]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.entry.duration_nanos)
    }

    /// Of a stop: how the span ended.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        self.entry.outcome
    }

    /// The attributes: of a start those given then, of a stop or an addition of attributes all
    /// that the span has by then, of an event or an error its own.
    #[inline]
    pub fn attributes(&self) -> AttributesRef<'a> {
        let keys = self.entry.callsite.map_or(&[][..], |callsite| callsite.catalogue.keys);
        read_attributes(self.words(self.entry.attributes), keys)
    }

    /// The attributes of the start event or the stop event; of an addition of attributes those
    /// that were added or replaced.
    #[inline]
    pub fn event_attributes(&self) -> AttributesRef<'a> {
        let keys = self.entry.callsite.map_or(&[][..], |callsite| callsite.catalogue.start_keys);
        read_attributes(self.words(self.entry.event_attributes), keys)
    }

    /// Of a span: its links.
    #[inline]
    pub fn links(&self) -> LinksRef<'a> {
        read_links(self.words(self.entry.links))
    }

    /// A copy of its own.
    pub fn to_owned(&self) -> Record {
        match self.kind() {
            RecordKind::Start => Record::Start(self.to_span()),
            RecordKind::Stop => Record::Stop(self.to_span()),
            RecordKind::Attributes => Record::Attributes(self.to_span()),
            RecordKind::Event => Record::Event(self.to_event()),
            RecordKind::Error => Record::Error(self.to_event()),
            RecordKind::TelemetryDataError => Record::TelemetryDataError(self.to_event()),
        }
    }

    /// Whether the record is one of the library's own: the run's opening and closing, a report of
    /// losses, failures or misuse. [`Counts`](crate::Counts) leave these out.
    #[inline]
    pub fn is_own(&self) -> bool {
        self.entry.is_own
    }

    fn to_span(self) -> SpanRecord {
        SpanRecord {
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            parent: self.parent(),
            name: self.name().to_owned().into(),
            kind: self.span_kind(),
            level: self.level(),
            group: self.group().map(|group| group.to_owned().into()),
            scope: self.scope().map(ScopeRef::to_owned),
            attributes: self.attributes().to_owned(),
            event_attributes: self.event_attributes().to_owned(),
            links: self.links().to_owned(),
            time_unix_nanos: self.time_unix_nanos(),
            start_time_unix_nanos: self.start_time_unix_nanos(),
            duration_nanos: self.entry.duration_nanos,
            outcome: self.outcome(),
        }
    }

    fn to_event(self) -> EventRecord {
        EventRecord {
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            name: self.name().to_owned().into(),
            level: self.level(),
            scope: self.scope().map(ScopeRef::to_owned),
            attributes: self.attributes().to_owned(),
            time_unix_nanos: self.time_unix_nanos(),
        }
    }

    fn dynamic(&self) -> Dynamic<'a> {
        match self.entry.callsite {
            Some(callsite) => callsite.describe(),
            None => read_dynamic(self.words(self.entry.name)),
        }
    }

    #[inline]
    fn words(&self, place: WordPlace) -> &'a [u64] {
        self.batch.words_from(place)
    }
}

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_owned(), f)
    }
}
