//! A flag and a counter that several threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag. What was done before [`Flag::raise`] is visible to whoever sees it raised.
#[derive(Debug)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) const fn new() -> Flag {
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

    pub(crate) const fn new() -> Tally {
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

/// A number that only grows. It orders nothing else in memory.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new(value: u64) -> Counter {
        Counter(AtomicU64::new(value))
    }

    /// Adds, and returns what the counter was before.
    pub(crate) fn add(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
