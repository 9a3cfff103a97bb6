use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Processor;
use super::stage::Stage;
use crate::exporter::{Batch, Processed, RecordKind};

/// Processors, one after the other.
///
/// ```
/// use onelogger::processor::{EditAttributes, Processors, SampleTraces};
/// let processors = Processors::new()
///     .then(SampleTraces::ratio(0.1))
///     .then(EditAttributes::new().drop("debug.dump"));
/// assert_eq!(processors.len(), 2);
/// ```
#[derive(Default)]
#[must_use]
pub struct Processors(Vec<Stage>);

impl Processors {
    /// None.
    pub fn new() -> Processors {
        Processors::default()
    }

    /// Adds one at the end.
    pub fn then(self, processor: impl Processor) -> Processors {
        self.then_boxed(Box::new(processor))
    }

    /// Adds one whose type is known at run time only.
    pub fn then_boxed(mut self, processor: Box<dyn Processor>) -> Processors {
        self.0.push(Stage::new(processor));
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is left of a batch; `None` if that is all of it, unchanged.
    pub(crate) fn run(&mut self, batch: &Batch) -> Option<Batch> {
        let mut left = None;
        for stage in &mut self.0 {
            let next = stage.run(left.as_ref().unwrap_or(batch));
            left = next.or(left);
        }
        left.map(|left| left.with_totals(batch.totals))
    }

    /// What the processors have to say at the end.
    pub(crate) fn finish(&mut self, now_unix_nanos: u64) -> Batch {
        let mut last = Batch::default();
        for stage in &mut self.0 {
            last = stage.run(&last).unwrap_or(last);
            for event in stage.finish(now_unix_nanos) {
                last.push_event(RecordKind::Event, &event);
            }
        }
        last
    }

    pub(crate) fn counts(&self) -> Processed {
        let mut all = Processed::default();
        for stage in &self.0 {
            let Processed { added, withheld, failed } = stage.counts;
            all.added += added;
            all.withheld += withheld;
            all.failed += failed;
        }
        all
    }
}

impl Drop for Processors {
    /// A panic of a processor's `Drop` ends here: this may be the application's thread, or one that closes
    /// other exporters.
    fn drop(&mut self) {
        for stage in self.0.drain(..) {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(stage)));
        }
    }
}

impl fmt::Debug for Processors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Stage::name)).finish()
    }
}
