//! Saves of checkpoints as closures: they run whatever becomes of the telemetry, and their results are
//! handed on as they are.

use std::error::Error;
use std::fmt::Display;
use std::thread::panicking;

use onelogger::ErrorEvent;
use onelogger::recorder::RecordError;

use crate::TrainingTelemetry;
use crate::callbacks::{Checkpoint, save_error};
use crate::config::CheckpointStrategy;
use crate::state::Which;

/// Saves a checkpoint, and tells of it. Made by [`TrainingTelemetry::checkpoint`].
#[must_use = "nothing is saved before `save` or `save_async` is called"]
#[derive(Clone, Debug)]
pub struct CheckpointSaver {
    telemetry: TrainingTelemetry,
    checkpoint: Checkpoint,
}

/// What becomes of a save that goes on beside the training.
///
/// Whoever writes the checkpoint says with this that it is safe. Dropped without that, in a panic
/// for instance, the save has failed. May go to any thread.
#[must_use = "a save whose finalizer is dropped has failed"]
#[derive(Debug)]
pub struct Finalizer {
    telemetry: TrainingTelemetry,
    checkpoint: Checkpoint,
    /// `None` where the save is not recorded, and when it is over.
    attempt: Option<i64>,
}

impl TrainingTelemetry {
    /// A checkpoint that is about to be saved: its step, or more that is known of it.
    ///
    /// ```
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("4");
    /// let telemetry = onelogger_training::telemetry();
    /// telemetry.checkpoint(4).save(|| std::fs::write(&path, "weights"))?;
    ///
    /// // Training waits for the copy of the weights, and not for the disk.
    /// let (copy, finalizer) = telemetry.checkpoint(8).save_async(|| String::from("weights"));
    /// let writer = std::thread::spawn(move || match std::fs::write(path, copy) {
    ///     Ok(()) => finalizer.succeed(),
    ///     Err(error) => finalizer.fail(&error),
    /// });
    /// # writer.join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn checkpoint(&self, checkpoint: impl Into<Checkpoint>) -> CheckpointSaver {
        CheckpointSaver { telemetry: self.clone(), checkpoint: checkpoint.into() }
    }

    /// A save has succeeded: this attempt, or the last of its step.
    pub(crate) fn succeed(
        &self,
        strategy: CheckpointStrategy,
        attempt: Option<i64>,
        checkpoint: &Checkpoint,
    ) -> Result<(), RecordError> {
        let which = attempt.map_or(Which::LastOfStep(checkpoint.step), Which::Attempt);
        self.call("save", |training, recorder| {
            self.record_success(training, recorder, strategy, which, checkpoint)
        })
    }
}

impl CheckpointSaver {
    /// Saves it while training waits. An error or a panic is told, and handed on.
    pub fn save<T, E: Display>(self, save: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let scope = self.telemetry.save_scope(CheckpointStrategy::Sync, &self.checkpoint);
        let result = save();
        // Refusals are the strategy's affair, which has seen to them: nothing of it may stop a training.
        if let Ok(scope) = scope {
            let _ = match &result {
                Ok(_) => scope.end(),
                Err(error) => {
                    let (kind, text) = (std::any::type_name::<E>(), error.to_string());
                    scope.fail_with(save_error(self.checkpoint.step).exception(kind, text))
                }
            };
        }
        result
    }

    /// Does the part of a save for which training waits. What it returns, and the [`Finalizer`], go to
    /// whoever does the rest.
    pub fn save_async<T>(self, begin: impl FnOnce() -> T) -> (T, Finalizer) {
        let CheckpointSaver { telemetry, checkpoint } = self;
        let scope = telemetry.save_scope(CheckpointStrategy::Async, &checkpoint);
        let is_recorded = scope.as_ref().is_ok_and(|scope| !scope.is_over());
        let attempt = telemetry.latest_async_save().filter(|_| is_recorded);
        let value = begin();
        if let Ok(scope) = scope {
            let _ = scope.end();
        }
        // Only the begin happened at a time that was given.
        (value, Finalizer { telemetry: telemetry.without_time(), checkpoint, attempt })
    }
}

impl Finalizer {
    /// Says how many bytes the checkpoint has.
    pub fn size_bytes(mut self, bytes: u64) -> Finalizer {
        self.checkpoint = self.checkpoint.clone().size_bytes(bytes);
        self
    }

    /// The checkpoint is safe.
    pub fn succeed(mut self) {
        if let attempt @ Some(_) = self.attempt.take() {
            let _ = self.telemetry.succeed(CheckpointStrategy::Async, attempt, &self.checkpoint);
        }
    }

    /// The checkpoint could not be saved.
    pub fn fail<E: Error + ?Sized>(mut self, error: &E) {
        self.give_up(save_error(self.checkpoint.step).caused_by(error));
    }

    fn give_up(&mut self, error: ErrorEvent) {
        let Some(attempt) = self.attempt.take() else { return };
        let _ = self.telemetry.call("save_async", |training, recorder| {
            let which = Which::Attempt(attempt);
            self.telemetry.record_failure(training, recorder, None, which, error)
        });
    }
}

impl Drop for Finalizer {
    fn drop(&mut self) {
        let why = if panicking() { "whoever saved it has panicked" } else { "it was given up" };
        let error = save_error(self.checkpoint.step).exception("Finalizer", why);
        self.give_up(error);
    }
}
