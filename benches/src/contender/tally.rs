//! Counts what arrives, from many threads, without being what slows them down.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const CELLS: usize = 16;

/// A cache line, and the one that is fetched with it.
#[repr(align(128))]
struct Aligned(AtomicU64);

/// One cell for each thread, as long as there are no more threads than cells.
pub(super) struct Tally([Aligned; CELLS]);

impl Tally {
    pub(super) const fn new() -> Tally {
        Tally([const { Aligned(AtomicU64::new(0)) }; CELLS])
    }

    pub(super) fn add(&self, count: usize) {
        self.0[cell()].0.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|cell| cell.0.load(Ordering::Relaxed)).sum()
    }
}

/// The cell of this thread.
fn cell() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static CELL: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    CELL.with(|cell| {
        if cell.get() == usize::MAX {
            cell.set(THREADS.fetch_add(1, Ordering::Relaxed) % CELLS);
        }
        cell.get()
    })
}
