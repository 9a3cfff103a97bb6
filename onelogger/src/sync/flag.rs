//! A flag, a count that ends, and a counter, which several threads share.

use super::primitive::{AtomicBool, AtomicU64, Ordering};

/// A flag. What was done before [`Flag::raise`] is visible to whoever sees it raised.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) fn new() -> Flag {
        Flag(AtomicBool::new(false))
    }

    /// Raises the flag; whether it was down. Of several threads one gets `true`.
    pub(crate) fn raise(&self) -> bool {
        // AcqRel: pairs with the Acquire of `is_raised`, and with the swap of another thread, which
        // thereby sees what was done before it by the one that came first.
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Takes the flag down.
    pub(crate) fn lower(&self) {
        // A swap and not a store: what was done before an earlier `raise` is visible from here on,
        // and a later `raise` finds the flag down.
        self.0.swap(false, Ordering::AcqRel);
    }

    pub(crate) fn is_raised(&self) -> bool {
        // Acquire: pairs with the Release half of `raise`.
        self.0.load(Ordering::Acquire)
    }
}

/// A count that one thread reads for the last time while others still add: what is added is either
/// in the last reading or refused.
#[derive(Debug)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    /// The highest bit says that the last reading was taken.
    const SEALED: u64 = 1 << 63;

    pub(crate) fn new() -> Tally {
        Tally(AtomicU64::new(0))
    }

    /// Counts one; `false` if the last reading was taken.
    pub(crate) fn add_one(&self) -> bool {
        // Relaxed: the count alone matters, and every change of it is a step in one order.
        self.0.fetch_add(1, Ordering::Relaxed) & Self::SEALED == 0
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & !Self::SEALED
    }

    /// Takes the last reading. A second one gives the same or more.
    pub(crate) fn seal(&self) -> u64 {
        self.0.fetch_or(Self::SEALED, Ordering::Relaxed) & !Self::SEALED
    }
}

/// A number that only grows. What was done before an addition is visible to whoever reads a sum
/// that holds it.
#[derive(Debug)]
pub(crate) struct Counter(std::sync::atomic::AtomicU64);

impl Counter {
    pub(crate) const fn new(value: u64) -> Counter {
        Counter(std::sync::atomic::AtomicU64::new(value))
    }

    /// Adds, and returns what the counter was before.
    pub(crate) fn add(&self, amount: u64) -> u64 {
        // AcqRel: pairs with the Acquire of `get` and with other additions.
        self.0.fetch_add(amount, std::sync::atomic::Ordering::AcqRel)
    }

    pub(crate) fn get(&self) -> u64 {
        // Acquire: pairs with the Release half of `add`.
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}

#[cfg(all(test, onelogger_loom))]
mod loom_tests {
    use std::sync::Arc;

    use super::*;

    /// Additions against the last reading: it holds those that were accepted.
    #[test]
    fn loom_what_is_accepted_is_in_the_last_reading() {
        loom::model(|| {
            let tally = Arc::new(Tally::new());
            let adders = [(), ()].map(|()| {
                let tally = Arc::clone(&tally);
                loom::thread::spawn(move || tally.add_one() as u64)
            });
            let sealed = tally.seal();
            let accepted: u64 = adders.map(|adder| adder.join().unwrap()).iter().sum();
            assert_eq!(sealed, accepted);
        });
    }

    /// Whoever sees a flag raised sees what was done before, and one of two that raise it is first.
    #[test]
    fn loom_a_raised_flag_shows_what_was_done_before() {
        loom::model(|| {
            let shared = Arc::new((Flag::new(), loom::cell::UnsafeCell::new(0_u32)));
            let raiser = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    // SAFETY: the other thread reads once it has seen the flag raised.
                    shared.1.with_mut(|place| unsafe { *place = 7 });
                    assert!(shared.0.raise());
                })
            };
            if shared.0.is_raised() {
                // SAFETY: the writer is done; loom checks that.
                assert_eq!(shared.1.with(|place| unsafe { *place }), 7);
                assert!(!shared.0.raise());
            }
            raiser.join().unwrap();
        });
    }
}
