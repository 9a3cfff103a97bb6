use std::time::Duration;

use onelogger::Timestamp;

use super::timer::Timer;
use super::work::Work;
use crate::config::TrainingConfig;
use crate::throughput::Throughput;

/// What is measured of one training loop: the one that is open, or the last one. What is measured before
/// the first loop belongs to one that has not begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrainingLoop {
    pub(crate) started: Option<Timestamp>,
    pub(crate) iterations_start: i64,
    pub(crate) samples_start: i64,
    /// Iterations completed.
    pub(crate) completed: i64,
    /// Of these, how many the last update has told of.
    pub(crate) reported: i64,
    pub(crate) samples: i64,
    pub(crate) iterations: Timer,
    pub(crate) first_end: Option<Timestamp>,
    pub(crate) last_end: Option<Timestamp>,
    pub(crate) throughput: Throughput,
    pub(crate) data_loading: Timer,
    pub(crate) forward: Timer,
    pub(crate) backward: Timer,
    pub(crate) loss: Option<f64>,
    pub(crate) work: Work,
}

impl TrainingLoop {
    pub(crate) fn begun(at: Timestamp, iterations_start: i64, samples_start: i64) -> TrainingLoop {
        TrainingLoop {
            started: Some(at),
            iterations_start,
            samples_start,
            ..TrainingLoop::default()
        }
    }

    /// Counts an iteration. `duration` is `None` where it was reported to end before it began.
    pub(crate) fn complete(
        &mut self,
        config: &TrainingConfig,
        end: Timestamp,
        duration: Option<Duration>,
    ) {
        self.completed += 1;
        self.samples = self.samples.saturating_add(config.global_batch_size());
        self.first_end.get_or_insert(end);
        self.last_end = Some(end);
        if let Some(duration) = duration {
            self.iterations.add(duration);
        }
        if let Some(operations) = config.flops_per_iteration() {
            self.throughput.add(operations, duration);
        }
    }
}
