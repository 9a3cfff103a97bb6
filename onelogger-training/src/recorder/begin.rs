//! The start of a standard span.

use onelogger::recorder::RecordError;
use onelogger::{
    Attributes, Name, Recorder, Span, SpanBuilder, SpanContext, SpanParent, Timestamp,
};

use super::reservation::Reservation;
use super::{TrainingRecorder, refused};
use crate::config::{CheckpointStrategy, TraceShape, TrainingConfig};
use crate::names::attribute;
use crate::names::group::PER_STEP;
use crate::names::span::NOT_EXPORTED;
use crate::standard::StandardSpan;
use crate::state::{Job, Progress, TrainingLoop};
use crate::throughput::to_value;

/// What a start changes once the span is there.
enum Change {
    Nothing,
    Training(Box<TrainingLoop>),
    Save {
        strategy: CheckpointStrategy,
        attempt: i64,
        step: i64,
        progress: Progress,
        succeeds_by_end: bool,
    },
}

impl TrainingRecorder {
    /// Checks everything first; a start that fails leaves nothing behind.
    pub(super) fn begin(
        &self,
        standard: StandardSpan,
        mut span: SpanBuilder,
    ) -> Result<Span, RecordError> {
        let at = self.moment(span.start_time)?;
        let time = span.start_time;
        let is_first_word = standard == StandardSpan::Application && time.is_none();
        let job_start = if is_first_word { self.job_start() } else { None };
        span.start_time = time.or(job_start);
        let (change, place) = {
            let mut job = self.job();
            if is_save(standard) && !job.records_saves() {
                return Ok(Span::disabled());
            }
            let (attributes, change) = admit(&job, standard, &span, at)?;
            job.slots.reserve(standard)?;
            if let Change::Save { .. } = change {
                job.checkpoints.attempts += 1;
            }
            if !has_span(&job, standard) {
                job.slots.open(standard, Span::disabled(), at);
                return Ok(Span::disabled());
            }
            let given = std::mem::take(&mut span.attributes);
            span.attributes = with_others(attributes, given);
            if job.trace_shape() != TraceShape::One && NOT_EXPORTED.contains(&standard.as_str()) {
                span.group.get_or_insert(Name::from_static(PER_STEP));
            }
            if let Some(of_loop) = linked_loop(&job, standard) {
                span = SpanBuilder { parent: SpanParent::Root, ..span };
                span = span.link(of_loop, Attributes::new());
            }
            (change, Reservation::new(self, standard))
        };
        // Refused if it was closed meanwhile.
        let started = self.inner.start(self.within_interval(span))?;
        {
            let mut job = self.job();
            place.open(&mut job, started.clone(), at);
            apply(&mut job, change);
        }
        if standard == StandardSpan::Application {
            let told = job_start.map_or(Ok(()), |start| self.tell_start_up(&started, start));
            self.introduce(&started, time).and(told)?;
        }
        Ok(started)
    }
}

fn is_save(standard: StandardSpan) -> bool {
    matches!(standard, StandardSpan::CheckpointSaveSync | StandardSpan::CheckpointSaveAsync)
}

/// Whether the configuration wants a span, or only its measure.
fn has_span(job: &Job, standard: StandardSpan) -> bool {
    let Some(config) = &job.config else { return true };
    match standard {
        StandardSpan::TrainingIteration => config.0.is_train_iterations_enabled,
        StandardSpan::ValidationIteration => config.0.is_validation_iterations_enabled,
        StandardSpan::TestingIteration => config.0.is_test_iterations_enabled,
        _ => true,
    }
}

/// The loop of an iteration that begins a trace of its own.
fn linked_loop(job: &Job, standard: StandardSpan) -> Option<SpanContext> {
    let of_loop = match standard {
        StandardSpan::TrainingIteration => StandardSpan::TrainingLoop,
        StandardSpan::ValidationIteration => StandardSpan::ValidationLoop,
        StandardSpan::TestingIteration => StandardSpan::TestingLoop,
        _ => return None,
    };
    let is_apart = job.trace_shape() == TraceShape::PerIteration;
    let open = job.slots.get(of_loop).filter(|_| is_apart)?;
    Some(open.span.context())
}

/// The standard attributes, and after them what the caller says beyond these.
fn with_others(mut standard: Attributes, given: Attributes) -> Attributes {
    for (name, value) in given {
        if standard.get(name.as_str()).is_none() {
            standard.set(name, value);
        }
    }
    standard
}

/// The standard attributes of a span that may start, and what its start will change.
fn admit(
    job: &Job,
    standard: StandardSpan,
    span: &SpanBuilder,
    at: Timestamp,
) -> Result<(Attributes, Change), RecordError> {
    match standard {
        StandardSpan::TrainingLoop => admit_training(job.expect_config()?, &span.attributes, at),
        StandardSpan::TrainingIteration => {
            job.expect_config()?;
            Ok((Attributes::new(), Change::Nothing))
        }
        StandardSpan::CheckpointSaveSync => admit_save(job, CheckpointStrategy::Sync, span),
        StandardSpan::CheckpointSaveAsync => admit_save(job, CheckpointStrategy::Async, span),
        _ => Ok((Attributes::new(), Change::Nothing)),
    }
}

fn whole_number(given: &Attributes, name: &'static str) -> Result<Option<i64>, RecordError> {
    given.get_i64(name).map_err(|error| refused(error.to_string()))
}

fn admit_training(
    config: &TrainingConfig,
    given: &Attributes,
    at: Timestamp,
) -> Result<(Attributes, Change), RecordError> {
    let start = whole_number(given, attribute::TRAIN_ITERATIONS_START)?.unwrap_or(0);
    let from_iterations = start.saturating_mul(config.global_batch_size());
    let samples = whole_number(given, attribute::TRAIN_SAMPLES_START)?.unwrap_or(from_iterations);
    let iterations_target = whole_number(given, attribute::TRAIN_ITERATIONS_TARGET)?
        .or(config.0.train_iterations_target);
    let samples_target =
        whole_number(given, attribute::TRAIN_SAMPLES_TARGET)?.or(config.0.train_samples_target);
    if start < 0 || samples < 0 {
        return Err(refused("training cannot start before iteration 0 and sample 0"));
    }
    let flops = config.flops_per_iteration();
    let has_targets = [iterations_target, samples_target]
        .iter()
        .all(|target| target.is_some_and(|target| target > 0));
    if flops.is_some() && !has_targets {
        let reason = "where throughput is logged, the targets of iterations and of samples must be at \
                      least 1; give them in the configuration or when training starts";
        return Err(refused(reason));
    }
    let mut all = Attributes::new()
        .with(attribute::TRAIN_ITERATIONS_START, start)
        .with(attribute::TRAIN_SAMPLES_START, samples);
    let tokens = samples_target.filter(|&target| target != 0);
    if let Some(tokens) = tokens.and_then(|target| config.tokens(target)) {
        all.set(attribute::TRAIN_TOKENS_TARGET, tokens);
    }
    if let Some(flops) = flops {
        let before = flops.saturating_mul(i128::from(start));
        all.set(attribute::COMPLETED_FLOPS_OVERALL, to_value(before));
    }
    for (name, target) in [
        (attribute::TRAIN_ITERATIONS_TARGET, iterations_target),
        (attribute::TRAIN_SAMPLES_TARGET, samples_target),
    ] {
        if let Some(target) = target {
            all.set(name, target);
        }
    }
    Ok((all, Change::Training(Box::new(TrainingLoop::begun(at, start, samples)))))
}

fn admit_save(
    job: &Job,
    strategy: CheckpointStrategy,
    span: &SpanBuilder,
) -> Result<(Attributes, Change), RecordError> {
    job.expect_config()?;
    let step = whole_number(&span.attributes, attribute::CURRENT_ITERATION)?;
    let step = step.unwrap_or(job.completed_overall);
    let attempt = job.checkpoints.attempts + 1;
    let attributes = Attributes::new()
        .with(attribute::CHECKPOINT_STRATEGY, strategy.as_str())
        .with(attribute::CURRENT_ITERATION, step)
        .with(attribute::SAVE_CHECKPOINT_ATTEMPT_COUNT, attempt);
    // A macro knows how what it is around has ended, and names the code that it is in; scopes and callbacks
    // say themselves whether a save has succeeded.
    let succeeds_by_end = strategy == CheckpointStrategy::Sync && span.scope.is_some();
    let progress = job.progress();
    Ok((attributes, Change::Save { strategy, attempt, step, progress, succeeds_by_end }))
}

fn apply(job: &mut Job, change: Change) {
    match change {
        Change::Nothing => {}
        Change::Training(training) => job.begin_training(*training),
        Change::Save { strategy, attempt, step, progress, succeeds_by_end } => {
            job.checkpoints.begin(strategy, attempt, step, progress);
            job.checkpoints.of(strategy).succeeds_by_end = succeeds_by_end;
        }
    }
}
