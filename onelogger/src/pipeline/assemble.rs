//! Turns records of lanes into records for exporters: ids and times are resolved, and a stop gets
//! all that is known of its span.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::drain::Source;
use super::identity::IdSource;
use super::timeline::Moment;
use crate::data::codec::{LaneKind, LaneRecord, put_attributes, read_attributes, read_record};
use crate::data::names::attribute;
use crate::data::{Attributes, Callsite, CallsiteTable, Outcome, SpanId, Timestamp, TraceId};
use crate::exporter::{Batch, Entry, RecordKind, WordRange};

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
    /// Batches begun.
    batches: u64,
    starts: u64,
    /// Records that the application made and that were found in a lane.
    pub(super) recorded: u64,
    /// Of these, those that made no sense.
    pub(super) malformed: u64,
}

/// What a stop must know of its span.
#[derive(Default)]
struct OpenSpan {
    /// The lane that keeps room for the stop.
    lane: Option<u32>,
    /// How many spans had started before.
    place: u64,
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    has_remote_parent: bool,
    started: Moment,
    explicit_start: Option<Timestamp>,
    callsite: Option<&'static Callsite>,
    /// Links, name and attributes, one after the other.
    words: Vec<u64>,
    links_end: usize,
    name_end: usize,
    /// Where the same words stand in a batch, and the number of the batch.
    copied: Copied,
}

/// Where the words of a span stand in a batch.
#[derive(Clone, Copy, Default)]
struct Copied {
    batch: u64,
    links: WordRange,
    name: WordRange,
    attributes: WordRange,
}

/// What is known of a span when it is over.
#[derive(Clone, Copy, Default)]
struct Ended {
    outcome: Outcome,
    duration_nanos: u64,
    /// It would lie before its start.
    is_clamped: bool,
}

/// When a record was made, and the time that it gives.
#[derive(Clone, Copy)]
struct When {
    made_unix: u64,
    moment: Moment,
}

impl Assembler {
    /// Adds a lane's record to the batch. Returns the lane whose reservation became free.
    pub(super) fn add(
        &mut self,
        batch: &mut Batch,
        (source, trace, words): (Source, TraceId, &[u64]),
        ids: &IdSource,
        made_at: impl FnOnce(u64) -> Moment,
    ) -> Option<u32> {
        self.look_at(batch);
        let Some((kind, record)) = read_record(words) else {
            self.recorded += 1;
            self.malformed += 1;
            return None;
        };
        self.recorded += !record.is_own as u64;
        let callsite = match record.callsite {
            0 => None,
            number => {
                let found = self.callsites.get(number);
                if found.is_none() {
                    self.malformed += 1;
                    return None;
                }
                found
            }
        };
        let made = made_at(record.order);
        let moment = record.time.map_or(made, |given| made.place(given));
        let when = When { made_unix: made.unix, moment };
        let kind = match kind {
            LaneKind::Start => {
                self.start(batch, source, trace, &record, callsite, ids, when);
                return None;
            }
            LaneKind::Stop => return self.stop(batch, source, &record, when),
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
        batch.push(entry);
        None
    }

    /// A batch that is empty is a new one.
    fn look_at(&mut self, batch: &Batch) {
        self.batches += batch.entries().is_empty() as u64;
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
        let mut span = self.unused.pop().unwrap_or_default();
        span.lane = match source {
            Source::Lane(lane) => record.is_reserved.then_some(lane),
            Source::Overflow => None,
        };
        span.place = self.starts;
        self.starts += 1;
        span.trace = trace;
        span.id = ids.span_id(record.span);
        span.has_remote_parent = record.remote_parent;
        span.parent = match record.remote_parent {
            true => SpanId::from_u64(record.parent),
            false => ids.span_id(record.parent),
        };
        span.started = when.moment;
        span.explicit_start = record.time;
        span.callsite = callsite;
        span.words.clear();
        span.words.extend_from_slice(record.kept);
        span.links_end = record.links_length;
        span.name_end = record.links_length + record.name_length;
        span.copied.batch = 0;
        let kind = RecordKind::Start;
        span.put(batch, self.batches, kind, when, Ended::default(), record.event_attributes);
        if let Some((raw, before)) = self.latest.replace((record.span, span)) {
            self.open.insert(raw, before);
        }
    }

    fn stop(
        &mut self,
        batch: &mut Batch,
        source: Source,
        record: &LaneRecord<'_>,
        when: When,
    ) -> Option<u32> {
        let latest = self.latest.take_if(|(raw, _)| *raw == record.span);
        let found = latest.map(|(_, span)| span).or_else(|| self.open.remove(&record.span));
        let Some(mut span) = found else {
            self.malformed += 1;
            return None;
        };
        let ended = span.stop(when.moment, record.time, record.outcome, None);
        span.put(batch, self.batches, RecordKind::Stop, when, ended, record.event_attributes);
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
        let kind = RecordKind::Attributes;
        span.put(batch, self.batches, kind, when, Ended::default(), record.attributes());
    }

    /// Stops every span that is still open, the one that started last first.
    pub(super) fn stop_all(&mut self, batch: &mut Batch, moment: Moment) {
        self.look_at(batch);
        let mut open: Vec<_> =
            self.open.drain().chain(self.latest.take()).map(|(_, span)| span).collect();
        open.sort_unstable_by_key(|span| std::cmp::Reverse(span.place));
        let when = When { made_unix: moment.unix, moment };
        for mut span in open {
            self.recorded += 1;
            let truncated = Attributes::new().with(attribute::TRUNCATED, true);
            // The clock reads now, wherever an explicit start lies: the difference is measured.
            let ended = span.stop(moment, None, Outcome::Ok, Some(truncated));
            span.put(batch, self.batches, RecordKind::Stop, when, ended, &[]);
        }
    }

    fn recycle(&mut self, span: Box<OpenSpan>) {
        /// More than so many are not kept.
        const KEPT: usize = 1024;
        /// Nor those that have grown beyond this.
        const LARGE_WORDS: usize = 1024;
        if self.unused.len() < KEPT && span.words.capacity() <= LARGE_WORDS {
            self.unused.push(span);
        }
    }
}

impl OpenSpan {
    /// Adds a record of this span, as far as the span goes. What the batch has of it already is not
    /// copied again.
    fn put(
        &mut self,
        batch: &mut Batch,
        number: u64,
        kind: RecordKind,
        when: When,
        ended: Ended,
        event_attributes: &[u64],
    ) {
        if self.copied.batch != number {
            let copy = batch.copy(&self.words);
            self.copied = Copied {
                batch: number,
                links: copy.part(0..self.links_end),
                name: copy.part(self.links_end..self.name_end),
                attributes: copy.part(self.name_end..self.words.len()),
            };
        }
        let event_attributes = batch.copy(event_attributes);
        let time = if ended.is_clamped { self.started } else { when.moment };
        batch.push(Entry {
            kind,
            outcome: ended.outcome,
            has_remote_parent: self.has_remote_parent,
            is_own: false,
            trace_id: self.trace,
            span_id: self.id,
            parent: self.parent,
            time_unix_nanos: time.unix,
            recorded_unix_nanos: when.made_unix,
            start_time_unix_nanos: self.started.unix,
            duration_nanos: ended.duration_nanos,
            callsite: self.callsite,
            name: self.copied.name,
            links: self.copied.links,
            attributes: self.copied.attributes,
            event_attributes,
        });
    }

    /// What the stop adds to what is known of the span.
    ///
    /// A stop that lies before its start is placed at its start, and an attribute says by how much.
    fn stop(
        &mut self,
        moment: Moment,
        explicit: Option<Timestamp>,
        outcome: Outcome,
        added: Option<Attributes>,
    ) -> Ended {
        let started = self.started;
        let elapsed = match (self.explicit_start, explicit) {
            // Two explicit times are compared with each other, on the clock that both have.
            (Some(start), Some(stop)) => match (start.monotonic_nanos, stop.monotonic_nanos) {
                (Some(start), Some(stop)) => difference(stop, start),
                _ => difference(stop.unix_nanos, start.unix_nanos),
            },
            // Measured by one clock, whose ticks may have got another length in between.
            (None, None) => difference(moment.monotonic, started.monotonic).max(0),
            _ => difference(moment.monotonic, started.monotonic),
        };
        if let Some(added) = added {
            self.merge(added);
        }
        if elapsed < 0 {
            let clamped = elapsed.saturating_neg();
            self.merge(Attributes::new().with(attribute::CLAMPED_NANOS, clamped));
        }
        let duration_nanos = elapsed.max(0) as u64;
        Ended { outcome, duration_nanos, is_clamped: elapsed < 0 && explicit.is_some() }
    }

    /// Adds or replaces attributes.
    fn merge(&mut self, added: Attributes) {
        if added.is_empty() {
            return;
        }
        let keys = self.callsite.map_or(&[][..], |callsite| callsite.catalogue.keys);
        let mut all = read_attributes(&self.words[self.name_end..], keys).to_owned();
        all.merge(added);
        self.words.truncate(self.name_end);
        put_attributes(&mut self.words, &all);
        self.copied.batch = 0;
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

fn difference(later: u64, earlier: u64) -> i64 {
    let difference = i128::from(later) - i128::from(earlier);
    difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
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
    let has_span = record.span != 0;
    Entry {
        is_own: record.is_own,
        trace_id: if has_span { trace } else { TraceId::INVALID },
        span_id: match record.remote_parent {
            true => SpanId::from_u64(record.span),
            false => ids.span_id(record.span),
        },
        time_unix_nanos: when.moment.unix,
        recorded_unix_nanos: when.made_unix,
        callsite,
        name: batch.copy(record.name()),
        attributes: batch.copy(record.attributes()),
        ..Entry::new(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Name;
    use crate::data::codec::{
        Dynamic, Given, Origin, StartFields, put_start, put_stop, put_update, record_length,
    };

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
                let record = (source, TraceId::INVALID, words);
                assembler.add(&mut batch, record, &ids, |_| Moment::default())
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
            let record = (Source::Lane(1), TraceId::INVALID, words);
            assembler.add(&mut batch, record, &ids, |_| Moment::default());
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
