//! Phases of a job that end with a scope.

use std::error::Error;
use std::thread::panicking;

use onelogger::recorder::RecordError;
use onelogger::{Attributes, ErrorEvent, Outcome, Span, SpanStop};

use crate::callbacks::{Checkpoint, TrainStart, save_error};
use crate::config::CheckpointStrategy;
use crate::{StandardSpan, TrainingTelemetry};

/// A phase that ends when this is dropped.
///
/// Made by the methods of [`TrainingTelemetry`] that are named after phases. Dropped by a panic, or ended
/// by [`fail`](PhaseGuard::fail), the span ends with an error event and the outcome that fits, and what it
/// stood for does not count: a training iteration is not completed, a checkpoint is not safe. Dropped
/// otherwise it ends well, as [`end`](PhaseGuard::end) does, but for a
/// [save](TrainingTelemetry::checkpoint_save): an error that leaves the function by `?` is not seen here.
///
/// ```
/// use onelogger_training::{TrainStart, telemetry};
/// # fn step() -> std::io::Result<()> { Ok(()) }
/// let telemetry = telemetry();
/// let training = telemetry.training_loop(TrainStart::default())?;
/// for _ in 0..3 {
///     let iteration = telemetry.training_iteration()?;
///     if let Err(error) = step() {
///         iteration.fail(&error)?;
///         continue;
///     }
/// }
/// training.end()?;
/// # Ok::<(), onelogger::recorder::RecordError>(())
/// ```
#[must_use = "the phase ends when its guard is dropped: bind it to a name"]
#[derive(Debug)]
pub struct PhaseGuard {
    telemetry: TrainingTelemetry,
    standard: StandardSpan,
    span: Span,
    /// The checkpoint of a synchronous save, which succeeds where its scope ends well.
    saves: Option<Checkpoint>,
    was_panicking: bool,
    is_over: bool,
}

impl PhaseGuard {
    /// The span, for attributes, events and errors of it; a disabled one if there is none.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Ends the phase.
    ///
    /// # Errors
    /// As for the callback that ends it; a drop has nobody to return them to.
    pub fn end(mut self) -> Result<(), RecordError> {
        self.finish(Outcome::Ok, None)
    }

    /// Ends the phase with an error of the application.
    ///
    /// # Errors
    /// As for [`end`](PhaseGuard::end).
    pub fn fail<E: Error + ?Sized>(self, error: &E) -> Result<(), RecordError> {
        let event = ErrorEvent::new(format!("Error in {}: ", self.standard)).caused_by(error);
        self.fail_with(event)
    }

    pub(crate) fn fail_with(mut self, error: ErrorEvent) -> Result<(), RecordError> {
        self.finish(Outcome::Error, Some(error))
    }

    /// Whether the start was refused, or is not wanted.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether somebody else has ended it, as a callback does.
    fn has_been_ended(&self) -> bool {
        if self.span.is_disabled() {
            !self.telemetry.is_measured_only(self.standard)
        } else {
            self.span.is_stopped()
        }
    }

    fn finish(&mut self, outcome: Outcome, error: Option<ErrorEvent>) -> Result<(), RecordError> {
        // The error is the application's, also where the phase has no span: then it is the current one's.
        let span = Some(&self.span).filter(|span| !span.is_disabled());
        let told = match (error, span) {
            (Some(error), Some(span)) if !span.is_recording() && !span.is_stopped() => {
                self.telemetry.call("error", |training, _| training.tell_error(Some(span), error))
            }
            (Some(error), _) => self.telemetry.recorder().error(span, error),
            (None, _) => Ok(()),
        };
        if std::mem::replace(&mut self.is_over, true) {
            return told;
        }
        let saved = match self.saves.take().filter(|_| outcome == Outcome::Ok) {
            Some(checkpoint) => self.telemetry.succeed(CheckpointStrategy::Sync, None, &checkpoint),
            None => Ok(()),
        };
        let ended = match self.standard {
            StandardSpan::Application => self.telemetry.end_application("application", outcome),
            standard if self.span.is_disabled() => {
                self.telemetry.stop(standard.as_str(), standard, outcome)
            }
            // By its span: another one of the kind may be open by now.
            _ => {
                let stop = SpanStop::new().outcome(outcome);
                self.telemetry.recorder().stop_with(&self.span, stop)
            }
        };
        told.and(saved).and(ended)
    }
}

impl Drop for PhaseGuard {
    fn drop(&mut self) {
        if self.is_over || self.has_been_ended() {
            return;
        }
        let (outcome, error) = if panicking() && !self.was_panicking {
            (Outcome::Panic, Some(ErrorEvent::new(format!("Panic in {}", self.standard))))
        } else if let Some(checkpoint) = &self.saves {
            // By a `?`, maybe. What nobody has said to be safe must not count as that.
            let error = save_error(checkpoint.step);
            (Outcome::Error, Some(error.exception("PhaseGuard", "it was left without an end")))
        } else {
            (Outcome::Ok, None)
        };
        // The strategy has seen to what is returned here.
        let _ = self.finish(outcome, error);
    }
}

/// Scopes of phases.
macro_rules! scopes {
    ($($(#[doc = $text:literal])* $name:ident => $standard:ident;)*) => {
        $(
            $(#[doc = $text])*
            ///
            /// # Errors
            /// As for the callback that starts it.
            pub fn $name(&self) -> Result<PhaseGuard, RecordError> {
                self.scope(StandardSpan::$standard, Attributes::new(), None)
            }
        )*
    };
}

impl TrainingTelemetry {
    scopes! {
        /// The application. Its end closes the recorder, as
        /// [`on_app_end`](TrainingTelemetry::on_app_end) does.
        application => Application;
        /// The search of processes for each other.
        distributed_init => DistributedInit;
        /// The making of data loaders.
        dataloader_init => DataLoaderInit;
        /// The making of the model.
        model_init => ModelInit;
        /// The making of the optimizer.
        optimizer_init => OptimizerInit;
        /// The loading of a checkpoint.
        checkpoint_load => CheckpointLoad;
        /// A training iteration.
        training_iteration => TrainingIteration;
        /// A validation loop.
        validation_loop => ValidationLoop;
        /// A validation iteration.
        validation_iteration => ValidationIteration;
        /// A testing loop.
        testing_loop => TestingLoop;
        /// A testing iteration.
        testing_iteration => TestingIteration;
        /// The wait for data.
        data_loading => DataLoading;
        /// The forward pass.
        forward => ModelForward;
        /// The backward pass.
        backward => ModelBackward;
        /// Gradients are set to zero.
        zero_grad => ZeroGrad;
        /// The optimizer's step.
        optimizer_update => OptimizerUpdate;
        /// What an asynchronous save does at its end.
        checkpoint_save_finalization => CheckpointSaveFinalization;
    }

    /// A training loop.
    ///
    /// # Errors
    /// As for [`on_train_start`](TrainingTelemetry::on_train_start).
    pub fn training_loop(&self, start: TrainStart) -> Result<PhaseGuard, RecordError> {
        self.scope(StandardSpan::TrainingLoop, start.to_attributes(), None)
    }

    /// The save of a checkpoint. A synchronous one succeeds by [`end`](PhaseGuard::end), and has failed if its
    /// guard is dropped without that; of an asynchronous one the application says when it has succeeded.
    ///
    /// # Errors
    /// As for [`on_save_checkpoint_start`](TrainingTelemetry::on_save_checkpoint_start).
    pub fn checkpoint_save(&self, global_step: i64) -> Result<PhaseGuard, RecordError> {
        let config = self.training_config();
        let strategy = config.map(|config| config.save_checkpoint_strategy()).unwrap_or_default();
        self.save_scope(strategy, &Checkpoint::of_step(global_step))
    }

    pub(crate) fn save_scope(
        &self,
        strategy: CheckpointStrategy,
        checkpoint: &Checkpoint,
    ) -> Result<PhaseGuard, RecordError> {
        let saves = (strategy == CheckpointStrategy::Sync).then(|| checkpoint.clone());
        self.scope(strategy.span(), checkpoint.to_attributes(), saves)
    }

    fn scope(
        &self,
        standard: StandardSpan,
        attributes: Attributes,
        saves: Option<Checkpoint>,
    ) -> Result<PhaseGuard, RecordError> {
        let span = self.start(standard, attributes)?;
        // Only the start happened at a time that was given.
        let telemetry = self.without_time();
        // One that was refused, or is not wanted, is not to end what others have begun.
        let is_over = span.is_disabled() && !self.is_measured_only(standard);
        let was_panicking = panicking();
        Ok(PhaseGuard { telemetry, standard, span, saves, was_panicking, is_over })
    }
}
