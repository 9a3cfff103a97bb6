//! A bounded ring of words from one thread to the pipeline.
//!
//! Protocol. `tail` counts the words that the producer has published, `head` those that the
//! consumer has taken; both only grow. The words from `head` to `tail` belong to the consumer, the
//! others to the producer. The producer stores `tail` with Release after it has written, and the
//! consumer loads it with Acquire before it reads; the consumer stores `head` with Release after
//! it has read, and the producer loads it with Acquire before it writes there again.
//!
//! The lowest bit of the published word says that the lane is sealed. The producer publishes with
//! a compare-exchange, so a record is either seen by the consumer that seals, or refused: at a
//! close no record can fall between.
//!
//! A start reserves room for its stop ([`Claim::Reserve`]), so that a stop never finds the lane
//! full ([`Claim::Use`]). A stop that went another way leaves its reservation behind; the consumer
//! gives that back through `returned`. Reservations only limit what the producer may publish; the
//! safety of the words rests on `head` and `tail` alone.

use std::sync::Arc;

use super::primitive::{AtomicBool, AtomicU64, Ordering, SharedWords};

struct Lane {
    words: SharedWords,
    /// Words published, times two, plus one when sealed.
    tail: AtomicU64,
    /// Words taken.
    head: AtomicU64,
    /// Words of reservations that the consumer has given back.
    returned: AtomicU64,
    /// There is no producer any more.
    ended: AtomicBool,
}

const SEALED: u64 = 1;

/// The writing end. There is one for each lane.
pub(crate) struct Producer {
    lane: Arc<Lane>,
    /// What we published last.
    tail: u64,
    /// The same within the ring, or the ring's end.
    at: usize,
    /// Up to here in the ring, from `at`, the consumer has no words: as we last saw it.
    limit: usize,
    /// So many words may be published before the consumer is looked at again: fewer than are free beside
    /// the reservations.
    quick: usize,
    /// The consumer's `head` as we last saw it.
    head: u64,
    /// Words ever reserved, less those used; `returned` comes off as well.
    reserved: u64,
}

/// The reading end. There is one for each lane.
pub(crate) struct Consumer {
    lane: Arc<Lane>,
    head: u64,
}

/// What a record has to do with reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Nothing,
    /// Keep so many words free for later.
    Reserve(usize),
    /// So many words were kept free for this record.
    Use(usize),
}

/// Why a record was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// There is no room for it now.
    Full,
    /// The consumer takes nothing more.
    Sealed,
}

/// Makes a lane of so many words.
pub(crate) fn lane(words: usize) -> (Producer, Consumer) {
    let lane = Arc::new(Lane {
        words: SharedWords::new(words.max(1)),
        tail: AtomicU64::new(0),
        head: AtomicU64::new(0),
        returned: AtomicU64::new(0),
        ended: AtomicBool::new(false),
    });
    let producer = Producer {
        lane: Arc::clone(&lane),
        tail: 0,
        at: 0,
        limit: 0,
        quick: 0,
        head: 0,
        reserved: 0,
    };
    (producer, Consumer { lane, head: 0 })
}

impl Producer {
    /// Publishes `words`, all of them or nothing. Returns whether so much waits for the consumer that it
    /// should be woken: more than a quarter of the lane, looked at now and then.
    #[inline]
    pub(crate) fn push(&mut self, words: &[u64], claim: Claim) -> Result<bool, PushError> {
        if !self.can_publish(words.len(), claim) {
            return self.push_with_a_look(words, claim);
        }
        // SAFETY: `can_publish` says that the consumer has none of these places, and it gets none before
        // the publication below; there is no other producer (`Producer` is not `Clone` and `push` takes
        // `&mut self`).
        unsafe { self.lane.words.write(self.at, words) };
        self.publish_claimed(words.len(), claim)?;
        Ok(false)
    }

    /// The same for few words, which are written one by one, and only where no look at the consumer is
    /// needed; whether they are published.
    #[inline(always)]
    pub(crate) fn push_few<const N: usize>(&mut self, words: [u64; N], claim: Claim) -> bool {
        if !self.can_publish(N, claim) {
            return false;
        }
        // SAFETY: as in `push`.
        unsafe { self.lane.words.write_few(self.at, words) };
        self.publish_claimed(N, claim).is_ok()
    }

    /// Whether so many words may be published, one after the other, without a look at the consumer.
    #[inline(always)]
    fn can_publish(&self, words: usize, claim: Claim) -> bool {
        let has_room = match claim {
            Claim::Nothing => words <= self.quick,
            Claim::Reserve(kept) => words + kept <= self.quick,
            // What was kept for it is its room.
            Claim::Use(kept) => words <= kept,
        };
        // The places up to the limit are free, whoever claims what.
        has_room && words <= self.limit.wrapping_sub(self.at)
    }

    #[inline(always)]
    fn publish_claimed(&mut self, words: usize, claim: Claim) -> Result<(), PushError> {
        self.publish(words)?;
        self.at += words;
        match claim {
            Claim::Nothing => self.quick -= words,
            Claim::Reserve(kept) => {
                self.quick -= words + kept;
                self.reserved += kept as u64;
            }
            Claim::Use(kept) => self.reserved = self.reserved.saturating_sub(kept as u64),
        }
        Ok(())
    }

    /// The places of the next words in the ring, as many as may be published without a look at the
    /// consumer, beside what a claim keeps free; for [`commit`](Producer::commit).
    ///
    /// Loom has no slices of its cells: its models see the same protocol in `push`.
    #[cfg(not(onelogger_loom))]
    #[inline(always)]
    pub(crate) fn space(&mut self, claim: Claim) -> &mut [u64] {
        let kept = if let Claim::Reserve(words) = claim { words } else { 0 };
        let end = self.limit.min(self.at + self.quick.saturating_sub(kept));
        // SAFETY: as in `push`; the slice borrows the only producer.
        unsafe { self.lane.words.lend(self.at, end) }
    }

    /// Publishes so many of the words that were written into [`space`](Producer::space).
    #[cfg(not(onelogger_loom))]
    #[inline(always)]
    pub(crate) fn commit(&mut self, words: usize, claim: Claim) -> Result<(), PushError> {
        if self.can_publish(words, claim) {
            self.publish_claimed(words, claim)
        } else {
            Err(PushError::Full)
        }
    }

    /// The same as `push` with a look at what the consumer has taken, and across the end of the ring.
    #[cold]
    #[inline(never)]
    fn push_with_a_look(&mut self, words: &[u64], claim: Claim) -> Result<bool, PushError> {
        let capacity = self.lane.words.len();
        self.look_at_head();
        let outstanding = self.outstanding();
        let (keep, kept) = match claim {
            Claim::Nothing => (0, 0),
            Claim::Reserve(words) => (words as u64, 0),
            // A reservation that was given back meanwhile is no room any more.
            Claim::Use(words) => (0, outstanding.min(words as u64)),
        };
        let free = capacity as u64 - self.used();
        if words.len() as u64 + keep + outstanding - kept > free {
            return Err(if self.is_sealed() { PushError::Sealed } else { PushError::Full });
        }
        let at = if self.at == capacity { 0 } else { self.at };
        let (first, second) = words.split_at(words.len().min(capacity - at));
        // SAFETY: as many words are free, from `tail` on around the ring; else as in `push`.
        unsafe {
            self.lane.words.write(at, first);
            self.lane.words.write(0, second);
        }
        self.publish(words.len())?;
        self.at = if second.is_empty() { at + first.len() } else { second.len() };
        self.reserved = self.reserved + keep - kept;
        Ok(self.measure())
    }

    /// Sets how far `push` may go without a look. Returns whether the consumer should be woken.
    fn measure(&mut self) -> bool {
        /// Beyond a quarter the consumer is looked at, and woken, every so many parts of the lane.
        const PARTS: usize = 64;
        let capacity = self.lane.words.len();
        let (used, outstanding) = (self.used() as usize, self.outstanding() as usize);
        let free = capacity - used;
        self.limit = (self.at + free).min(capacity);
        let is_filling = used > capacity / 4;
        let until_next = if is_filling { capacity / PARTS } else { capacity / 4 + 1 - used };
        self.quick = match self.is_mostly_reserved() {
            true => 0,
            false => free.saturating_sub(outstanding).min(until_next),
        };
        is_filling
    }

    #[inline(always)]
    fn publish(&mut self, words: usize) -> Result<(), PushError> {
        let tail = self.tail + words as u64;
        // Release: pairs with the Acquire in `drain_into` and `seal_and_drain_into`. It fails only when the
        // consumer has sealed the lane; then nobody will look at the words again.
        self.lane
            .tail
            .compare_exchange(self.tail << 1, tail << 1, Ordering::Release, Ordering::Relaxed)
            .map_err(|_| PushError::Sealed)?;
        self.tail = tail;
        Ok(())
    }

    /// Whether the consumer takes nothing more. What was done before the seal is visible then: whoever
    /// gives the lane up for that knows that the epoch is another one.
    pub(crate) fn is_sealed(&self) -> bool {
        // Acquire: pairs with the Release of `seal_and_drain_into`.
        self.lane.tail.load(Ordering::Acquire) & SEALED != 0
    }

    /// How many words the lane has.
    pub(crate) fn capacity(&self) -> usize {
        self.lane.words.len()
    }

    /// Whether there is no room for so many words, whatever the consumer has taken by now.
    pub(crate) fn is_full(&mut self, words: usize) -> bool {
        self.look_at_head();
        words as u64 + self.used() + self.outstanding() > self.lane.words.len() as u64
    }

    /// Whether so much of the lane is kept free for stops that starts should not reserve more.
    pub(crate) fn is_mostly_reserved(&self) -> bool {
        self.outstanding() > self.lane.words.len() as u64 / 2
    }

    /// Words published that the consumer has not taken, as we last saw it.
    fn used(&self) -> u64 {
        self.tail - self.head
    }

    fn look_at_head(&mut self) {
        // Acquire: pairs with the Release store in `take_up_to`; the consumer has read the words
        // before this `head`, so they may be written again.
        self.head = self.lane.head.load(Ordering::Acquire);
    }

    /// Words kept free for stops.
    fn outstanding(&self) -> u64 {
        // Relaxed: a number that grows; to see it late is to see less room.
        self.reserved.saturating_sub(self.lane.returned.load(Ordering::Relaxed))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // Release: pairs with the Acquire load of `has_ended`; what we published is visible to
        // whoever sees that we ended.
        self.lane.ended.store(true, Ordering::Release);
    }
}

impl Consumer {
    /// Appends all that is published to `out` and frees its room.
    pub(crate) fn drain_into(&mut self, out: &mut Vec<u64>) {
        // Acquire: pairs with the Release publication of `push`.
        let tail = self.lane.tail.load(Ordering::Acquire) >> 1;
        self.take_up_to(tail, out);
    }

    /// Refuses all later records, and appends what was published before to `out`.
    pub(crate) fn seal_and_drain_into(&mut self, out: &mut Vec<u64>) {
        // Acquire: as in `drain_into`. The producer's compare-exchange comes before this in the
        // order of changes to `tail`, and its words are read below; or after, and it fails.
        // Release: pairs with the Acquire of `is_sealed`.
        let tail = self.lane.tail.fetch_or(SEALED, Ordering::AcqRel) >> 1;
        self.take_up_to(tail, out);
    }

    fn take_up_to(&mut self, tail: u64, out: &mut Vec<u64>) {
        let capacity = self.lane.words.len();
        let (at, count) = ((self.head % capacity as u64) as usize, (tail - self.head) as usize);
        let first = count.min(capacity - at);
        // SAFETY: the words from `head` to `tail` are published, which the Acquire load of `tail`
        // makes visible, and the producer does not write them before it sees the store below.
        unsafe {
            self.lane.words.read(at, first, out);
            self.lane.words.read(0, count - first, out);
        }
        self.head = tail;
        // Release: pairs with the Acquire load in `push`.
        self.lane.head.store(tail, Ordering::Release);
    }

    /// How many words the lane has.
    pub(crate) fn capacity(&self) -> usize {
        self.lane.words.len()
    }

    /// Whether there is nothing to drain.
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a look; whoever reads words looks again.
        self.lane.tail.load(Ordering::Relaxed) >> 1 == self.head
    }

    /// Gives a reservation of so many words back that no stop will use.
    pub(crate) fn give_back(&mut self, words: usize) {
        self.lane.returned.fetch_add(words as u64, Ordering::Relaxed);
    }

    /// Whether the producer is gone, so that nothing comes beyond what a drain after this finds.
    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: pairs with the Release store of the producer's `drop`.
        self.lane.ended.load(Ordering::Acquire)
    }
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests;

#[cfg(all(test, onelogger_loom))]
mod loom_tests {
    use super::*;

    /// The ring wraps while the consumer drains: no word is torn, lost or doubled.
    #[test]
    fn loom_words_arrive_once_and_in_order() {
        loom::model(|| {
            let (mut producer, mut consumer) = lane(3);
            let writer = loom::thread::spawn(move || {
                let mut sent = 0;
                for record in [[1_u64, 2], [3, 4], [5, 6]] {
                    match producer.push(&record, Claim::Nothing) {
                        Ok(_) => sent += 1,
                        Err(error) => {
                            assert_eq!(error, PushError::Full);
                            break;
                        }
                    }
                }
                sent
            });
            let mut out = Vec::new();
            consumer.drain_into(&mut out);
            consumer.drain_into(&mut out);
            let sent = writer.join().unwrap();
            consumer.drain_into(&mut out);
            let expected: Vec<u64> = (1..=2 * sent).collect();
            assert_eq!(out, expected);
        });
    }

    /// A seal against a push: what was accepted is what was drained.
    #[test]
    fn loom_a_record_is_drained_or_refused() {
        loom::model(|| {
            let (mut producer, mut consumer) = lane(4);
            let writer = loom::thread::spawn(move || {
                let first = producer.push(&[1], Claim::Reserve(1)).is_ok();
                let second = producer.push(&[2], Claim::Use(1)).is_ok();
                assert!(first || !second);
                first as usize + second as usize
            });
            let mut out = Vec::new();
            consumer.drain_into(&mut out);
            consumer.seal_and_drain_into(&mut out);
            assert_eq!(writer.join().unwrap(), out.len());
        });
    }

    /// Whoever finds a lane sealed sees what was done before.
    #[test]
    fn loom_a_sealed_lane_shows_what_was_done_before() {
        loom::model(|| {
            let (producer, mut consumer) = lane(1);
            let epoch = Arc::new(loom::cell::UnsafeCell::new(0_u32));
            let closing = {
                let epoch = Arc::clone(&epoch);
                loom::thread::spawn(move || {
                    // SAFETY: the other thread reads once it has seen the seal.
                    epoch.with_mut(|place| unsafe { *place = 7 });
                    consumer.seal_and_drain_into(&mut Vec::new());
                })
            };
            if producer.is_sealed() {
                // SAFETY: the writer is done; loom checks that.
                assert_eq!(epoch.with(|place| unsafe { *place }), 7);
            }
            closing.join().unwrap();
        });
    }

    /// Pushes without a look at the consumer, and what they find when they have to look: the words of a
    /// ring that wraps arrive once and in order, and a stop finds its room.
    #[test]
    fn loom_few_words_arrive_once_and_in_order() {
        loom::model(|| {
            // So long that a look at the consumer allows for a whole span.
            let (mut producer, mut consumer) = lane(32);
            let writer = loom::thread::spawn(move || {
                let mut sent = 0;
                let mut push = |producer: &mut Producer, claim| {
                    let words = [sent + 1, sent + 2, sent + 3];
                    let is_pushed =
                        producer.push_few(words, claim) || producer.push(&words, claim).is_ok();
                    sent += if is_pushed { 3 } else { 0 };
                    is_pushed
                };
                for _ in 0..6 {
                    if push(&mut producer, Claim::Reserve(3)) {
                        assert!(push(&mut producer, Claim::Use(3)), "its room is kept");
                    }
                }
                sent
            });
            let mut out = Vec::new();
            consumer.drain_into(&mut out);
            consumer.drain_into(&mut out);
            let sent: u64 = writer.join().unwrap();
            assert!(sent >= 30, "five spans fit without a consumer");
            consumer.drain_into(&mut out);
            assert_eq!(out, (1..=sent).collect::<Vec<u64>>());
        });
    }

    /// The same while the consumer seals the lane: what was accepted is what was drained.
    #[test]
    fn loom_few_words_are_drained_or_refused() {
        loom::model(|| {
            let (mut producer, mut consumer) = lane(16);
            producer.push(&[0], Claim::Nothing).unwrap();
            let writer = loom::thread::spawn(move || {
                let first = producer.push_few([1], Claim::Reserve(1));
                let second = producer.push_few([2], Claim::Use(1));
                assert!(first || !second);
                first as u64 + second as u64
            });
            let mut out = Vec::new();
            consumer.drain_into(&mut out);
            consumer.seal_and_drain_into(&mut out);
            assert_eq!(out, (0..=writer.join().unwrap()).collect::<Vec<u64>>());
        });
    }

    /// A reservation that is given back while the producer goes on: room is never counted twice.
    #[test]
    fn loom_a_reservation_is_used_or_given_back() {
        loom::model(|| {
            let (mut producer, mut consumer) = lane(3);
            producer.push(&[1], Claim::Reserve(2)).unwrap();
            let writer = loom::thread::spawn(move || {
                let mut sent = 1;
                for record in [[2, 3], [4, 5]] {
                    match producer.push(&record, Claim::Nothing) {
                        Ok(_) => sent += 2,
                        Err(_) => break,
                    }
                }
                sent
            });
            let mut out = Vec::new();
            consumer.drain_into(&mut out);
            consumer.give_back(2);
            consumer.drain_into(&mut out);
            let sent = writer.join().unwrap();
            consumer.drain_into(&mut out);
            assert_eq!(out, (1..=sent).collect::<Vec<u64>>());
        });
    }

    /// A producer that ends: whoever sees that, sees all that it published.
    #[test]
    fn loom_an_ended_lane_holds_all_that_was_published() {
        loom::model(|| {
            let (mut producer, mut consumer) = lane(2);
            let writer = loom::thread::spawn(move || {
                producer.push(&[7], Claim::Nothing).unwrap();
            });
            if consumer.has_ended() {
                let mut out = Vec::new();
                consumer.drain_into(&mut out);
                assert_eq!(out, [7]);
            }
            writer.join().unwrap();
        });
    }
}
