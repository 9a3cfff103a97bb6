//! What is kept of a span between its start and its stop.

use super::timeline::Moment;
use crate::data::codec::{put_attributes, read_attributes};
use crate::data::names::attribute;
use crate::data::{Attributes, Callsite, Outcome, SpanId, Timestamp, TraceId};
use crate::exporter::{Batch, Entry, RecordKind, WordPlace};

/// What a stop must know of its span.
///
/// What goes into its records stands here in another order than there: if it did not, the compiler would
/// copy two words at a time, and a stop that follows its start at once would wait for each pair, because
/// the start has written them one by one.
#[derive(Default)]
pub(super) struct OpenSpan {
    parent: SpanId,
    trace_low: u64,
    callsite: Option<&'static Callsite>,
    id: SpanId,
    started: When,
    trace_high: u64,
    /// How many spans had started before.
    pub(super) place: u64,
    pub(super) has_remote_parent: bool,
    /// The lane that keeps room for the stop.
    pub(super) lane: Option<u32>,
    /// Links, name and attributes, one after the other.
    words: Vec<u64>,
    links_end: usize,
    name_end: usize,
    /// Where they stand in the batch that has the number `copied_to`.
    copied_to: u64,
    copied_at: usize,
}

/// When a record was made, and the time that it gives.
#[derive(Clone, Copy, Default)]
pub(super) struct When {
    pub(super) made_unix: u64,
    pub(super) moment: Moment,
    /// The time as it was given, if it was.
    pub(super) explicit: Option<Timestamp>,
}

impl When {
    /// That of a record that gives no time of its own.
    #[inline(always)]
    pub(super) fn made(moment: Moment) -> When {
        When { made_unix: moment.unix, moment, explicit: None }
    }
}

/// The words of a start that are kept: links, name, attributes.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept<'a> {
    pub(super) words: &'a [u64],
    pub(super) links_length: usize,
    pub(super) name_length: usize,
}

impl OpenSpan {
    /// Makes it a span that starts now, in the memory of one that is over.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        lane: Option<u32>,
        place: u64,
        callsite: Option<&'static Callsite>,
        when: When,
        kept: Kept<'_>,
    ) {
        (self.lane, self.place, self.started) = (lane, place, when);
        self.words.clear();
        if !kept.words.is_empty() {
            self.words.extend_from_slice(kept.words);
        }
        self.links_end = kept.links_length;
        self.name_end = kept.links_length + kept.name_length;
        self.copied_to = 0;
        self.callsite = callsite;
        self.has_remote_parent = false;
    }

    #[inline(always)]
    pub(super) fn set_ids(&mut self, trace: TraceId, [span, parent]: [SpanId; 2]) {
        let trace = trace.to_u128();
        (self.trace_high, self.trace_low) = ((trace >> 64) as u64, trace as u64);
        (self.id, self.parent) = (span, parent);
    }

    /// Whether it takes more memory than is worth keeping.
    #[inline(always)]
    pub(super) fn is_large(&self) -> bool {
        const LARGE_WORDS: usize = 1024;
        self.words.capacity() > LARGE_WORDS
    }

    /// Adds the record of the start.
    #[inline(always)]
    pub(super) fn put_start(
        &mut self,
        batch: &mut Batch,
        number: u64,
        when: When,
        event_attributes: &[u64],
    ) {
        let entry = || Entry { time_unix_nanos: when.moment.unix, ..Entry::new(RecordKind::Start) };
        self.put(batch, number, when, event_attributes, entry);
    }

    /// Adds the record of the stop.
    #[inline(always)]
    pub(super) fn put_stop(
        &mut self,
        batch: &mut Batch,
        number: u64,
        when: When,
        outcome: Outcome,
        event_attributes: &[u64],
    ) {
        let started = self.started;
        let mut time_unix_nanos = when.moment.unix;
        let mut elapsed = when.moment.monotonic.wrapping_sub(started.moment.monotonic) as i64;
        if started.explicit.is_some() || when.explicit.is_some() {
            elapsed = self.given_elapsed(when, elapsed);
            if elapsed < 0 && when.explicit.is_some() {
                time_unix_nanos = started.moment.unix;
            }
        }
        // Measured by one clock, whose ticks may have got another length in between.
        let duration_nanos = elapsed.max(0) as u64;
        let entry =
            || Entry { outcome, time_unix_nanos, duration_nanos, ..Entry::new(RecordKind::Stop) };
        self.put(batch, number, when, event_attributes, entry);
    }

    /// Adds the record of attributes that were added.
    pub(super) fn put_update(&mut self, batch: &mut Batch, number: u64, when: When, added: &[u64]) {
        let time_unix_nanos = when.moment.unix;
        let entry = || Entry { time_unix_nanos, ..Entry::new(RecordKind::Attributes) };
        self.put(batch, number, when, added, entry);
    }

    /// Adds a record of this span. What the batch has of it already is not copied again.
    ///
    /// The entry is made where it goes, by whichever way: what is put together and then copied waits for
    /// itself.
    #[inline(always)]
    fn put(
        &mut self,
        batch: &mut Batch,
        number: u64,
        when: When,
        event_attributes: &[u64],
        entry: impl Fn() -> Entry,
    ) {
        if !self.words.is_empty() && self.copied_to != number {
            (self.copied_to, self.copied_at) = (number, batch.words_end());
            batch.copy(&self.words);
        }
        let event_attributes = match event_attributes {
            [] => WordPlace::NOTHING,
            words => batch.copy(words),
        };
        let (links_end, name_end, end) = (self.links_end, self.name_end, self.words.len());
        let place = |from: usize, to: usize| match from == to {
            true => WordPlace::NOTHING,
            false => WordPlace::at(self.copied_at + from),
        };
        let entry = || Entry {
            trace: [self.trace_high, self.trace_low],
            span_id: self.id,
            parent: self.parent,
            start_time_unix_nanos: self.started.moment.unix,
            callsite: self.callsite,
            links: place(0, links_end),
            name: place(links_end, name_end),
            attributes: place(name_end, end),
            event_attributes,
            has_remote_parent: self.has_remote_parent,
            ..entry()
        };
        match when.explicit {
            None => batch.push(entry()),
            Some(_) => batch.push_made_at(entry(), when.made_unix),
        }
    }

    /// How long the span took where a time was given, below zero if it stopped before it started. Then
    /// it is placed at its start, and an attribute says by how much. `measured` is the difference of the
    /// moments.
    #[cold]
    fn given_elapsed(&mut self, when: When, measured: i64) -> i64 {
        let elapsed = match (self.started.explicit, when.explicit) {
            // Two explicit times are compared with each other, on the clock that both have.
            (Some(start), Some(stop)) => match (start.monotonic_nanos, stop.monotonic_nanos) {
                (Some(start), Some(stop)) => difference(stop, start),
                _ => difference(stop.unix_nanos, start.unix_nanos),
            },
            _ => measured,
        };
        if elapsed < 0 {
            let clamped = elapsed.saturating_neg();
            self.merge(Attributes::new().with(attribute::CLAMPED_NANOS, clamped));
        }
        elapsed
    }

    /// Says that the span was stopped by the close.
    pub(super) fn truncate(&mut self) {
        self.merge(Attributes::new().with(attribute::TRUNCATED, true));
    }

    /// Adds or replaces attributes.
    pub(super) fn merge(&mut self, added: Attributes) {
        if added.is_empty() {
            return;
        }
        let keys = self.callsite.map_or(&[][..], |callsite| callsite.catalogue.keys);
        let mut all = read_attributes(&self.words[self.name_end..], keys).to_owned();
        all.merge(added);
        self.words.truncate(self.name_end);
        put_attributes(&mut self.words, &all);
        self.copied_to = 0;
    }
}

fn difference(later: u64, earlier: u64) -> i64 {
    let difference = i128::from(later) - i128::from(earlier);
    difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
