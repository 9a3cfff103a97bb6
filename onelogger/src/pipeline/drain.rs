//! Brings the records of all lanes into one order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::intake::{Intake, LaneCounts, LaneReader};
use super::spare::Spare;
use crate::data::codec::{
    LaneKind, PLAIN_STOP_WORDS, PlainRecord, read_context, read_plain, record_kind, record_length,
};
use crate::data::{Outcome, TraceId};
use crate::sync::Tally;

/// Where a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Lane(u32),
    Overflow,
}

/// Records of one source that come before those of all others, and perhaps more after them.
pub(super) struct Stretch<'a> {
    pub(super) source: Source,
    /// The trace that they belong to, which a context record among them changes.
    pub(super) trace: &'a mut TraceId,
    pub(super) words: &'a [u64],
    /// The order word of the last one that is due.
    limit: u64,
}

impl<'a> Stretch<'a> {
    /// All of these words.
    #[cfg(test)]
    pub(super) fn of(source: Source, trace: &'a mut TraceId, words: &'a [u64]) -> Stretch<'a> {
        Stretch { source, trace, words, limit: u64::MAX }
    }

    /// The words of the next record that is due. Context records before it are taken in.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<&'a [u64]> {
        loop {
            let &header = self.words.first()?;
            let length = record_length(header).max(1).min(self.words.len());
            let (record, rest) = self.words.split_at(length);
            if record_kind(header) == Some(LaneKind::Context) {
                *self.trace = read_context(record).unwrap_or_default();
                self.words = rest;
                continue;
            }
            if order_of(record) > self.limit {
                return None;
            }
            self.words = rest;
            return Some(record);
        }
    }

    /// Takes the next record if it is the stop of this span, due, and says nothing but its outcome: its
    /// order and the outcome.
    #[inline(always)]
    pub(super) fn next_if_stop_of(&mut self, span: u64) -> Option<(u64, Outcome)> {
        let (record, rest) = self.words.split_at_checked(PLAIN_STOP_WORDS)?;
        match read_plain(record) {
            PlainRecord::Stop { order, span: stopped, outcome }
                if stopped == span
                    && order <= self.limit
                    && record_length(record[0]) == record.len() =>
            {
                self.words = rest;
                Some((order, outcome))
            }
            _ => None,
        }
    }
}

/// The reading side of all lanes.
///
/// A record is taken only if it was made up to the cut, a reading of the clock from before the
/// lanes were looked at ([`Clock::cut`](super::clock::Clock::cut)). What caused such a record was
/// published before that, so it is found in its lane. It also comes first, if it is the start of a span
/// that the record belongs to or hangs under; others of two threads, less than a microsecond apart, may
/// come in either order.
#[derive(Default)]
pub(super) struct Drain {
    /// In the order of their ids.
    lanes: Vec<Lane>,
    /// Stops from the overflow list, in order.
    overflow: Vec<Vec<u64>>,
    /// Counts of lanes that are gone, or sealed.
    gone: LaneTotals,
    /// Memory for what is taken from lanes, of lanes that have nothing left: otherwise each would keep as
    /// much as it ever held.
    spare: Spare<Vec<u64>>,
}

/// Sums over the counts that producers keep.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneTotals {
    pub(super) withheld: u64,
    pub(super) full: u64,
    pub(super) too_large: u64,
}

struct Lane {
    reader: LaneReader,
    /// Words taken from the lane and not yet passed on, from `at`.
    words: Vec<u64>,
    at: usize,
    trace: TraceId,
}

impl Drain {
    /// Passes on all records up to the cut, in the order in which they were made. `pass_on` takes all that
    /// is due of a stretch.
    ///
    /// With `is_last` the lanes are sealed and everything is passed on.
    pub(super) fn run(
        &mut self,
        intake: &Intake,
        cut: u64,
        is_last: bool,
        mut pass_on: impl FnMut(&mut Stretch<'_>),
    ) {
        loop {
            let found = self.collect(intake, is_last).min(cut);
            self.merge(found, &mut pass_on);
            if found == cut {
                return;
            }
        }
    }

    /// Passes on all records up to this one that were taken.
    fn merge(&mut self, cut: u64, pass_on: &mut impl FnMut(&mut Stretch<'_>)) {
        let mut heads = BinaryHeap::with_capacity(self.lanes.len() + 1);
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            heads.extend(lane.head().map(|order| Reverse((order, place))));
        }
        let overflow = std::mem::take(&mut self.overflow);
        let mut overflow = overflow.into_iter().peekable();
        let overflow_place = self.lanes.len();
        heads.extend(overflow.peek().map(|stop| Reverse((order_of(stop), overflow_place))));

        while let Some(Reverse((order, place))) = heads.pop() {
            if order > cut {
                break;
            }
            if place == overflow_place {
                if let Some(stop) = overflow.next() {
                    let (source, mut trace) = (Source::Overflow, TraceId::INVALID);
                    pass_on(&mut Stretch { source, trace: &mut trace, words: &stop, limit: order });
                }
                heads.extend(overflow.peek().map(|stop| Reverse((order_of(stop), place))));
                continue;
            }
            // Records of one lane that come before those of all others need no heap.
            let limit = heads.peek().map_or(cut, |Reverse((next, _))| cut.min(*next));
            let lane = &mut self.lanes[place];
            let (source, words) = (Source::Lane(lane.reader.id), &lane.words[lane.at..]);
            let mut stretch = Stretch { source, trace: &mut lane.trace, words, limit };
            pass_on(&mut stretch);
            lane.at = lane.words.len() - stretch.words.len();
            heads.extend(lane.head().map(|order| Reverse((order, place))));
        }
        self.overflow = overflow.collect();
        for lane in &mut self.lanes {
            lane.words.drain(..lane.at);
            lane.at = 0;
            lane.lay_aside_memory(&mut self.spare);
        }
    }

    /// Takes what is in the lanes. The order word up to which nothing is missing; there may be more in a
    /// lane of which much is left from last time, and which was not looked at for that: what is kept of a
    /// lane stays bounded, however long this thread waits for a CPU while others record.
    fn collect(&mut self, intake: &Intake, is_last: bool) -> u64 {
        // Before the lanes: then the start of a stop that is found here is found there.
        let found = intake.take_overflow(is_last);
        if !found.is_empty() {
            self.overflow.extend(found);
            self.overflow.sort_by_key(|stop| order_of(stop));
        }
        let new = intake.take_new_lanes(is_last).into_iter();
        self.lanes.extend(new.map(|reader| Lane {
            reader,
            words: Vec::new(),
            at: 0,
            trace: TraceId::INVALID,
        }));
        self.lanes.sort_unstable_by_key(|lane| lane.reader.id);
        let Drain { lanes, gone, spare, .. } = self;
        let mut found = u64::MAX;
        lanes.retain_mut(|lane| {
            if !is_last && let Some(last) = lane.last_of_many() {
                found = found.min(last);
                return true;
            }
            if lane.words.capacity() == 0 && !lane.reader.consumer.is_empty() {
                lane.words = spare.take().unwrap_or_else(|| Vec::with_capacity(lane.most_words()));
            }
            let has_ended = lane.reader.consumer.has_ended();
            if is_last {
                lane.reader.consumer.seal_and_drain_into(&mut lane.words);
            } else {
                lane.reader.consumer.drain_into(&mut lane.words);
            }
            let is_done = has_ended && lane.words.is_empty();
            lane.lay_aside_memory(spare);
            if is_done {
                gone.add(&lane.reader.counts, Tally::get);
            }
            !is_done
        });
        found
    }

    /// Frees what has not been needed since this was called last.
    pub(super) fn drop_unused_memory(&mut self) {
        drop(self.spare.take_unused());
    }

    /// Takes the last reading of what the producers count; what they count later is refused.
    pub(super) fn seal_counts(&mut self) {
        for lane in self.lanes.drain(..) {
            self.gone.add(&lane.reader.counts, Tally::seal);
        }
    }

    /// Gives the reservation of a stop that came another way back to the lane of its start.
    pub(super) fn give_back(&mut self, lane: u32, words: usize) {
        if let Ok(place) = self.lanes.binary_search_by_key(&lane, |lane| lane.reader.id) {
            self.lanes[place].reader.consumer.give_back(words);
        }
    }

    pub(super) fn totals(&self) -> LaneTotals {
        let mut totals = self.gone;
        for lane in &self.lanes {
            totals.add(&lane.reader.counts, Tally::get);
        }
        totals
    }
}

impl LaneTotals {
    fn add(&mut self, counts: &LaneCounts, read: impl Fn(&Tally) -> u64) {
        self.withheld += read(&counts.withheld);
        self.full += read(&counts.full);
        self.too_large += read(&counts.too_large);
    }
}

impl Lane {
    /// Leaves the memory of a lane that has nothing left to the next one that has something.
    fn lay_aside_memory(&mut self, spare: &mut Spare<Vec<u64>>) {
        if self.words.is_empty() && self.words.capacity() > 0 {
            spare.keep(std::mem::take(&mut self.words));
        }
    }

    /// So many words are kept of the lane at most.
    fn most_words(&self) -> usize {
        let capacity = self.reader.consumer.capacity();
        capacity + self.many_words()
    }

    /// With so many left, no more are taken.
    fn many_words(&self) -> usize {
        self.reader.consumer.capacity() / 4 + 1
    }

    /// The order word of the last record that is left, if many words are.
    fn last_of_many(&self) -> Option<u64> {
        if self.words.len() < self.many_words() {
            return None;
        }
        let (mut words, mut last) = (self.words.as_slice(), None);
        while let Some(&header) = words.first() {
            let (record, rest) = words.split_at(record_length(header).max(1).min(words.len()));
            if record_kind(header) != Some(LaneKind::Context) {
                last = Some(order_of(record));
            }
            words = rest;
        }
        last
    }

    /// The order word of the next record. Context records before it are taken in.
    fn head(&mut self) -> Option<u64> {
        loop {
            let words = &self.words[self.at..];
            let header = *words.first()?;
            if record_kind(header) != Some(LaneKind::Context) {
                return Some(words.get(1).copied().unwrap_or(0));
            }
            let length = record_length(header).max(1).min(words.len());
            self.trace = read_context(&words[..length]).unwrap_or_default();
            self.at += length;
        }
    }
}

fn order_of(record: &[u64]) -> u64 {
    record.get(1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Attributes;
    use crate::data::codec::put_update;
    use crate::pipeline::clock::Clock;
    use crate::pipeline::identity::IdSource;
    use crate::pipeline::intake::FullPolicy;
    use crate::sync::Claim;

    fn record(order: u64) -> Vec<u64> {
        let mut words = Vec::new();
        put_update(&mut words, order, 0, &Attributes::new());
        words
    }

    fn orders(drain: &mut Drain, intake: &Intake, cut: u64, is_last: bool) -> Vec<u64> {
        let mut orders = Vec::new();
        drain.run(intake, cut, is_last, |stretch| {
            while let Some(words) = stretch.next() {
                orders.push(order_of(words));
            }
        });
        orders
    }

    #[test]
    fn lanes_and_overflow_come_in_one_order_up_to_the_cut() {
        let intake = Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, 1024);
        let mut drain = Drain::default();
        let mut lanes = [intake.lane().unwrap(), intake.lane().unwrap()];
        for (lane, order) in [(0, 1), (1, 2), (1, 3), (0, 6), (1, 8), (0, 9)] {
            lanes[lane].scratch = record(order);
            lanes[lane].publish(Claim::Nothing, &intake, FullPolicy::DropNewest).unwrap();
        }
        for order in [7, 5, 10, 4] {
            intake.overflow(record(order)).unwrap();
        }
        assert_eq!(orders(&mut drain, &intake, 5, false), [1, 2, 3, 4, 5]);
        assert_eq!(orders(&mut drain, &intake, 5, false), [0; 0]);
        assert_eq!(orders(&mut drain, &intake, 8, false), [6, 7, 8]);
        assert_eq!(orders(&mut drain, &intake, u64::MAX, true), [9, 10]);
        assert!(intake.overflow(record(11)).is_err() && intake.lane().is_none());
    }

    #[test]
    fn of_a_lane_of_which_much_is_left_no_more_is_taken_until_that_is_due() {
        let intake = Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, 64);
        let mut drain = Drain::default();
        let mut lanes = [intake.lane().unwrap(), intake.lane().unwrap()];
        let mut publish = |lane: usize, order| {
            lanes[lane].scratch = record(order);
            lanes[lane].publish(Claim::Nothing, &intake, FullPolicy::DropNewest).unwrap();
        };
        // The thread was kept from its work after it had read the clock.
        (11..20).for_each(|order| publish(0, order));
        assert_eq!(orders(&mut drain, &intake, 10, false), [0; 0]);
        let kept = drain.lanes[0].words.capacity();
        for next in [20, 30, 40] {
            (next..next + 4).for_each(|order| publish(0, order));
            (next..next + 4).for_each(|order| publish(1, order + 4));
            assert_eq!(orders(&mut drain, &intake, 10, false), [0; 0]);
        }
        assert_eq!(drain.lanes[0].words.capacity(), kept);
        // All that is due comes, from both, in order.
        let expected: Vec<u64> = (11..28).chain(30..38).chain(40..42).collect();
        assert_eq!(orders(&mut drain, &intake, 41, false), expected);
        assert_eq!(orders(&mut drain, &intake, u64::MAX, true), [42, 43, 44, 45, 46, 47]);
        assert!(drain.lanes.iter().all(|lane| lane.words.capacity() <= kept));
    }

    #[test]
    fn memory_goes_from_lane_to_lane() {
        let intake = Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, 1024);
        let mut drain = Drain::default();
        let mut lanes = Vec::new();
        for _ in 0..8 {
            let mut lane = intake.lane().unwrap();
            for order in 1..=50 {
                lane.scratch = record(order);
                lane.publish(Claim::Nothing, &intake, FullPolicy::DropNewest).unwrap();
            }
            assert_eq!(orders(&mut drain, &intake, 50, false).len(), 50);
            lanes.push(lane);
            assert_eq!(drain.lanes.len(), lanes.len());
        }
        assert_eq!(drain.spare.len(), 1);
        assert!(drain.lanes.iter().all(|lane| lane.words.capacity() == 0));
    }

    #[test]
    fn where_nothing_happens_no_memory_stays() {
        let intake = Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, 1024);
        let mut drain = Drain::default();
        let mut lane = intake.lane().unwrap();
        lane.scratch = record(1);
        lane.publish(Claim::Nothing, &intake, FullPolicy::DropNewest).unwrap();
        assert_eq!(orders(&mut drain, &intake, 1, false), [1]);
        for expected in [1, 0] {
            drain.drop_unused_memory();
            assert_eq!(drain.spare.len(), expected);
            assert_eq!(orders(&mut drain, &intake, 1, false), [0; 0]);
        }
    }
}
