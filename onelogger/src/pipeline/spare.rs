//! Batches whose memory is used again.

use std::sync::Arc;

use super::BATCH_BYTES;
use crate::exporter::Batch;

/// Batches that were sent. When every exporter is done with one, the next is made in its memory:
/// fresh memory for each would cost the system's work for every page of it.
#[derive(Default)]
pub(super) struct SpareBatches(Vec<Arc<Batch>>);

impl SpareBatches {
    /// More than so many are not kept.
    const KEPT: usize = 4;

    /// An empty batch. One that comes to nothing and is not kept is one less, so that a pipeline
    /// that has nothing to do holds no memory after a while.
    pub(super) fn take(&mut self) -> Batch {
        let free = self.0.iter_mut().rposition(|batch| Arc::get_mut(batch).is_some());
        let batch = free.and_then(|place| Arc::into_inner(self.0.remove(place)));
        // All of one size, however much is in them: memory that grows piece by piece leaves gaps.
        batch.map_or_else(|| Batch::with_room(BATCH_BYTES), Batch::into_empty)
    }

    /// Keeps a batch that is sent, in place of the oldest one if there are enough.
    pub(super) fn keep(&mut self, batch: Arc<Batch>) {
        if batch.size_bytes() > 2 * BATCH_BYTES {
            return;
        }
        if self.0.len() == Self::KEPT {
            self.0.remove(0);
        }
        self.0.push(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::{Entry, RecordKind};

    fn batch() -> Arc<Batch> {
        let mut batch = Batch::default();
        batch.push(Entry::new(RecordKind::Event));
        Arc::new(batch)
    }

    #[test]
    fn memory_is_used_again_when_nobody_reads_it() {
        let mut spare = SpareBatches::default();
        let (read, done) = (batch(), batch());
        let memory = done.entries().as_ptr();
        spare.keep(done);
        spare.keep(Arc::clone(&read));
        let again = spare.take();
        assert_eq!((again.entries().as_ptr(), again.entries().len()), (memory, 0));
        assert_eq!(read.entries().len(), 1);
        assert_ne!(spare.take().entries().as_ptr(), read.entries().as_ptr());
        let memory = read.entries().as_ptr();
        drop(read);
        assert_eq!(spare.take().entries().as_ptr(), memory);
    }

    #[test]
    fn few_are_kept_and_none_where_nothing_is_sent() {
        let mut spare = SpareBatches::default();
        let read: Vec<_> = (0..10).map(|_| batch()).collect();
        read.iter().for_each(|batch| spare.keep(Arc::clone(batch)));
        assert_eq!(spare.0.len(), SpareBatches::KEPT);
        drop(read);
        (0..SpareBatches::KEPT).for_each(|_| drop(spare.take()));
        assert!(spare.0.is_empty());
    }

    #[test]
    fn a_batch_of_unusual_size_is_not_kept() {
        let mut spare = SpareBatches::default();
        let mut large = Batch::default();
        large.copy(&vec![0; 2 * BATCH_BYTES / size_of::<u64>() + 1]);
        spare.keep(Arc::new(large));
        assert!(spare.0.is_empty());
    }
}
