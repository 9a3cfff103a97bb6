//! What is known of a job: plain values, without a clock and without a recorder.

mod checkpoints;
mod slots;
mod timer;
mod training;
mod work;

use std::sync::Arc;

use checkpoints::Checkpoints;
pub(crate) use checkpoints::{Progress, Which};
use onelogger::recorder::RecordError;
use onelogger::{Span, Timestamp};
pub(crate) use slots::Open;
use slots::Slots;
pub(crate) use timer::{Timer, between};
pub(crate) use training::{Figures, TrainingLoop};

use crate::config::{TraceShape, TrainingConfig};
use crate::recorder::refused;

/// A job: its training loop, and the totals over all of its loops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    pub(crate) config: Option<Arc<TrainingConfig>>,
    pub(crate) slots: Slots,
    pub(crate) training: TrainingLoop,
    /// Training iterations completed, with those before this job.
    pub(crate) completed_overall: i64,
    /// Floating point operations, with those before this job; `None` where throughput is not computed.
    pub(crate) flops_overall: Option<i128>,
    /// The training iterations of all loops.
    pub(crate) training_times: Timer,
    pub(crate) validation: Evaluation,
    pub(crate) testing: Evaluation,
    pub(crate) checkpoints: Checkpoints,
    /// Whether a save has ended since the checkpoint interval began.
    pub(crate) is_interval_over: bool,
}

/// What is measured of validation, or of testing, over all of its loops.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evaluation {
    pub(crate) iterations: Timer,
    /// Those since it was last done.
    pub(crate) window: Timer,
    /// Training iterations completed when it was last done, or when training began.
    pub(crate) last_at: i64,
}

impl Evaluation {
    pub(crate) fn timers(&mut self) -> [&mut Timer; 2] {
        [&mut self.iterations, &mut self.window]
    }

    /// It is done, after so many training iterations.
    pub(crate) fn begin_window(&mut self, completed_overall: i64) {
        self.last_at = completed_overall;
        self.window = Timer::default();
    }
}

pub(crate) fn no_config() -> RecordError {
    refused("the training configuration is not set; set it before this")
}

impl Job {
    /// The configuration, which most of a training cannot do without.
    pub(crate) fn expect_config(&self) -> Result<&Arc<TrainingConfig>, RecordError> {
        self.config.as_ref().ok_or_else(no_config)
    }

    pub(crate) fn set_config(&mut self, config: Arc<TrainingConfig>) -> Result<(), RecordError> {
        if self.config.is_some() {
            return Err(refused("the training configuration is set already"));
        }
        self.flops_overall = config.flops_per_iteration().map(|_| 0);
        self.config = Some(config);
        Ok(())
    }

    /// Whether records are made that the Python library does not have.
    pub(crate) fn has_additions(&self) -> bool {
        self.config.as_ref().is_some_and(|config| config.0.has_additions)
    }

    pub(crate) fn trace_shape(&self) -> TraceShape {
        self.config.as_ref().map(|config| config.0.trace_shape).unwrap_or_default()
    }

    /// Whether saves are recorded.
    pub(crate) fn records_saves(&self) -> bool {
        self.config.as_ref().is_none_or(|config| config.0.is_save_checkpoint_enabled)
    }

    pub(crate) fn begin_training(&mut self, training: TrainingLoop) {
        let start = training.iterations_start;
        let operations = self.config.as_ref().and_then(|config| config.flops_per_iteration());
        self.flops_overall =
            operations.map(|operations| operations.saturating_mul(i128::from(start)));
        self.completed_overall = start;
        self.validation.last_at = start;
        self.testing.last_at = start;
        self.training = training;
    }

    /// Counts a training iteration.
    pub(crate) fn complete_iteration(
        &mut self,
        started: Timestamp,
        end: Timestamp,
    ) -> Result<(), RecordError> {
        let config = Arc::clone(self.expect_config()?);
        let duration = between(started, end);
        self.completed_overall = self.completed_overall.saturating_add(1);
        if let Some(duration) = duration {
            self.training_times.add(duration);
        }
        if let Some(operations) = config.flops_per_iteration() {
            let overall = self.flops_overall.get_or_insert(0);
            *overall = overall.saturating_add(operations);
        }
        self.training.complete(&config, end, duration);
        Ok(())
    }

    /// Whether an update of the metrics is due after an iteration. The first iteration of all never is,
    /// as in the Python library.
    pub(crate) fn is_update_due(&self) -> bool {
        let every = self.config.as_ref().map(|config| config.log_every_n_train_iterations());
        every.is_some_and(|every| self.completed_overall > 1 && self.completed_overall % every == 0)
    }

    /// How far training has come.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            iterations: self.completed_overall,
            samples: self.training.samples_start.saturating_add(self.training.whole.samples),
            training: self.training_times.total(),
            validation: self.validation.iterations.total(),
            flops: self.flops_overall,
        }
    }

    /// The zero-based iteration that was completed last.
    pub(crate) fn current_iteration(&self) -> i64 {
        (self.completed_overall - 1).max(0)
    }

    /// The open training loop's span.
    pub(crate) fn training_span(&self) -> Result<Span, RecordError> {
        let open = self.slots.get(crate::StandardSpan::TrainingLoop).map(|open| open.span.clone());
        open.ok_or_else(|| {
            refused("no training loop is open, to which the metrics belong; start it first")
        })
    }
}
