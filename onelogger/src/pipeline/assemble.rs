//! Turns records of lanes into records for exporters: ids and times are resolved, and a stop gets
//! all that is known of its span.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::drain::{Source, Stretch};
use super::identity::IdSource;
use super::open_span::{Kept, OpenSpan, When};
use super::timeline::Moment;
use crate::data::codec::{
    LaneKind, LaneRecord, PlainRecord, read_attributes, read_plain, read_record,
};
use crate::data::{Callsite, CallsiteTable, Outcome, SpanId, TraceId};
use crate::exporter::{Batch, Entry, RecordKind, WordPlace};

/// Keeps the table of open spans.
#[derive(Default)]
pub(super) struct Assembler {
    open: HashMap<u64, Box<OpenSpan>, BuildHasherDefault<RawIdHasher>>,
    /// The span that started last, with its raw id. It joins the others when another starts: most
    /// spans have no span below them, and stop before.
    latest: Option<(u64, Box<OpenSpan>)>,
    /// Spans that are no more, whose memory is used again.
    #[expect(clippy::vec_box, reason = "the boxes move between here and the table")]
    unused: Vec<Box<OpenSpan>>,
    callsites: CallsiteTable,
    /// The id of the parent that was met last: siblings follow each other.
    last_parent: (u64, SpanId),
    /// Batches begun.
    batches: u64,
    starts: u64,
    /// Records that the application made and that were found in a lane.
    pub(super) recorded: u64,
    /// Of these, those that made no sense.
    pub(super) malformed: u64,
}

impl Assembler {
    /// Adds a record of a stretch to the batch, and perhaps the one after it. Returns the lane whose
    /// reservation became free.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        batch: &mut Batch,
        words: &[u64],
        stretch: &mut Stretch<'_>,
        ids: &IdSource,
        made_at: impl Fn(u64) -> Moment,
    ) -> Option<u32> {
        // A batch that is empty is a new one.
        self.batches += batch.entries().is_empty() as u64;
        let source = stretch.source;
        match read_plain(words) {
            PlainRecord::Stop { order, span, outcome } => {
                self.recorded += 1;
                self.stop(batch, source, span, outcome, When::made(made_at(order)), &[])
            }
            PlainRecord::Start { order, span, parent, callsite, attributes } => {
                self.recorded += 1;
                let Some(callsite) = self.callsites.get(callsite) else {
                    self.malformed += 1;
                    return None;
                };
                let leaf = Leaf {
                    trace: *stretch.trace,
                    ids: [ids.span_id(span), self.parent_id(ids, parent)],
                    callsite,
                    attributes,
                    started: made_at(order),
                };
                if let Some((order, outcome)) = stretch.next_if_stop_of(span) {
                    self.recorded += 1;
                    self.starts += 1;
                    leaf.put(batch, made_at(order), outcome);
                    return None;
                }
                self.start_plain(batch, source, span, &leaf);
                None
            }
            PlainRecord::No => self.add_other(batch, (source, *stretch.trace, words), ids, made_at),
        }
    }

    /// A start whose stop does not follow at once.
    fn start_plain(&mut self, batch: &mut Batch, source: Source, raw: u64, start: &Leaf<'_>) {
        let kept = Kept { words: start.attributes, ..Kept::default() };
        let when = When::made(start.started);
        let mut open = self.begin(source, true, Some(start.callsite), when, kept);
        open.set_ids(start.trace, start.ids);
        open.put_start(batch, self.batches, when, &[]);
        self.keep(raw, open);
    }

    /// The same for a record that holds more than most do.
    #[inline(never)]
    fn add_other(
        &mut self,
        batch: &mut Batch,
        (source, trace, words): (Source, TraceId, &[u64]),
        ids: &IdSource,
        made_at: impl Fn(u64) -> Moment,
    ) -> Option<u32> {
        let read = read_record(words).and_then(|(kind, record)| {
            let callsite = match record.callsite {
                0 => None,
                number => Some(self.callsites.get(number)?),
            };
            Some((kind, record, callsite))
        });
        let Some((kind, record, callsite)) = read else {
            self.recorded += 1;
            self.malformed += 1;
            return None;
        };
        self.recorded += !record.is_own as u64;
        let made = made_at(record.order);
        let moment = record.time.map_or(made, |given| made.place(given));
        let when = When { made_unix: made.unix, moment, explicit: record.time };
        let kind = match kind {
            LaneKind::Start => {
                self.start(batch, source, trace, &record, callsite, ids, when);
                return None;
            }
            LaneKind::Stop => {
                let (span, outcome) = (record.span, record.outcome);
                return self.stop(batch, source, span, outcome, when, record.event_attributes);
            }
            LaneKind::Update => {
                self.update(batch, &record, when);
                return None;
            }
            // The drain takes these in.
            LaneKind::Context => return None,
            LaneKind::Event => RecordKind::Event,
            LaneKind::Error => RecordKind::Error,
            LaneKind::TelemetryDataError => RecordKind::TelemetryDataError,
        };
        let entry = event(batch, kind, trace, &record, callsite, ids, when);
        batch.push_made_at(entry, when.made_unix);
        None
    }

    #[inline(always)]
    fn parent_id(&mut self, ids: &IdSource, raw: u64) -> SpanId {
        if self.last_parent.0 != raw {
            self.last_parent = (raw, ids.span_id(raw));
        }
        self.last_parent.1
    }

    #[allow(clippy::too_many_arguments, reason = "what a start is made of")]
    fn start(
        &mut self,
        batch: &mut Batch,
        source: Source,
        trace: TraceId,
        record: &LaneRecord<'_>,
        callsite: Option<&'static Callsite>,
        ids: &IdSource,
        when: When,
    ) {
        let kept = Kept {
            words: record.kept,
            links_length: record.links_length,
            name_length: record.name_length,
        };
        let parent = match record.remote_parent {
            true => SpanId::from_u64(record.parent),
            false => ids.span_id(record.parent),
        };
        let mut span = self.begin(source, record.is_reserved, callsite, when, kept);
        span.set_ids(trace, [ids.span_id(record.span), parent]);
        span.has_remote_parent = record.remote_parent;
        span.put_start(batch, self.batches, when, record.event_attributes);
        self.keep(record.span, span);
    }

    /// A span that has just started, without its ids.
    #[inline(always)]
    fn begin(
        &mut self,
        source: Source,
        is_reserved: bool,
        callsite: Option<&'static Callsite>,
        when: When,
        kept: Kept<'_>,
    ) -> Box<OpenSpan> {
        let mut span = self.unused.pop().unwrap_or_default();
        let lane = match source {
            Source::Lane(lane) => is_reserved.then_some(lane),
            Source::Overflow => None,
        };
        span.begin(lane, self.starts, callsite, when, kept);
        self.starts += 1;
        span
    }

    #[inline(always)]
    fn keep(&mut self, raw: u64, span: Box<OpenSpan>) {
        if let Some((raw, before)) = self.latest.replace((raw, span)) {
            self.open.insert(raw, before);
        }
    }

    #[inline(always)]
    fn stop(
        &mut self,
        batch: &mut Batch,
        source: Source,
        raw: u64,
        outcome: Outcome,
        when: When,
        event_attributes: &[u64],
    ) -> Option<u32> {
        let latest = self.latest.take_if(|(latest, _)| *latest == raw);
        let found = latest.map(|(_, span)| span).or_else(|| self.open.remove(&raw));
        let Some(mut span) = found else {
            self.malformed += 1;
            return None;
        };
        span.put_stop(batch, self.batches, when, outcome, event_attributes);
        let waiting = span.lane.filter(|&lane| source != Source::Lane(lane));
        self.recycle(span);
        waiting
    }

    fn update(&mut self, batch: &mut Batch, record: &LaneRecord<'_>, when: When) {
        let latest = self.latest.as_mut().filter(|(raw, _)| *raw == record.span);
        let found = latest.map(|(_, span)| span).or_else(|| self.open.get_mut(&record.span));
        let Some(span) = found else {
            self.malformed += 1;
            return;
        };
        span.merge(read_attributes(record.attributes(), &[]).to_owned());
        span.put_update(batch, self.batches, when, record.attributes());
    }

    /// Stops every span that is still open, the one that started last first.
    pub(super) fn stop_all(&mut self, batch: &mut Batch, moment: Moment) {
        self.batches += batch.entries().is_empty() as u64;
        let mut open: Vec<_> =
            self.open.drain().chain(self.latest.take()).map(|(_, span)| span).collect();
        open.sort_unstable_by_key(|span| std::cmp::Reverse(span.place));
        for mut span in open {
            self.recorded += 1;
            span.truncate();
            // The clock reads now, wherever an explicit start lies: the difference is measured.
            span.put_stop(batch, self.batches, When::made(moment), Outcome::Ok, &[]);
        }
    }

    /// How many spans have started so far, and how many of them have stopped.
    pub(super) fn spans(&self) -> (u64, u64) {
        let open = self.open.len() + self.latest.is_some() as usize;
        (self.starts, self.starts - open as u64)
    }

    #[inline(always)]
    fn recycle(&mut self, span: Box<OpenSpan>) {
        /// More than so many are not kept.
        const KEPT: usize = 1024;
        if self.unused.len() < KEPT && !span.is_large() {
            self.unused.push(span);
        }
    }
}

/// A plain start. If its stop follows at once, nothing is kept of the span: both records are added as they
/// are.
struct Leaf<'a> {
    trace: TraceId,
    /// Its own, and that of the parent.
    ids: [SpanId; 2],
    callsite: &'static Callsite,
    attributes: &'a [u64],
    started: Moment,
}

impl Leaf<'_> {
    #[inline(always)]
    fn put(&self, batch: &mut Batch, stopped: Moment, outcome: Outcome) {
        let attributes = match self.attributes {
            [] => WordPlace::NOTHING,
            words => batch.copy(words),
        };
        let [span_id, parent] = self.ids;
        let entry = |kind| Entry {
            span_id,
            parent,
            start_time_unix_nanos: self.started.unix,
            callsite: Some(self.callsite),
            attributes,
            ..Entry::new(kind).in_trace(self.trace)
        };
        batch.push(Entry { time_unix_nanos: self.started.unix, ..entry(RecordKind::Start) });
        let elapsed = stopped.monotonic.wrapping_sub(self.started.monotonic) as i64;
        batch.push(Entry {
            outcome,
            time_unix_nanos: stopped.unix,
            duration_nanos: elapsed.max(0) as u64,
            ..entry(RecordKind::Stop)
        });
    }
}

/// Raw ids are counted, so their lower bits tell them apart, and a factor spreads them over the others.
#[derive(Default)]
struct RawIdHasher(u64);

impl Hasher for RawIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        // A raw id is one `u64`; nothing else is hashed.
        bytes.iter().for_each(|&byte| self.write_u64(self.0 << 8 | u64::from(byte)));
    }

    fn write_u64(&mut self, raw: u64) {
        self.0 = raw.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A record of an event, an error or a telemetry data error.
fn event(
    batch: &mut Batch,
    kind: RecordKind,
    trace: TraceId,
    record: &LaneRecord<'_>,
    callsite: Option<&'static Callsite>,
    ids: &IdSource,
    when: When,
) -> Entry {
    let trace = if record.span != 0 { trace } else { TraceId::INVALID };
    Entry {
        is_own: record.is_own,
        span_id: match record.remote_parent {
            true => SpanId::from_u64(record.span),
            false => ids.span_id(record.span),
        },
        time_unix_nanos: when.moment.unix,
        callsite,
        name: batch.copy(record.name()),
        attributes: batch.copy(record.attributes()),
        ..Entry::new(kind).in_trace(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::codec::{
        Dynamic, Given, Origin, StartFields, put_start, put_stop, put_update, record_length,
    };
    use crate::data::{Attributes, Name};

    fn start(span: u64, is_reserved: bool) -> Vec<u64> {
        let none = Attributes::new();
        let name = Name::from_static("x");
        let name = Dynamic::named(&name);
        let fields = StartFields {
            is_reserved,
            span,
            parent: 0,
            remote_parent: false,
            time: None,
            links: &[],
            attributes: Given::Set(&none),
            event_attributes: Given::Set(&none),
        };
        let mut words = Vec::new();
        put_start(&mut words, 1, Origin::Dynamic(name), &fields);
        words
    }

    #[test]
    fn a_reservation_is_given_back_where_the_stop_comes_another_way() {
        let (mut assembler, mut batch) = (Assembler::default(), Batch::default());
        let ids = IdSource::fixed();
        let mut stop = Vec::new();
        put_stop(&mut stop, 2, 7, None, Outcome::Ok, Given::Set(&Attributes::new()));
        for (is_reserved, stopped_by, freed) in [
            (true, Source::Lane(1), None),
            (true, Source::Lane(2), Some(1)),
            (true, Source::Overflow, Some(1)),
            (false, Source::Lane(2), None),
            (false, Source::Overflow, None),
        ] {
            let mut add = |source, words: &[u64]| {
                let mut trace = TraceId::INVALID;
                let mut stretch = Stretch::of(source, &mut trace, words);
                let words = stretch.next().unwrap();
                assembler.add(&mut batch, words, &mut stretch, &ids, |_| Moment::default())
            };
            assert_eq!(add(Source::Lane(1), &start(7, is_reserved)), None);
            assert_eq!(add(stopped_by, &stop), freed, "{is_reserved} {stopped_by:?}");
        }
        assert_eq!((assembler.recorded, assembler.malformed), (10, 0));
    }

    #[test]
    fn spans_stop_in_any_order() {
        let (mut assembler, mut batch) = (Assembler::default(), Batch::default());
        let ids = IdSource::fixed();
        let mut add = |words: &[u64]| {
            let mut trace = TraceId::INVALID;
            let mut stretch = Stretch::of(Source::Lane(1), &mut trace, words);
            let words = stretch.next().unwrap();
            assembler.add(&mut batch, words, &mut stretch, &ids, |_| Moment::default());
        };
        for span in 1..=3 {
            add(&start(span, true));
        }
        for span in [3, 1, 2] {
            let mut words = Vec::new();
            put_update(&mut words, 2, span, &Attributes::from([("span", span as i64)]));
            put_stop(&mut words, 3, span, None, Outcome::Ok, Given::Values(&[], &[]));
            let (update, stop) = words.split_at(record_length(words[0]));
            add(update);
            add(stop);
        }
        assert_eq!((assembler.recorded, assembler.malformed), (9, 0));
        let stops = batch.records().iter().filter(|record| record.kind() == RecordKind::Stop);
        for (stop, span) in stops.zip([3, 1, 2]) {
            assert_eq!(stop.span_id(), ids.span_id(span));
            assert_eq!(stop.attributes().to_owned(), [("span", span as i64)].into());
        }
    }
}
