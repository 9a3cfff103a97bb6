//! The training loop and its iterations.

use std::error::Error;

use onelogger::recorder::RecordError;
use onelogger::{Attributes, ErrorEvent, Outcome, Span};

use super::phase;
use crate::names::attribute;
use crate::{StandardSpan, TrainingTelemetry};

/// Where a training loop begins, and where it is to end.
///
/// ```
/// use onelogger_training::TrainStart;
/// let fresh = TrainStart::default();
/// let resumed = TrainStart::at_iteration(1000).samples_target(1_000_000);
/// # assert_ne!(fresh, resumed);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainStart {
    iterations_start: i64,
    samples_start: Option<i64>,
    iterations_target: Option<i64>,
    samples_target: Option<i64>,
}

impl TrainStart {
    /// After so many iterations of earlier jobs.
    pub fn at_iteration(iterations: i64) -> TrainStart {
        TrainStart { iterations_start: iterations, ..TrainStart::default() }
    }

    /// After so many samples of earlier jobs; else what the iterations amount to.
    #[must_use]
    pub fn samples_start(mut self, samples: i64) -> TrainStart {
        self.samples_start = Some(samples);
        self
    }

    /// At which iteration it is to end, if not where the configuration says.
    #[must_use]
    pub fn iterations_target(mut self, iterations: i64) -> TrainStart {
        self.iterations_target = Some(iterations);
        self
    }

    /// After how many samples it is to end, if not where the configuration says.
    #[must_use]
    pub fn samples_target(mut self, samples: i64) -> TrainStart {
        self.samples_target = Some(samples);
        self
    }

    /// The attributes from which the recorder knows it.
    pub(crate) fn to_attributes(self) -> Attributes {
        let mut all =
            Attributes::new().with(attribute::TRAIN_ITERATIONS_START, self.iterations_start);
        for (name, value) in [
            (attribute::TRAIN_SAMPLES_START, self.samples_start),
            (attribute::TRAIN_ITERATIONS_TARGET, self.iterations_target),
            (attribute::TRAIN_SAMPLES_TARGET, self.samples_target),
        ] {
            if let Some(value) = value {
                all.set(name, value);
            }
        }
        all
    }
}

/// The end of an iteration records `training_metrics_update` on the loop's span when one is due.
impl TrainingTelemetry {
    /// Says that a training loop begins. What is measured in it begins anew; the totals of the job
    /// go on.
    ///
    /// # Errors
    /// If the training configuration is not set, a loop is open, a start is negative, a target is
    /// missing where throughput is logged, or the time is out of the recorder's window.
    pub fn on_train_start(&self, start: TrainStart) -> Result<Span, RecordError> {
        self.start(StandardSpan::TrainingLoop, start.to_attributes())
    }

    /// Says that the training loop ends.
    ///
    /// # Errors
    /// If none has begun, or the time is out of the recorder's window; then it ends now.
    pub fn on_train_end(&self) -> Result<(), RecordError> {
        self.stop("on_train_end", StandardSpan::TrainingLoop, Outcome::Ok)
    }

    phase!(
        on_training_single_iteration_start,
        on_training_single_iteration_end,
        TrainingIteration,
        "a training iteration"
    );

    /// Says that the training iteration that is open has failed: it ends with this error, and is not
    /// counted. Where iterations are not exported, the error is told on the nearest span above that is.
    ///
    /// # Errors
    /// If none has begun, or the time is out of the recorder's window; then it ends now.
    pub fn fail_iteration<E: Error + ?Sized>(&self, error: &E) -> Result<(), RecordError> {
        let standard = StandardSpan::TrainingIteration;
        self.call("fail_iteration", |training, recorder| {
            let span = training.open_span(standard)?;
            // One that has no span is told of on the loop's.
            let span = match span.is_disabled() {
                true => training.job().training_span().ok(),
                false => Some(span),
            };
            // The end says what is wrong with the time.
            let time = training.end_time(self.time())?.given;
            let error = ErrorEvent::new(format!("Error in {standard}: ")).caused_by(error);
            let told = training.tell_error(span.as_ref(), ErrorEvent { time, ..error });
            let ended = self.end(training, recorder, standard, Outcome::Error);
            told.and(ended)
        })
    }
}
