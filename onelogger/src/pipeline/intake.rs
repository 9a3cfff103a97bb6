//! What instrumented threads and the pipeline share: lanes, the list of stops that found no room,
//! and the signal that wakes the pipeline.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread::Thread;
use std::time::Duration;

use super::clock::Clock;
use super::identity::{IdBlock, IdSource};
use super::spare::Spare;
use crate::data::TraceId;
use crate::data::codec::{MAX_WORDS, STOP_WORDS, put_context};
use crate::sync::{
    Claim, Consumer, Counter, Flag, Producer, PushError, Stack, Tally, generation,
    generation_since, lane, ticks,
};

pub(crate) struct Intake {
    pub(crate) clock: Clock,
    pub(crate) ids: IdSource,
    /// What to do when a lane is full.
    pub(crate) policy: FullPolicy,
    lane_words: usize,
    next_lane: Counter,
    /// Lanes that the pipeline does not know yet.
    new_lanes: Stack<LaneReader>,
    /// Lanes whose threads have ended, for other threads to go on with.
    spare: Mutex<Spare<LaneWriter>>,
    /// Stops that found no room in the lane of their thread.
    overflow: Stack<Vec<u64>>,
    pub(crate) wake: Wake,
    /// The recorder is closed, or is being closed: spans that are open are over.
    pub(crate) is_closed: Flag,
    /// The process that made it. In a forked child nothing of it may be touched: its pipeline is not
    /// there, and its locks may be held for ever.
    generation: u64,
    /// Spans that were stopped by the application after the close had stopped them.
    pub(crate) late_stops: Counter,
    /// Spans that the pipeline has seen start, and stop.
    pub(super) spans_started: Counter,
    pub(super) spans_stopped: Counter,
}

/// What happens when a lane or a queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullPolicy {
    /// The record is lost, and counted.
    #[default]
    DropNewest,
    /// Whoever has the record waits for room, for so long at most; then it is lost, and counted.
    Block(Duration),
}

/// Counts of one lane that its producer keeps and the pipeline reads.
#[derive(Debug)]
pub(crate) struct LaneCounts {
    pub(crate) withheld: Tally,
    pub(crate) full: Tally,
    pub(crate) too_large: Tally,
}

/// The instrumented thread's end of a lane.
pub(crate) struct LaneWriter {
    pub(crate) id: u32,
    producer: Producer,
    pub(crate) counts: Arc<LaneCounts>,
    pub(crate) ids: IdBlock,
    /// The trace that the records published last belong to.
    pub(crate) trace: TraceId,
    /// A record under construction.
    pub(crate) scratch: Vec<u64>,
    /// Whether order words are the CPU's counter.
    is_counted: bool,
}

/// The pipeline's end of a lane.
pub(crate) struct LaneReader {
    pub(crate) id: u32,
    pub(crate) consumer: Consumer,
    pub(crate) counts: Arc<LaneCounts>,
}

impl Intake {
    pub(crate) fn new(
        clock: Clock,
        ids: IdSource,
        policy: FullPolicy,
        lane_words: usize,
    ) -> Intake {
        Intake {
            clock,
            ids,
            policy,
            lane_words,
            next_lane: Counter::new(0),
            new_lanes: Stack::new(),
            spare: Mutex::default(),
            overflow: Stack::new(),
            wake: Wake::default(),
            is_closed: Flag::new(),
            generation: generation(),
            late_stops: Counter::new(0),
            spans_started: Counter::new(0),
            spans_stopped: Counter::new(0),
        }
    }

    /// Whether it belongs to a process that this one was forked from.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != generation_since()
    }

    /// A lane for the current thread; `None` once the intake is closed.
    pub(crate) fn lane(&self) -> Option<LaneWriter> {
        // Only ever tried: a thread that is starting or ending waits for no other.
        if let Some(writer) = self.try_spare().and_then(|mut spare| spare.take()) {
            return (!writer.is_sealed()).then_some(writer);
        }
        let (producer, consumer) = lane(self.lane_words);
        let id = self.next_lane.add(1) as u32;
        let counts = Arc::new(LaneCounts {
            withheld: Tally::new(),
            full: Tally::new(),
            too_large: Tally::new(),
        });
        let reader = LaneReader { id, consumer, counts: Arc::clone(&counts) };
        self.new_lanes.push(reader).ok()?;
        let (ids, trace, scratch) = (IdBlock::default(), TraceId::INVALID, Vec::new());
        let is_counted = self.clock.is_counter();
        Some(LaneWriter { id, producer, counts, ids, trace, scratch, is_counted })
    }

    /// Takes a lane whose thread needs it no more.
    pub(crate) fn put_back(&self, mut writer: LaneWriter) {
        /// More than so many are not kept: their memory is freed when they are drained.
        const KEPT: usize = 16;
        if writer.is_sealed() {
            return;
        }
        writer.scratch = Vec::new();
        if let Some(mut spare) = self.try_spare().filter(|spare| spare.len() < KEPT) {
            spare.keep(writer);
        }
    }

    /// The spare lanes, unless others have them all the time that some tries take. Whoever has them does
    /// nothing but take one or put one back, so that it has them for longer only if it is not running: it
    /// is let run. A thread that gives up takes a new lane, for which others find no use afterwards.
    fn try_spare(&self) -> Option<MutexGuard<'_, Spare<LaneWriter>>> {
        const TRIES: usize = 160;
        const TRIES_AT_ONCE: usize = 16;
        (0..TRIES).find_map(|tried| match self.spare.try_lock() {
            Ok(spare) => Some(spare),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                if (tried + 1).is_multiple_of(TRIES_AT_ONCE) {
                    std::thread::yield_now();
                } else {
                    std::hint::spin_loop();
                }
                None
            }
        })
    }

    /// Takes a stop that found no room in the lane of its thread; gives it back once closed.
    pub(crate) fn overflow(&self, stop: Vec<u64>) -> Result<(), Vec<u64>> {
        self.overflow.push(stop)
    }

    pub(super) fn take_new_lanes(&self, is_last: bool) -> Vec<LaneReader> {
        if is_last { self.new_lanes.seal() } else { self.new_lanes.take_all() }
    }

    pub(super) fn take_overflow(&self, is_last: bool) -> Vec<Vec<u64>> {
        if is_last { self.overflow.seal() } else { self.overflow.take_all() }
    }

    /// Frees the memory of spare lanes that no thread has wanted since this was called last. A thread
    /// that finds the spare ones in use gets a new lane, so that without this there would be more and
    /// more of them.
    pub(super) fn drop_unused_lanes(&self) {
        // Freed when the lock is not held any more: memory goes back to the system here.
        let _unused = self.try_spare().map(|mut spare| spare.take_unused());
    }

    /// Frees the memory of all lanes that no thread uses.
    pub(super) fn drop_spare_lanes(&self) {
        let _all = self.try_spare().map(|mut spare| std::mem::take(&mut *spare));
    }
}

impl LaneWriter {
    /// Whether so much of the lane is kept free for stops that starts should not reserve more.
    pub(crate) fn is_mostly_reserved(&self) -> bool {
        self.producer.is_mostly_reserved()
    }

    /// The order word of a record that is made now.
    #[inline(always)]
    pub(crate) fn order(&self, intake: &Intake) -> u64 {
        #[cold]
        fn other_order(intake: &Intake) -> u64 {
            intake.clock.order()
        }
        if self.is_counted { ticks() } else { other_order(intake) }
    }

    /// Whether there is no room even for a start that says nothing. Then the pipeline is called.
    pub(crate) fn is_full(&mut self, intake: &Intake) -> bool {
        const START_WORDS: usize = 4;
        let is_full = self.producer.is_full(START_WORDS + STOP_WORDS);
        if is_full {
            intake.wake.nudge();
        }
        is_full
    }

    /// Empties the scratch, and says which trace the record belongs to if that has changed.
    #[inline]
    pub(crate) fn begin(&mut self, trace: TraceId) {
        /// A scratch that has grown beyond this was for something exceptional.
        const LARGE_WORDS: usize = 1 << 16;
        self.scratch.clear();
        if self.scratch.capacity() > LARGE_WORDS {
            self.scratch.shrink_to(LARGE_WORDS);
        }
        if trace != self.trace {
            put_context(&mut self.scratch, trace);
        }
    }

    /// Whether the record in the scratch finds no room in an empty lane either.
    pub(crate) fn is_too_large(&self) -> bool {
        self.scratch.len() + STOP_WORDS > self.producer.capacity().min(MAX_WORDS)
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.producer.is_sealed()
    }

    /// Publishes a record if there is room for it; `None` if there is none, it should reserve nothing, or
    /// the lane is sealed.
    #[inline(always)]
    pub(crate) fn publish_words<const N: usize>(
        &mut self,
        words: [u64; N],
        claim: Claim,
        intake: &Intake,
    ) -> Option<()> {
        if self.producer.push_few(words, claim) {
            return Some(());
        }
        // A copy, so that the words themselves need no place in memory.
        self.publish_with_a_look(&std::array::from_fn::<u64, N, _>(|at| words[at]), claim, intake)
    }

    #[cold]
    #[inline(never)]
    fn publish_with_a_look(&mut self, words: &[u64], claim: Claim, intake: &Intake) -> Option<()> {
        // A start that reserves nothing says so itself, and is written otherwise.
        if matches!(claim, Claim::Reserve(_)) && self.is_mostly_reserved() {
            return None;
        }
        if self.producer.push(words, claim).ok()? {
            intake.wake.nudge();
        }
        Some(())
    }

    /// Says which trace the next records belong to, if that has changed.
    #[inline(always)]
    pub(crate) fn enter_trace(&mut self, trace: TraceId, intake: &Intake) -> Option<()> {
        if trace == self.trace { Some(()) } else { self.change_trace(trace, intake) }
    }

    #[inline(never)]
    fn change_trace(&mut self, trace: TraceId, intake: &Intake) -> Option<()> {
        self.scratch.clear();
        put_context(&mut self.scratch, trace);
        self.publish_scratch(Claim::Nothing, intake)?;
        self.trace = trace;
        Some(())
    }

    /// Publishes the record that `put` writes, if it can be written where it goes: nothing if it finds too
    /// few words there, or `put` says so. Whoever publishes otherwise has a look.
    #[inline(always)]
    pub(crate) fn publish_in_place(
        &mut self,
        claim: Claim,
        put: impl FnOnce(&mut [u64]) -> Option<usize>,
    ) -> Option<()> {
        #[cfg(not(onelogger_loom))]
        {
            let words = put(self.producer.space(claim))?;
            self.producer.commit(words, claim).ok()
        }
        #[cfg(onelogger_loom)]
        {
            let _ = (claim, put);
            None
        }
    }

    /// The same for the record in `scratch`.
    #[inline]
    pub(crate) fn publish_scratch(&mut self, claim: Claim, intake: &Intake) -> Option<()> {
        if self.is_too_large() {
            return None;
        }
        self.try_publish(claim, intake).ok()
    }

    /// Publishes the record in `scratch`. Waits for room if `patience` says so.
    #[inline]
    pub(crate) fn publish(
        &mut self,
        claim: Claim,
        intake: &Intake,
        patience: FullPolicy,
    ) -> Result<(), PushError> {
        match self.try_publish(claim, intake) {
            Err(error) => self.publish_later(error, claim, intake, patience),
            Ok(()) => Ok(()),
        }
    }

    #[inline]
    fn try_publish(&mut self, claim: Claim, intake: &Intake) -> Result<(), PushError> {
        if self.producer.push(&self.scratch, claim)? {
            intake.wake.nudge();
        }
        Ok(())
    }

    #[cold]
    fn publish_later(
        &mut self,
        mut error: PushError,
        claim: Claim,
        intake: &Intake,
        patience: FullPolicy,
    ) -> Result<(), PushError> {
        let mut waited = Duration::ZERO;
        loop {
            intake.wake.wake();
            match patience {
                FullPolicy::Block(max) if error == PushError::Full && waited < max => {
                    let pause = Duration::from_micros(100).max(waited / 8);
                    let pause = pause.min(max - waited).min(Duration::from_millis(5));
                    std::thread::sleep(pause);
                    waited += pause;
                }
                _ => return Err(error),
            }
            match self.try_publish(claim, intake) {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
    }
}

/// Wakes the pipeline's thread, once for each time that it looks.
#[derive(Debug)]
pub(crate) struct Wake {
    is_called: Flag,
    thread: OnceLock<Thread>,
}

impl Default for Wake {
    fn default() -> Wake {
        Wake { is_called: Flag::new(), thread: OnceLock::new() }
    }
}

impl Wake {
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get().filter(|_| self.is_called.raise()) {
            thread.unpark();
        }
    }

    /// The same for a caller that calls again with the next record, so that a call which goes under
    /// beside one that is just being answered is no harm.
    #[cold]
    #[inline(never)]
    fn nudge(&self) {
        if !self.is_called.is_raised() {
            self.wake();
        }
    }

    /// Says which thread is to be woken: this one.
    pub(super) fn attend(&self) {
        let _ = self.thread.set(std::thread::current());
    }

    /// Waits for a call, or for so long.
    pub(super) fn wait(&self, for_at_most: Duration) {
        if !self.is_called.is_raised() {
            std::thread::park_timeout(for_at_most);
        }
        self.is_called.lower();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_lanes_that_nobody_wants_are_dropped() {
        let intake = Intake::new(Clock::system(), IdSource::fixed(), FullPolicy::DropNewest, 1024);
        let spare = || intake.spare.lock().unwrap().len();
        let several: Vec<_> = (0..5).map(|_| intake.lane().unwrap()).collect();
        several.into_iter().for_each(|lane| intake.put_back(lane));
        // All of them were wanted a moment ago.
        intake.drop_unused_lanes();
        assert_eq!(spare(), 5);
        let two = [intake.lane().unwrap(), intake.lane().unwrap()];
        let ids: Vec<u32> = two.iter().map(|lane| lane.id).collect();
        two.into_iter().for_each(|lane| intake.put_back(lane));
        intake.drop_unused_lanes();
        assert_eq!(spare(), 2);
        assert!(ids.contains(&intake.lane().unwrap().id));
        intake.drop_unused_lanes();
        intake.drop_unused_lanes();
        assert_eq!(spare(), 0);
    }
}
