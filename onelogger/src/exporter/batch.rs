use std::ops::Range;

use super::record_ref::Records;
use crate::data::codec::{
    Dynamic, dynamic_words, put_attributes, put_dynamic, put_links, section_words,
};
use crate::data::{
    Attributes, Callsite, EventRecord, InstrumentationScope, Link, Name, Outcome, Record, SpanId,
    SpanRecord, TraceId,
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

    fn described_as(self, described: Described) -> Entry {
        let Described { name, links, attributes, event_attributes } = described;
        Entry { name, links, attributes, event_attributes, ..self }
    }

    #[inline]
    pub(super) fn trace_id(&self) -> TraceId {
        let [high, low] = self.trace;
        TraceId::from_u128((high as u128) << 64 | low as u128)
    }
}

/// Where in the words of a batch what describes a record stands.
#[derive(Clone, Copy, Default)]
struct Described {
    name: WordPlace,
    links: WordPlace,
    attributes: WordPlace,
    event_attributes: WordPlace,
}

/// The counts that are the same for every exporter, as they stood when a batch was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) recorded: u64,
    pub(crate) withheld: u64,
    pub(crate) lane_full: u64,
    pub(crate) too_large: u64,
    pub(crate) malformed: u64,
    /// By the processors that all exporters share.
    pub(crate) processed: Processed,
}

/// What processors have made of the records that came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Processed {
    pub(crate) added: u64,
    /// Also what waits for a decision.
    pub(crate) withheld: u64,
    /// Lost because a processor has panicked.
    pub(crate) failed: u64,
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

    pub(crate) fn with_totals(self, totals: Totals) -> Batch {
        Batch { totals, ..self }
    }

    /// How much memory the records take.
    pub(crate) fn size_bytes(&self) -> usize {
        size_of_val(self.entries.as_slice()) + size_of_val(self.words.as_slice())
    }

    /// How much memory is kept for the records, used or not.
    pub(crate) fn kept_bytes(&self) -> usize {
        let Batch { entries, words, made, .. } = self;
        entries.capacity() * size_of::<Entry>()
            + words.capacity() * size_of::<u64>()
            + made.capacity() * size_of::<(usize, u64)>()
    }

    /// Whether it has memory for records.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.entries.capacity() > 0
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
    pub(super) fn words_from(&self, place: WordPlace) -> &[u64] {
        match place.0.checked_sub(1) {
            Some(place) => &self.words[place as usize..],
            None => &[],
        }
    }

    /// A batch of the records that are wanted; `None` if all of them are.
    pub(crate) fn select(&self, mut wanted: impl FnMut(&Entry) -> bool) -> Option<Batch> {
        let mut places = Vec::with_capacity(self.entries.len());
        places.extend((0..self.entries.len()).filter(|&place| wanted(&self.entries[place])));
        if places.len() == self.entries.len() {
            return None;
        }
        // No more memory than it needs: many of them may wait at a time.
        let mut selected = Batch {
            totals: self.totals,
            entries: Vec::with_capacity(places.len()),
            words: Vec::with_capacity(if places.is_empty() { 0 } else { self.words.len() }),
            ..Batch::default()
        };
        for place in places {
            selected.copy_record(self, place, self.entries[place]);
        }
        selected.words.shrink_to_fit();
        Some(selected)
    }

    /// Copies a record of another batch, with what `entry` has in place of that one's fields; where its
    /// name, links and attributes stand is still said as in the other batch.
    pub(crate) fn copy_record(&mut self, from: &Batch, place: usize, mut entry: Entry) {
        entry.name = self.copy(dynamic_words(from.words_from(entry.name)));
        for section in [&mut entry.links, &mut entry.attributes, &mut entry.event_attributes] {
            *section = self.copy(section_words(from.words_from(*section)));
        }
        self.push_made_at(entry, from.made_unix_nanos(place));
    }

    /// Copies all records of another batch.
    pub(crate) fn copy_records(&mut self, from: &Batch) {
        for (place, entry) in from.entries.iter().enumerate() {
            self.copy_record(from, place, *entry);
        }
    }

    /// Copies a record of another batch, with the name, links and attributes of this owned one.
    pub(crate) fn copy_changed(
        &mut self,
        from: &Batch,
        place: usize,
        entry: Entry,
        changed: &Record,
    ) {
        let described = match changed {
            Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => {
                self.describe_span(span)
            }
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                self.describe_event(event)
            }
        };
        let entry = Entry { callsite: None, ..entry }.described_as(described);
        self.push_made_at(entry, from.made_unix_nanos(place));
    }

    fn push_span(&mut self, kind: RecordKind, span: &SpanRecord) {
        let described = self.describe_span(span);
        let entry = Entry {
            outcome: span.outcome,
            has_remote_parent: span.parent.is_some_and(|parent| parent.is_remote),
            span_id: span.span_id,
            parent: span.parent.map_or(SpanId::INVALID, |parent| parent.span_id),
            time_unix_nanos: span.time_unix_nanos,
            start_time_unix_nanos: span.start_time_unix_nanos,
            duration_nanos: span.duration_nanos,
            ..Entry::new(kind).in_trace(span.trace_id)
        };
        self.push(entry.described_as(described));
    }

    pub(crate) fn push_event(&mut self, kind: RecordKind, event: &EventRecord) {
        let described = self.describe_event(event);
        let entry = Entry {
            span_id: event.span_id,
            time_unix_nanos: event.time_unix_nanos,
            ..Entry::new(kind).in_trace(event.trace_id)
        };
        self.push(entry.described_as(described));
    }

    fn describe_span(&mut self, span: &SpanRecord) -> Described {
        let name = Dynamic {
            name: span.name.as_str(),
            kind: span.kind,
            level: span.level,
            group: span.group.as_ref().map(Name::as_str),
            scope: span.scope.as_ref().map(InstrumentationScope::as_scope),
        };
        Described {
            name: self.put_name(name),
            links: self.put_links(&span.links),
            attributes: self.put_attributes(&span.attributes),
            event_attributes: self.put_attributes(&span.event_attributes),
        }
    }

    fn describe_event(&mut self, event: &EventRecord) -> Described {
        let scope = event.scope.as_ref().map(InstrumentationScope::as_scope);
        let name = Dynamic { level: event.level, scope, ..Dynamic::named(&event.name) };
        let (name, attributes) = (self.put_name(name), self.put_attributes(&event.attributes));
        Described { name, attributes, ..Described::default() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Level, Parent, SpanContext, SpanKind};

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

        let stops = batch.select(|entry| entry.kind == RecordKind::Stop).unwrap();
        let back: Vec<_> = stops.records().iter().map(|record| record.to_owned()).collect();
        assert_eq!(back, records[2..3]);
        assert!(batch.select(|_| true).is_none());
    }
}
