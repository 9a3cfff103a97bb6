use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::data::codec::{
    Dynamic, dynamic_words, put_attributes, put_dynamic, put_links, read_attributes, read_dynamic,
    read_links, section_words,
};
use crate::data::{
    Attributes, AttributesRef, Callsite, EventRecord, InstrumentationScope, Level, Link, LinksRef,
    Name, Outcome, Parent, Record, ScopeRef, SpanId, SpanKind, SpanRecord, TraceId,
};

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// A span started.
    Start,
    /// A span stopped; the record holds all that is known of it.
    Stop,
    /// Attributes were added to an open span; they stand in its stop as well.
    Attributes,
    /// Something happened.
    Event,
    /// The application reported an error.
    Error,
    /// The telemetry is faulty or incomplete.
    TelemetryDataError,
}

impl RecordKind {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Where in the words of a batch something begins, which itself says where it ends: 0 where there is
/// nothing, else the place and one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WordPlace(u32);

impl WordPlace {
    pub(crate) const NOTHING: WordPlace = WordPlace(0);

    #[inline]
    pub(crate) fn at(place: usize) -> WordPlace {
        WordPlace(place as u32 + 1)
    }
}

/// A record of a batch; names, attributes and links stand in the batch's words.
///
/// As small as can be: what a record costs is for a good part what is written of it and read again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// In two halves, so that no room is left unused.
    pub(crate) trace: [u64; 2],
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) time_unix_nanos: u64,
    pub(crate) start_time_unix_nanos: u64,
    pub(crate) duration_nanos: u64,
    /// What stands for the name and the keys, if the words have none.
    pub(crate) callsite: Option<&'static Callsite>,
    pub(crate) name: WordPlace,
    pub(crate) links: WordPlace,
    pub(crate) attributes: WordPlace,
    pub(crate) event_attributes: WordPlace,
    pub(crate) kind: RecordKind,
    pub(crate) outcome: Outcome,
    pub(crate) has_remote_parent: bool,
    /// Whether the record is one of the library's own, which the ledger does not count.
    pub(crate) is_own: bool,
}

impl Entry {
    #[inline(always)]
    pub(crate) fn new(kind: RecordKind) -> Entry {
        Entry {
            trace: [0, 0],
            span_id: SpanId::INVALID,
            parent: SpanId::INVALID,
            time_unix_nanos: 0,
            start_time_unix_nanos: 0,
            duration_nanos: 0,
            callsite: None,
            name: WordPlace::NOTHING,
            links: WordPlace::NOTHING,
            attributes: WordPlace::NOTHING,
            event_attributes: WordPlace::NOTHING,
            kind,
            outcome: Outcome::Ok,
            has_remote_parent: false,
            is_own: false,
        }
    }

    #[inline(always)]
    pub(crate) fn in_trace(self, trace: TraceId) -> Entry {
        let trace = trace.to_u128();
        Entry { trace: [(trace >> 64) as u64, trace as u64], ..self }
    }

    #[inline]
    fn trace_id(&self) -> TraceId {
        let [high, low] = self.trace;
        TraceId::from_u128((high as u128) << 64 | low as u128)
    }
}

/// The counts that are the same for every exporter, as they stood when a batch was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) recorded: u64,
    pub(crate) withheld: u64,
    pub(crate) lane_full: u64,
    pub(crate) too_large: u64,
    pub(crate) malformed: u64,
}

/// Records in the order in which they were recorded, in one piece of memory that all exporters
/// share.
///
/// A recorder's pipeline makes batches; for an exporter that is used alone a batch is made from
/// [`Record`]s:
///
/// ```
/// use onelogger::exporter::Batch;
/// use onelogger::{EventRecord, Record};
/// let event = EventRecord { name: "progress".into(), ..EventRecord::default() };
/// let batch: Batch = [Record::Event(event)].into_iter().collect();
/// assert_eq!(batch.records().iter().next().unwrap().name(), "progress");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    entries: Vec<Entry>,
    words: Vec<u64>,
    /// Of records that give a time of their own: their places, and when they were made.
    made: Vec<(usize, u64)>,
    /// A bit for each kind of record that it has.
    kinds: u8,
    pub(crate) totals: Totals,
}

impl Batch {
    /// A batch with room for so many bytes of entries, and half as many of words.
    pub(crate) fn with_room(bytes: usize) -> Batch {
        let entries = Vec::with_capacity(bytes / size_of::<Entry>() + 2);
        let words = Vec::with_capacity(bytes / 2 / size_of::<u64>());
        Batch { entries, words, ..Batch::default() }
    }

    /// The records.
    pub fn records(&self) -> Records<'_> {
        self.range(0..self.entries.len())
    }

    pub(crate) fn range(&self, range: Range<usize>) -> Records<'_> {
        Records { batch: self, entries: &self.entries[range] }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether it has a record of this kind.
    pub(crate) fn has(&self, kind: RecordKind) -> bool {
        self.kinds & kind.bit() != 0
    }

    /// The same memory without records.
    pub(crate) fn into_empty(mut self) -> Batch {
        self.entries.clear();
        self.words.clear();
        self.made.clear();
        Batch { kinds: 0, totals: Totals::default(), ..self }
    }

    /// How much memory the records take.
    pub(crate) fn size_bytes(&self) -> usize {
        size_of_val(self.entries.as_slice()) + size_of_val(self.words.as_slice())
    }

    /// Whether a batch [with room](Batch::with_room) for so many bytes should get no more, because it has
    /// as many, or half as many of words.
    #[inline(always)]
    pub(crate) fn is_full(&self, bytes: usize) -> bool {
        self.size_bytes() >= bytes || size_of_val(self.words.as_slice()) >= bytes / 2
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, entry: Entry) {
        self.kinds |= entry.kind.bit();
        self.entries.push(entry);
    }

    /// The same for a record that gives another time than that at which it was made.
    pub(crate) fn push_made_at(&mut self, entry: Entry, made_unix_nanos: u64) {
        if entry.time_unix_nanos != made_unix_nanos {
            self.made.push((self.entries.len(), made_unix_nanos));
        }
        self.push(entry);
    }

    /// When a record was made, whatever time it gives for what it tells of.
    pub(crate) fn made_unix_nanos(&self, place: usize) -> u64 {
        match self.made.binary_search_by_key(&place, |(place, _)| *place) {
            Ok(found) => self.made[found].1,
            Err(_) => self.entries.get(place).map_or(0, |entry| entry.time_unix_nanos),
        }
    }

    /// Where the next words go.
    pub(crate) fn words_end(&self) -> usize {
        self.words.len()
    }

    /// Copies words that are already encoded.
    #[inline]
    pub(crate) fn copy(&mut self, words: &[u64]) -> WordPlace {
        if words.is_empty() {
            return WordPlace::NOTHING;
        }
        self.append(|all| all.extend_from_slice(words))
    }

    pub(crate) fn put_name(&mut self, name: Dynamic<'_>) -> WordPlace {
        self.append(|words| put_dynamic(words, name))
    }

    pub(crate) fn put_attributes(&mut self, attributes: &Attributes) -> WordPlace {
        if attributes.is_empty() {
            return WordPlace::NOTHING;
        }
        self.append(|words| put_attributes(words, attributes))
    }

    fn put_links(&mut self, links: &[Link]) -> WordPlace {
        if links.is_empty() {
            return WordPlace::NOTHING;
        }
        self.append(|words| put_links(words, links))
    }

    #[inline]
    fn append(&mut self, put: impl FnOnce(&mut Vec<u64>)) -> WordPlace {
        let place = WordPlace::at(self.words.len());
        put(&mut self.words);
        place
    }

    /// The words from a place on; none where there is nothing.
    #[inline]
    fn words_from(&self, place: WordPlace) -> &[u64] {
        match place.0.checked_sub(1) {
            Some(place) => &self.words[place as usize..],
            None => &[],
        }
    }

    /// A batch of the records that are wanted.
    pub(crate) fn select(&self, mut wanted: impl FnMut(&Entry) -> bool) -> Batch {
        let mut selected = Batch { totals: self.totals, ..Batch::default() };
        for (place, entry) in self.entries.iter().enumerate() {
            if wanted(entry) {
                let mut copy = *entry;
                copy.name = selected.copy(dynamic_words(self.words_from(entry.name)));
                for section in [&mut copy.links, &mut copy.attributes, &mut copy.event_attributes] {
                    *section = selected.copy(section_words(self.words_from(*section)));
                }
                selected.push_made_at(copy, self.made_unix_nanos(place));
            }
        }
        selected
    }

    fn push_span(&mut self, kind: RecordKind, span: &SpanRecord) {
        let name = Dynamic {
            name: span.name.as_str(),
            kind: span.kind,
            level: span.level,
            group: span.group.as_ref().map(Name::as_str),
            scope: span.scope.as_ref().map(InstrumentationScope::as_scope),
        };
        let entry = Entry {
            outcome: span.outcome,
            has_remote_parent: span.parent.is_some_and(|parent| parent.is_remote),
            span_id: span.span_id,
            parent: span.parent.map_or(SpanId::INVALID, |parent| parent.span_id),
            time_unix_nanos: span.time_unix_nanos,
            start_time_unix_nanos: span.start_time_unix_nanos,
            duration_nanos: span.duration_nanos,
            name: self.put_name(name),
            links: self.put_links(&span.links),
            attributes: self.put_attributes(&span.attributes),
            event_attributes: self.put_attributes(&span.event_attributes),
            ..Entry::new(kind).in_trace(span.trace_id)
        };
        self.push(entry);
    }

    fn push_event(&mut self, kind: RecordKind, event: &EventRecord) {
        let scope = event.scope.as_ref().map(InstrumentationScope::as_scope);
        let name = Dynamic { level: event.level, scope, ..Dynamic::named(&event.name) };
        let entry = Entry {
            span_id: event.span_id,
            time_unix_nanos: event.time_unix_nanos,
            name: self.put_name(name),
            attributes: self.put_attributes(&event.attributes),
            ..Entry::new(kind).in_trace(event.trace_id)
        };
        self.push(entry);
    }
}

impl FromIterator<Record> for Batch {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Batch {
        let mut batch = Batch::default();
        for record in records {
            match &record {
                Record::Start(span) => batch.push_span(RecordKind::Start, span),
                Record::Stop(span) => batch.push_span(RecordKind::Stop, span),
                Record::Attributes(span) => batch.push_span(RecordKind::Attributes, span),
                Record::Event(event) => batch.push_event(RecordKind::Event, event),
                Record::Error(event) => batch.push_event(RecordKind::Error, event),
                Record::TelemetryDataError(event) => {
                    batch.push_event(RecordKind::TelemetryDataError, event);
                }
            }
        }
        batch
    }
}

/// Records that an exporter is given, in the order in which they were recorded.
#[derive(Clone, Copy)]
pub struct Records<'a> {
    batch: &'a Batch,
    entries: &'a [Entry],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SpanContext;

    #[test]
    fn records_come_out_of_a_batch_as_they_went_in() {
        let span = SpanRecord {
            trace_id: TraceId::from_u128(7),
            span_id: SpanId::from_u64(8),
            parent: Some(Parent { span_id: SpanId::from_u64(9), is_remote: true }),
            name: "load".into(),
            kind: SpanKind::Client,
            level: Level::Debug,
            group: Some("io".into()),
            scope: Some(InstrumentationScope::new("loader").with_version("1.2.0")),
            attributes: Attributes::from([("path", "/data")]),
            event_attributes: Attributes::from([("cause", 3)]),
            links: vec![Link {
                context: SpanContext::remote(TraceId::from_u128(1 << 100), SpanId::from_u64(2)),
                attributes: Attributes::from([("why", "retry")]),
            }],
            time_unix_nanos: 10,
            start_time_unix_nanos: 5,
            duration_nanos: 5,
            outcome: Outcome::Cancelled,
        };
        let event = EventRecord { name: "e".into(), level: Level::Warn, ..Default::default() };
        let bare = EventRecord { scope: Some(InstrumentationScope::new("x")), ..event.clone() };
        let records = [
            Record::Start(span.clone()),
            Record::Attributes(span.clone()),
            Record::Stop(span),
            Record::Event(event.clone()),
            Record::Error(event.clone()),
            Record::Event(bare),
            Record::TelemetryDataError(event),
        ];
        let batch: Batch = records.iter().cloned().collect();
        let back: Vec<_> = batch.records().iter().map(|record| record.to_owned()).collect();
        assert_eq!(back, records);

        let stops = batch.select(|entry| entry.kind == RecordKind::Stop);
        let back: Vec<_> = stops.records().iter().map(|record| record.to_owned()).collect();
        assert_eq!(back, records[2..3]);
    }
}
