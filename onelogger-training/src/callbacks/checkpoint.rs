//! Saves of checkpoints.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, ErrorEvent, Event, Outcome, Span};

use super::phase;
use crate::config::CheckpointStrategy;
use crate::metrics;
use crate::names::attribute;
use crate::recorder::TrainingRecorder;
use crate::state::no_config;
use crate::{StandardSpan, TrainingTelemetry};

/// A checkpoint that is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCheckpoint {
    pub(crate) step: i64,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) directory: Option<String>,
}

impl SavedCheckpoint {
    /// The one whose save began at this step.
    pub fn of_step(step: i64) -> SavedCheckpoint {
        SavedCheckpoint { step, size_bytes: None, directory: None }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size_bytes(mut self, bytes: u64) -> SavedCheckpoint {
        self.size_bytes = Some(i64::try_from(bytes).unwrap_or(i64::MAX));
        self
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> SavedCheckpoint {
        self.directory = Some(directory.into());
        self
    }
}

impl From<i64> for SavedCheckpoint {
    fn from(step: i64) -> SavedCheckpoint {
        SavedCheckpoint::of_step(step)
    }
}

impl CheckpointStrategy {
    /// The span of a save.
    pub(crate) fn span(self) -> StandardSpan {
        match self {
            CheckpointStrategy::Sync => StandardSpan::CheckpointSaveSync,
            CheckpointStrategy::Async => StandardSpan::CheckpointSaveAsync,
        }
    }
}

/// How saves are made, if they are recorded.
fn strategy(training: &TrainingRecorder) -> Result<Option<CheckpointStrategy>, RecordError> {
    let config = training.training_config().ok_or_else(no_config)?;
    let is_enabled = config.0.is_save_checkpoint_enabled;
    Ok(is_enabled.then(|| config.save_checkpoint_strategy()))
}

/// Where the configuration says that saves are not recorded, the calls for them do nothing.
impl TrainingTelemetry {
    /// Says that a checkpoint begins to be saved. What the training has done by now is safe once the save
    /// has succeeded.
    ///
    /// # Errors
    /// If the training configuration is not set, a save is under way, or the time is out of the
    /// recorder's window.
    pub fn on_save_checkpoint_start(&self, global_step: i64) -> Result<Span, RecordError> {
        let attributes = Attributes::new().with(attribute::CURRENT_ITERATION, global_step);
        let strategy = self.training_config().map(|config| config.save_checkpoint_strategy());
        self.start(strategy.unwrap_or_default().span(), attributes)
    }

    /// Says that a checkpoint is safe. A synchronous save succeeds before it ends, an asynchronous one
    /// whenever it does, while the application runs; several may be under way.
    ///
    /// # Errors
    /// If a synchronous save, or for an asynchronous one the application, has no open span; if the
    /// training configuration is not set, or the time is out of the recorder's window.
    pub fn on_save_checkpoint_success(
        &self,
        saved: impl Into<SavedCheckpoint>,
    ) -> Result<(), RecordError> {
        let saved = saved.into();
        self.call("on_save_checkpoint_success", |training, recorder| {
            let Some(strategy) = strategy(training)? else { return Ok(()) };
            let at = training.moment(self.time())?;
            let (span, event) = {
                let mut job = training.job();
                let place = match strategy {
                    CheckpointStrategy::Sync => strategy.span(),
                    CheckpointStrategy::Async => StandardSpan::Application,
                };
                let span = job.slots.expect(place)?.span.clone();
                let progress = job.checkpoints.succeed(saved.step, at);
                (span, metrics::save_success(&job, &saved, strategy, progress, at))
            };
            recorder.event(Some(&span), Event { time: self.time(), ..event })
        })
    }

    /// Says that a save has failed: an error on its span, or on the application's if that has ended. A
    /// save whose span is open is ended by [`on_save_checkpoint_end`] all the same.
    ///
    /// [`on_save_checkpoint_end`]: TrainingTelemetry::on_save_checkpoint_end
    ///
    /// # Errors
    /// If neither span is open, or the time is out of the recorder's window.
    pub fn on_save_checkpoint_failure<E: std::error::Error + ?Sized>(
        &self,
        global_step: i64,
        error: &E,
    ) -> Result<(), RecordError> {
        let message = format!("the checkpoint of step {global_step} was not saved");
        let error = ErrorEvent::new(message)
            .caused_by(error)
            .with(attribute::CURRENT_ITERATION, global_step);
        self.call("on_save_checkpoint_failure", |training, recorder| {
            let Some(strategy) = strategy(training)? else { return Ok(()) };
            let span = {
                let mut job = training.job();
                let save = job.slots.get(strategy.span()).map(|open| open.span.clone());
                let application = || job.slots.expect(StandardSpan::Application);
                let span = save.map_or_else(|| application().map(|open| open.span.clone()), Ok)?;
                job.checkpoints.forget(global_step);
                span
            };
            recorder.error(Some(&span), ErrorEvent { time: self.time(), ..error })
        })
    }

    /// Says that training goes on: a synchronous save is over, or the part of an asynchronous one for
    /// which training waits. A synchronous save that has not succeeded by now has failed.
    ///
    /// # Errors
    /// If none has begun, or the time is out of the recorder's window; then it ends now.
    pub fn on_save_checkpoint_end(&self) -> Result<(), RecordError> {
        match self.training_config() {
            Some(config) if !config.0.is_save_checkpoint_enabled => Ok(()),
            config => {
                let strategy = config.map(|config| config.save_checkpoint_strategy());
                let standard = strategy.unwrap_or_default().span();
                self.stop("on_save_checkpoint_end", standard, Outcome::Ok)
            }
        }
    }

    phase!(
        on_save_checkpoint_finalization_start,
        on_save_checkpoint_finalization_end,
        CheckpointSaveFinalization,
        "what an asynchronous save does at its end"
    );
}
