//! Turns records of lanes into records for exporters: ids and times are resolved, and a stop gets
//! all that is known of its span.

use std::collections::HashMap;

use super::clock::Moment;
use super::drain::Source;
use super::identity::IdSource;
use crate::data::codec::{
    LaneKind, LaneRecord, put_attributes, read_attributes, read_dynamic, read_record,
};
use crate::data::names::attribute;
use crate::data::{Attributes, Outcome, SpanId, Timestamp, TraceId};
use crate::exporter::{Batch, Entry, RecordKind};

/// Keeps the table of open spans.
#[derive(Default)]
pub(super) struct Assembler {
    open: HashMap<u64, OpenSpan>,
    /// Spans that are no more, whose buffers are used again.
    unused: Vec<OpenSpan>,
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
    parent: SpanId,
    has_remote_parent: bool,
    started: Option<Moment>,
    explicit_start: Option<Timestamp>,
    name: Vec<u64>,
    links: Vec<u64>,
    attributes: Vec<u64>,
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
        let Some((kind, record)) = read_record(words) else {
            self.recorded += 1;
            self.malformed += 1;
            return None;
        };
        self.recorded += !record.is_own as u64;
        let made = made_at(record.order);
        let moment = record.time.map_or(made, |given| made.place(given));
        let first = batch.entries().len();
        let mut freed = None;
        match kind {
            LaneKind::Start => self.start(batch, source, trace, &record, ids, moment),
            LaneKind::Stop => freed = self.stop(batch, source, &record, ids, moment),
            LaneKind::Update => self.update(batch, &record, ids, moment),
            LaneKind::Event => event(batch, RecordKind::Event, trace, &record, ids, moment),
            LaneKind::Error => event(batch, RecordKind::Error, trace, &record, ids, moment),
            LaneKind::TelemetryDataError => {
                event(batch, RecordKind::TelemetryDataError, trace, &record, ids, moment);
            }
            // The drain takes these in.
            LaneKind::Context => {}
        }
        batch.set_recorded(first, made.unix);
        freed
    }

    fn start(
        &mut self,
        batch: &mut Batch,
        source: Source,
        trace: TraceId,
        record: &LaneRecord<'_>,
        ids: &IdSource,
        moment: Moment,
    ) {
        let mut span = self.unused.pop().unwrap_or_default();
        span.lane = match source {
            Source::Lane(lane) => record.is_reserved.then_some(lane),
            Source::Overflow => None,
        };
        span.place = self.starts;
        self.starts += 1;
        span.trace = trace;
        span.has_remote_parent = record.remote_parent;
        span.parent = match record.remote_parent {
            true => SpanId::from_u64(record.parent),
            false => ids.span_id(record.parent),
        };
        span.started = Some(moment);
        span.explicit_start = record.time;
        for (kept, words) in [
            (&mut span.name, record.name),
            (&mut span.links, record.links),
            (&mut span.attributes, record.attributes),
        ] {
            kept.clear();
            kept.extend_from_slice(words);
        }
        let entry = span.entry(batch, RecordKind::Start, ids.span_id(record.span), moment);
        let event_attributes = batch.copy(record.event_attributes);
        batch.push(Entry { event_attributes, ..entry });
        self.open.insert(record.span, span);
    }

    fn stop(
        &mut self,
        batch: &mut Batch,
        source: Source,
        record: &LaneRecord<'_>,
        ids: &IdSource,
        moment: Moment,
    ) -> Option<u32> {
        let Some(mut span) = self.open.remove(&record.span) else {
            self.malformed += 1;
            return None;
        };
        let stopped = span.stop(moment, record.time, record.outcome, None);
        let event_attributes = batch.copy(record.event_attributes);
        let entry = span.entry(batch, RecordKind::Stop, ids.span_id(record.span), moment);
        batch.push(Entry { event_attributes, ..stopped(entry) });
        let waiting = span.lane.filter(|&lane| source != Source::Lane(lane));
        self.recycle(span);
        waiting
    }

    fn update(
        &mut self,
        batch: &mut Batch,
        record: &LaneRecord<'_>,
        ids: &IdSource,
        moment: Moment,
    ) {
        let Some(span) = self.open.get_mut(&record.span) else {
            self.malformed += 1;
            return;
        };
        span.merge(read_attributes(record.attributes).to_owned());
        let event_attributes = batch.copy(record.attributes);
        let entry = span.entry(batch, RecordKind::Attributes, ids.span_id(record.span), moment);
        batch.push(Entry { event_attributes, ..entry });
    }

    /// Stops every span that is still open, the one that started last first.
    pub(super) fn stop_all(&mut self, batch: &mut Batch, ids: &IdSource, moment: Moment) {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_unstable_by_key(|(_, span)| std::cmp::Reverse(span.place));
        for (raw, mut span) in open {
            self.recorded += 1;
            let truncated = Attributes::new().with(attribute::TRUNCATED, true);
            // The clock reads now, wherever an explicit start lies: the difference is measured.
            let stopped = span.stop(moment, None, Outcome::Ok, Some(truncated));
            let entry = span.entry(batch, RecordKind::Stop, ids.span_id(raw), moment);
            batch.push(Entry { recorded_unix_nanos: moment.unix, ..stopped(entry) });
        }
    }

    fn recycle(&mut self, span: OpenSpan) {
        /// More than so many buffers are not kept.
        const KEPT: usize = 1024;
        /// Nor those that have grown beyond this.
        const LARGE_WORDS: usize = 1024;
        let words = [&span.name, &span.links, &span.attributes];
        let is_small = words.iter().all(|words| words.capacity() <= LARGE_WORDS);
        if self.unused.len() < KEPT && is_small {
            self.unused.push(span);
        }
    }
}

impl OpenSpan {
    /// A record of this span, as far as the span goes.
    fn entry(&self, batch: &mut Batch, kind: RecordKind, span: SpanId, moment: Moment) -> Entry {
        Entry {
            has_remote_parent: self.has_remote_parent,
            trace_id: self.trace,
            span_id: span,
            parent: self.parent,
            time_unix_nanos: moment.unix,
            start_time_unix_nanos: self.started.map_or(moment.unix, |started| started.unix),
            name: batch.copy(&self.name),
            links: batch.copy(&self.links),
            attributes: batch.copy(&self.attributes),
            ..Entry::new(kind)
        }
    }

    /// What the stop adds to such a record.
    ///
    /// A stop that lies before its start is placed at its start, and an attribute says by how much.
    fn stop(
        &mut self,
        moment: Moment,
        explicit: Option<Timestamp>,
        outcome: Outcome,
        added: Option<Attributes>,
    ) -> impl FnOnce(Entry) -> Entry + use<> {
        let started = self.started.unwrap_or(moment);
        let elapsed = match (self.explicit_start, explicit) {
            // Two explicit times are compared with each other, on the clock that both have.
            (Some(start), Some(stop)) => match (start.monotonic_nanos, stop.monotonic_nanos) {
                (Some(start), Some(stop)) => difference(stop, start),
                _ => difference(stop.unix_nanos, start.unix_nanos),
            },
            _ => difference(moment.monotonic, started.monotonic),
        };
        let mut added = added.unwrap_or_default();
        if elapsed < 0 {
            added.set(attribute::CLAMPED_NANOS, elapsed.saturating_neg());
        }
        self.merge(added);
        let duration_nanos = elapsed.max(0) as u64;
        let is_clamped = elapsed < 0 && explicit.is_some();
        move |entry| Entry {
            outcome,
            duration_nanos,
            time_unix_nanos: if is_clamped { started.unix } else { entry.time_unix_nanos },
            ..entry
        }
    }

    /// Adds or replaces attributes.
    fn merge(&mut self, added: Attributes) {
        if added.is_empty() {
            return;
        }
        let mut all = read_attributes(&self.attributes).to_owned();
        all.merge(added);
        self.attributes.clear();
        put_attributes(&mut self.attributes, &all);
    }
}

fn difference(later: u64, earlier: u64) -> i64 {
    let difference = i128::from(later) - i128::from(earlier);
    difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

fn event(
    batch: &mut Batch,
    kind: RecordKind,
    trace: TraceId,
    record: &LaneRecord<'_>,
    ids: &IdSource,
    moment: Moment,
) {
    let has_span = record.span != 0;
    let entry = Entry {
        is_own: record.is_own,
        trace_id: if has_span { trace } else { TraceId::INVALID },
        span_id: match record.remote_parent {
            true => SpanId::from_u64(record.span),
            false => ids.span_id(record.span),
        },
        time_unix_nanos: moment.unix,
        name: batch.put_name(read_dynamic(record.name)),
        attributes: batch.copy(record.attributes),
        ..Entry::new(kind)
    };
    batch.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Name;
    use crate::data::codec::{Dynamic, StartFields, put_start, put_stop};

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
            attributes: &none,
            event_attributes: &none,
        };
        let mut words = Vec::new();
        put_start(&mut words, 1, name, &fields);
        words
    }

    #[test]
    fn a_reservation_is_given_back_where_the_stop_comes_another_way() {
        let (mut assembler, mut batch) = (Assembler::default(), Batch::default());
        let ids = IdSource::fixed();
        let mut stop = Vec::new();
        put_stop(&mut stop, 2, 7, None, Outcome::Ok, &Attributes::new());
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
}
