//! The standard library's atomics, or loom's where every interleaving is explored.

#[cfg(not(onelogger_loom))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

#[cfg(onelogger_loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// Words that one thread writes while another reads others of them.
///
/// It checks bounds and nothing else: who may touch which words is the caller's protocol.
#[cfg(not(onelogger_loom))]
pub(super) struct SharedWords(Box<[std::cell::UnsafeCell<u64>]>);

#[cfg(not(onelogger_loom))]
impl SharedWords {
    pub(super) fn new(count: usize) -> SharedWords {
        // Zeroed by the allocator, so that pages that are never used are never touched.
        let words = Box::into_raw(vec![0_u64; count].into_boxed_slice());
        // SAFETY: `UnsafeCell<u64>` has the layout of `u64`, the pointer was just released by a
        // box of the same length, and no one else has it.
        SharedWords(unsafe { Box::from_raw(words as *mut [std::cell::UnsafeCell<u64>]) })
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies `words` to the place `at`.
    ///
    /// # Safety
    /// Until this returns no other thread may read or write these places.
    pub(super) unsafe fn write(&self, at: usize, words: &[u64]) {
        let target = &self.0[at..at + words.len()];
        // SAFETY: `target` has as many words as `words`; `UnsafeCell` lets us write through a
        // shared borrow, and the caller keeps other threads away. A slice borrowed from outside
        // cannot overlap with words that are only ever lent as raw places.
        unsafe {
            let to = target.as_ptr().cast::<u64>().cast_mut();
            std::ptr::copy_nonoverlapping(words.as_ptr(), to, words.len());
        }
    }

    /// Writes few words to the place `at`, each by itself: put together and copied, they would have to wait
    /// for each other.
    ///
    /// # Safety
    /// Until this returns no other thread may read or write these places.
    #[inline(always)]
    pub(super) unsafe fn write_few<const N: usize>(&self, at: usize, words: [u64; N]) {
        let target = &self.0[at..at + N];
        for (place, word) in target.iter().zip(words) {
            // SAFETY: the caller keeps other threads away, and nobody else is lent this place.
            unsafe { *place.get() = word };
        }
    }

    /// Lends the words from `at` to `end` for writing.
    ///
    /// # Safety
    /// As long as the slice lives no other thread may read or write these places, and they are lent to
    /// nobody else.
    #[expect(clippy::mut_from_ref, reason = "the words are shared; the caller keeps others away")]
    pub(super) unsafe fn lend(&self, at: usize, end: usize) -> &mut [u64] {
        let places = &self.0[at..end];
        // SAFETY: `UnsafeCell` lets us write through a shared borrow, has the layout of what it holds,
        // and the caller keeps everybody else away.
        unsafe {
            let first = places.as_ptr().cast::<u64>().cast_mut();
            std::slice::from_raw_parts_mut(first, places.len())
        }
    }

    /// Appends `count` words from the place `at` to `out`.
    ///
    /// # Safety
    /// Until this returns no other thread may write these places.
    pub(super) unsafe fn read(&self, at: usize, count: usize, out: &mut Vec<u64>) {
        let source = &self.0[at..at + count];
        // SAFETY: `source` has `count` initialized words and the caller keeps writers away.
        out.extend_from_slice(unsafe {
            std::slice::from_raw_parts(source.as_ptr().cast::<u64>(), count)
        });
    }
}

#[cfg(not(onelogger_loom))]
// SAFETY: the words are plain integers; access is governed by the contracts of `write` and `read`.
unsafe impl Sync for SharedWords {}

#[cfg(onelogger_loom)]
pub(super) struct SharedWords(Vec<loom::cell::UnsafeCell<u64>>);

#[cfg(onelogger_loom)]
impl SharedWords {
    pub(super) fn new(count: usize) -> SharedWords {
        SharedWords((0..count).map(|_| loom::cell::UnsafeCell::new(0)).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) unsafe fn write(&self, at: usize, words: &[u64]) {
        for (place, &word) in self.0[at..at + words.len()].iter().zip(words) {
            // SAFETY: the caller's contract; loom checks that it is kept.
            place.with_mut(|place| unsafe { *place = word });
        }
    }

    pub(super) unsafe fn write_few<const N: usize>(&self, at: usize, words: [u64; N]) {
        // SAFETY: the caller's contract.
        unsafe { self.write(at, &words) };
    }

    pub(super) unsafe fn read(&self, at: usize, count: usize, out: &mut Vec<u64>) {
        for place in &self.0[at..at + count] {
            // SAFETY: the caller's contract; loom checks that it is kept.
            out.push(place.with(|place| unsafe { *place }));
        }
    }
}

#[cfg(onelogger_loom)]
// SAFETY: as above.
unsafe impl Sync for SharedWords {}
