use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use onelogger::recorder::RecordError;
use onelogger::{
    Attributes, Name, Outcome, Recorder, RecorderHandle, Span, SpanBuilder, SpanStop, Timestamp,
};

use crate::config::{CheckpointStrategy, TrainingConfig};
use crate::recorder::{TrainingRecorder, refused};
use crate::standard::StandardSpan;

/// What a training job calls.
///
/// Made by [`telemetry`], from anywhere in the program; clones are the same job. The callbacks `on_…` are for
/// frameworks that have hooks for both ends of a phase; scopes, `train_iter` and `checkpoint` are for loops
/// of one's own.
///
/// Where no provider is configured, or this rank is disabled, every call does nothing and succeeds.
/// Calls fail only under [`PropagateExceptions`](onelogger::ErrorHandlingStrategy); under the other
/// strategies a refused call is dropped, counted and reported, and `Ok` is returned. None of them
/// waits, but [`on_app_end`](TrainingTelemetry::on_app_end), which closes.
///
/// May be called from any thread. Of each standard span there is one at a time in the whole job, and
/// what it hangs under is the current span of the thread that starts it.
#[derive(Clone)]
pub struct TrainingTelemetry {
    recorder: RecorderHandle,
    training: Option<Arc<TrainingRecorder>>,
    /// When what is reported happened, if not now.
    time: Option<Timestamp>,
}

/// The training job of the recorder in force here: that of the context, else that of
/// [`OneLoggerProvider::instance`](onelogger::OneLoggerProvider::instance). What is asked for before that is
/// configured does nothing, also afterwards: ask again.
pub fn telemetry() -> TrainingTelemetry {
    TrainingTelemetry::of(onelogger::recorder())
}

impl TrainingTelemetry {
    /// The training job of a recorder. If that is no [`TrainingRecorder`], every call is refused.
    pub fn of(recorder: RecorderHandle) -> TrainingTelemetry {
        let training = recorder.find::<Arc<TrainingRecorder>>().cloned();
        TrainingTelemetry { recorder, training, time: None }
    }

    /// For a callback that tells of a moment other than now.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// let telemetry = onelogger_training::telemetry();
    /// telemetry.at(SystemTime::now() - Duration::from_secs(3)).on_model_init_start()?;
    /// telemetry.on_model_init_end()?;
    /// # Ok::<(), onelogger::recorder::RecordError>(())
    /// ```
    #[must_use]
    pub fn at(&self, time: impl Into<Timestamp>) -> TrainingTelemetry {
        TrainingTelemetry { time: Some(time.into()), ..self.clone() }
    }

    /// The recorder, for spans, events and errors that are not standard ones.
    pub fn recorder(&self) -> &RecorderHandle {
        &self.recorder
    }

    /// The training configuration, once it is set.
    pub fn training_config(&self) -> Option<Arc<TrainingConfig>> {
        self.training.as_ref()?.training_config().cloned()
    }

    /// Sets the training configuration, where it is known later than the rest. It is told on the
    /// application's span: now, or when that starts. Set it before training starts.
    ///
    /// # Errors
    /// If it is set already.
    pub fn set_training_config(&self, config: TrainingConfig) -> Result<(), RecordError> {
        self.call("set_training_config", |training, _| training.set_config(config))
    }

    /// Says what the loss is now; the metrics updates that follow tell the last one.
    ///
    /// # Errors
    /// If the recorder in force is none of a training.
    pub fn report_loss(&self, loss: f64) -> Result<(), RecordError> {
        self.call("report_loss", |training, _| {
            training.job().training.loss = Some(loss);
            Ok(())
        })
    }

    /// Says that work was done, in units of the application's own: tokens, frames, bytes. The metrics updates
    /// of the training loop tell the sum, and how much it is for a second of iterations, as
    /// `onelogger.training.work.…` and `onelogger.training.rate.…`.
    ///
    /// # Errors
    /// If the recorder in force is none of a training, or there are 16 other units.
    pub fn work(&self, unit: impl Into<Name>, amount: u64) -> Result<(), RecordError> {
        let unit = unit.into();
        self.call("work", |training, _| training.job().training.add_work(unit, amount))
    }

    pub(crate) fn without_time(&self) -> TrainingTelemetry {
        TrainingTelemetry { time: None, ..self.clone() }
    }

    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Makes a call of several to the recorder, under one name and handled once if it fails. The recorder
    /// is open then.
    pub(crate) fn call(
        &self,
        name: &str,
        call: impl FnOnce(&TrainingRecorder, &dyn Recorder) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        self.recorder.call(name, (), |recorder| {
            let training = self.training.as_deref().ok_or_else(|| {
                refused(
                    "the recorder in force is none of a training; configure a training provider",
                )
            })?;
            if training.is_exporting_here() {
                return Ok(());
            }
            training.moment(None)?;
            call(training, recorder)
        })
    }

    /// Starts a standard span and makes it the current one.
    pub(crate) fn start(
        &self,
        standard: StandardSpan,
        attributes: Attributes,
    ) -> Result<Span, RecordError> {
        if self.training.is_none() {
            return self.call(standard.as_str(), |_, _| Ok(())).map(|()| Span::disabled());
        }
        let mut span = SpanBuilder::new(standard.as_str()).attributes(attributes);
        span.start_time = self.time;
        self.recorder.start(span)
    }

    /// Stops the standard span of this kind that is open.
    pub(crate) fn stop(
        &self,
        callback: &str,
        standard: StandardSpan,
        outcome: Outcome,
    ) -> Result<(), RecordError> {
        self.call(callback, |training, recorder| self.end(training, recorder, standard, outcome))
    }

    /// The same within a call.
    pub(crate) fn end(
        &self,
        training: &TrainingRecorder,
        recorder: &dyn Recorder,
        standard: StandardSpan,
        outcome: Outcome,
    ) -> Result<(), RecordError> {
        let span = training.open_span(standard)?;
        if span.is_disabled() {
            // Measured, and without a span.
            let end = training.end_time(self.time)?;
            return training.finish(standard, &span, &end, outcome).and(end.checked);
        }
        recorder.stop(&span, SpanStop { time: self.time, outcome, ..SpanStop::new() })
    }

    /// The recorder for a question: a question that cannot be asked is no call that is refused.
    fn if_open(&self) -> Option<&TrainingRecorder> {
        let training = self.training.as_deref()?;
        (!training.is_exporting_here() && training.moment(None).is_ok()).then_some(training)
    }

    /// Whether a standard span is measured that has no span of its own.
    pub(crate) fn is_measured_only(&self, standard: StandardSpan) -> bool {
        let open = self.if_open().map(|training| training.open_span(standard));
        open.is_some_and(|open| open.is_ok_and(|span| span.is_disabled()))
    }

    /// The attempt at an asynchronous save that was begun last.
    pub(crate) fn latest_async_save(&self) -> Option<i64> {
        Some(self.if_open()?.job().checkpoints.of(CheckpointStrategy::Async).latest)
    }

    pub(crate) fn close(&self) {
        /// As long as the guard of a provider waits.
        const PATIENCE: Duration = Duration::from_secs(10);
        // What takes longer is waited for again, and told, by the guard.
        let _ = self.recorder.close(PATIENCE);
    }
}

impl fmt::Debug for TrainingTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingTelemetry")
            .field("recorder", &self.recorder)
            .field("is_training", &self.training.is_some())
            .field("time", &self.time)
            .finish()
    }
}
