//! Saves of checkpoints.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, ErrorEvent, Event, Outcome, Recorder, Span};

use super::phase;
use crate::config::CheckpointStrategy;
use crate::metrics;
use crate::names::attribute;
use crate::recorder::TrainingRecorder;
use crate::state::{Which, no_config};
use crate::{StandardSpan, TrainingTelemetry};

/// What is known of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(crate) step: i64,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) directory: Option<String>,
}

impl Checkpoint {
    /// The one of this step.
    pub fn of_step(step: i64) -> Checkpoint {
        Checkpoint { step, size_bytes: None, directory: None }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size_bytes(mut self, bytes: u64) -> Checkpoint {
        self.size_bytes = Some(i64::try_from(bytes).unwrap_or(i64::MAX));
        self
    }

    /// Where it lies.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> Checkpoint {
        self.directory = Some(directory.into());
        self
    }

    /// The attributes from which the recorder knows what a save is of.
    pub(crate) fn to_attributes(&self) -> Attributes {
        Attributes::new().with(attribute::CURRENT_ITERATION, self.step)
    }
}

impl From<i64> for Checkpoint {
    fn from(step: i64) -> Checkpoint {
        Checkpoint::of_step(step)
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

pub(crate) fn save_error(step: i64) -> ErrorEvent {
    ErrorEvent::new(format!("the checkpoint of step {step} was not saved"))
        .with(attribute::CURRENT_ITERATION, step)
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
        let strategy = self.training_config().map(|config| config.save_checkpoint_strategy());
        let attributes = Checkpoint::of_step(global_step).to_attributes();
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
        saved: impl Into<Checkpoint>,
    ) -> Result<(), RecordError> {
        let saved = saved.into();
        self.call("on_save_checkpoint_success", |training, recorder| {
            let Some(strategy) = strategy(training)? else { return Ok(()) };
            let which = Which::LastOfStep(saved.step);
            self.record_success(training, recorder, strategy, which, &saved)
        })
    }

    pub(crate) fn record_success(
        &self,
        training: &TrainingRecorder,
        recorder: &dyn Recorder,
        strategy: CheckpointStrategy,
        which: Which,
        saved: &Checkpoint,
    ) -> Result<(), RecordError> {
        let at = training.moment(self.time())?;
        let (span, event) = {
            let mut job = training.job();
            let place = match strategy {
                CheckpointStrategy::Sync => strategy.span(),
                CheckpointStrategy::Async => StandardSpan::Application,
            };
            let span = job.slots.expect(place)?.span.clone();
            job.checkpoints.of(strategy).succeeds_by_end = false;
            let progress = job.checkpoints.succeed(which, at);
            (span, metrics::save_success(&job, saved, strategy, progress, at))
        };
        recorder.event(Some(&span), Event { time: self.time(), ..event })
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
        let error = save_error(global_step).caused_by(error);
        self.call("on_save_checkpoint_failure", |training, recorder| {
            let Some(strategy) = strategy(training)? else { return Ok(()) };
            let which = Which::LastOfStep(global_step);
            self.record_failure(training, recorder, Some(strategy), which, error)
        })
    }

    /// On the save's span where it is known and open, else on the application's. Of asynchronous saves the
    /// one that is open may be a later one.
    pub(crate) fn record_failure(
        &self,
        training: &TrainingRecorder,
        recorder: &dyn Recorder,
        strategy: Option<CheckpointStrategy>,
        which: Which,
        error: ErrorEvent,
    ) -> Result<(), RecordError> {
        let span = {
            let mut job = training.job();
            let strategy = strategy.filter(|&strategy| job.checkpoints.is_latest(strategy, which));
            let save = strategy.and_then(|strategy| job.slots.get(strategy.span()));
            let open = save.map_or_else(|| job.slots.expect(StandardSpan::Application), Ok)?;
            let span = open.span.clone();
            if let Some(strategy) = strategy {
                job.checkpoints.of(strategy).succeeds_by_end = false;
            }
            job.checkpoints.fail(which);
            span
        };
        recorder.error(Some(&span), ErrorEvent { time: self.time(), ..error })
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
