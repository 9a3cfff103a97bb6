use std::time::Duration;

use onelogger::recorder::RecordError;
use onelogger::{Name, Timestamp};

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
    pub(crate) first_end: Option<Timestamp>,
    pub(crate) last_end: Option<Timestamp>,
    pub(crate) loss: Option<f64>,
    pub(crate) whole: Figures,
    /// Since the last update.
    pub(crate) window: Figures,
}

/// What adds up while a loop runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Iterations completed.
    pub(crate) completed: i64,
    pub(crate) samples: i64,
    pub(crate) iterations: Timer,
    pub(crate) throughput: Throughput,
    pub(crate) data_loading: Timer,
    pub(crate) forward: Timer,
    pub(crate) backward: Timer,
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
        self.first_end.get_or_insert(end);
        self.last_end = Some(end);
        for figures in [&mut self.whole, &mut self.window] {
            figures.completed += 1;
            figures.samples = figures.samples.saturating_add(config.global_batch_size());
            if let Some(duration) = duration {
                figures.iterations.add(duration);
            }
            if let Some(operations) = config.flops_per_iteration() {
                figures.throughput.add(operations, duration);
            }
        }
    }

    /// A timer of the loop, and the same of the window.
    pub(crate) fn timers(&mut self, timer: impl Fn(&mut Figures) -> &mut Timer) -> [&mut Timer; 2] {
        [timer(&mut self.whole), timer(&mut self.window)]
    }

    pub(crate) fn add_work(&mut self, unit: Name, amount: u64) -> Result<(), RecordError> {
        self.whole.work.add(unit.clone(), amount)?;
        self.window.work.add(unit, amount)
    }

    /// An update has told of it: the next window begins.
    pub(crate) fn begin_window(&mut self) {
        self.window = Figures::default();
    }
}
