//! Memory that is used again.

use std::sync::Arc;

use super::BATCH_BYTES;
use crate::exporter::Batch;

/// Large pieces of memory that nobody uses at the moment. What nobody has wanted for some time goes: so it
/// is as much as is needed at times, and after a while nothing where nothing happens. Memory that is asked
/// for and given back all the time would come to more and more, because the allocator cannot always
/// use a gap again.
pub(super) struct Spare<T> {
    pieces: Vec<T>,
    /// So many of them, from the first, nobody has wanted since the unused ones were taken last.
    unused: usize,
}

impl<T> Default for Spare<T> {
    fn default() -> Spare<T> {
        Spare { pieces: Vec::new(), unused: 0 }
    }
}

impl<T> Spare<T> {
    /// The one that was used last: it is the warmest, and those that nobody needs stay below.
    pub(super) fn take(&mut self) -> Option<T> {
        let piece = self.pieces.pop();
        self.unused = self.unused.min(self.pieces.len());
        piece
    }

    pub(super) fn keep(&mut self, piece: T) {
        self.pieces.push(piece);
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Those that nobody has wanted since this was called last.
    pub(super) fn take_unused(&mut self) -> Vec<T> {
        let wanted = self.pieces.split_off(self.unused);
        self.unused = wanted.len();
        std::mem::replace(&mut self.pieces, wanted)
    }
}

/// Batches: those that exporters have at the moment, and the memory of those that all are done with.
#[derive(Default)]
pub(super) struct SpareBatches {
    lent: Vec<Arc<Batch>>,
    spare: Spare<Batch>,
}

impl SpareBatches {
    /// An empty batch.
    pub(super) fn take(&mut self) -> Batch {
        self.collect();
        // All of one size, however much is in them: memory that grows piece by piece leaves gaps.
        self.spare.take().unwrap_or_else(|| Batch::with_room(BATCH_BYTES))
    }

    /// Waits for the memory of a batch that was sent.
    pub(super) fn lend(&mut self, batch: Arc<Batch>) {
        self.lent.push(batch);
    }

    /// Keeps the memory of a batch that is used no more, unless it is of an uncommon size.
    pub(super) fn keep(&mut self, batch: Batch) {
        let kept = batch.kept_bytes();
        if (BATCH_BYTES..=4 * BATCH_BYTES).contains(&kept) {
            self.spare.keep(batch.into_empty());
        }
    }

    /// Frees what nobody has wanted since this was called last.
    pub(super) fn drop_unused(&mut self) {
        self.collect();
        drop(self.spare.take_unused());
    }

    /// How many there are, lent or not.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lent.len() + self.spare.len()
    }

    fn collect(&mut self) {
        let mut place = 0;
        while let Some(batch) = self.lent.get(place) {
            if Arc::strong_count(batch) > 1 {
                place += 1;
            } else if let Some(batch) = Arc::into_inner(self.lent.swap_remove(place)) {
                self.keep(batch);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::{Entry, RecordKind};

    #[test]
    fn what_nobody_wants_goes() {
        let mut spare = Spare::default();
        (0..5).for_each(|piece| spare.keep(piece));
        // All of them came a moment ago.
        assert!(spare.take_unused().is_empty());
        let two = [spare.take(), spare.take()];
        assert_eq!(two, [Some(4), Some(3)]);
        two.into_iter().flatten().for_each(|piece| spare.keep(piece));
        assert_eq!(spare.take_unused(), [0, 1, 2]);
        assert_eq!(spare.len(), 2);
        assert_eq!(spare.take_unused(), [4, 3]);
        assert_eq!(spare.take(), None);
    }

    fn batch() -> Arc<Batch> {
        let mut batch = Batch::with_room(BATCH_BYTES);
        batch.push(Entry::new(RecordKind::Event));
        Arc::new(batch)
    }

    #[test]
    fn memory_is_used_again_when_nobody_reads_it() {
        let mut spare = SpareBatches::default();
        let (read, done) = (batch(), batch());
        let memory = done.entries().as_ptr();
        spare.lend(done);
        spare.lend(Arc::clone(&read));
        let again = spare.take();
        assert_eq!((again.entries().as_ptr(), again.entries().len()), (memory, 0));
        assert_eq!(read.entries().len(), 1);
        assert_ne!(spare.take().entries().as_ptr(), read.entries().as_ptr());
        let memory = read.entries().as_ptr();
        drop(read);
        assert_eq!(spare.take().entries().as_ptr(), memory);
    }

    #[test]
    fn as_many_are_kept_as_were_read_at_a_time() {
        let mut spare = SpareBatches::default();
        let read: Vec<_> = (0..10).map(|_| batch()).collect();
        read.iter().for_each(|batch| spare.lend(Arc::clone(batch)));
        spare.drop_unused();
        assert_eq!((spare.lent.len(), spare.spare.len()), (10, 0));
        drop(read);
        spare.drop_unused();
        assert_eq!((spare.lent.len(), spare.spare.len()), (0, 10));
        spare.drop_unused();
        assert_eq!(spare.spare.len(), 0);
    }

    #[test]
    fn a_batch_of_unusual_size_is_not_kept() {
        let mut spare = SpareBatches::default();
        spare.lend(Arc::new(Batch::with_room(8 * BATCH_BYTES)));
        spare.keep(Batch::default());
        spare.drop_unused();
        assert_eq!((spare.lent.len(), spare.spare.len()), (0, 0));
    }
}
