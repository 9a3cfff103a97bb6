//! The end of a standard span: what it adds to the job, and the events that tell of it.

use onelogger::recorder::RecordError;
use onelogger::{Event, Outcome, Recorder, Span, SpanStop, Timestamp};

use super::TrainingRecorder;
use crate::callbacks::Checkpoint;
use crate::config::CheckpointStrategy;
use crate::metrics;
use crate::names::event;
use crate::standard::StandardSpan;
use crate::state::{Job, Open, Which, between};

/// An event of a span.
pub(super) type Report = (Span, Event);

/// When something ends.
pub(crate) struct EndTime {
    pub(super) at: Timestamp,
    /// The same as the application has given it; `None` for now.
    pub(crate) given: Option<Timestamp>,
    /// Why that is not what the application has given.
    pub(crate) checked: Result<(), RecordError>,
}

impl TrainingRecorder {
    /// As with any span, a time that is refused ends it all the same, now.
    ///
    /// # Errors
    /// If the recorder is closed.
    pub(crate) fn end_time(&self, given: Option<Timestamp>) -> Result<EndTime, RecordError> {
        match self.moment(given) {
            Ok(at) => Ok(EndTime { at, given, checked: Ok(()) }),
            Err(refused @ RecordError::Time(_)) => {
                Ok(EndTime { at: self.moment(None)?, given: None, checked: Err(refused) })
            }
            Err(error) => Err(error),
        }
    }

    /// Counts what has ended, and records what is due then; the interval of a training loop ends with it.
    /// The span itself is stopped by the caller, whatever this returns. One that is not the open one of
    /// its kind counts for nothing.
    pub(crate) fn finish(
        &self,
        standard: StandardSpan,
        span: &Span,
        end: &EndTime,
        outcome: Outcome,
    ) -> Result<(), RecordError> {
        let mut reports = Vec::new();
        let (counted, interval) = {
            let mut job = self.job();
            let Some(open) = job.slots.take_if(standard, span) else { return Ok(()) };
            let interval = match standard {
                StandardSpan::TrainingLoop => job.slots.take(StandardSpan::CheckpointInterval),
                _ => None,
            };
            let (at, is_ok) = (end.at, outcome == Outcome::Ok);
            let end = End { standard, open, at, is_ok, world_size: self.config.world_size() };
            (end.count(&mut job, &mut reports), interval)
        };
        let told = counted.and(self.tell(reports, end.given));
        let interval = interval.map_or(Ok(()), |open| {
            self.inner.stop(&open.span, SpanStop { time: end.given, ..SpanStop::new() })
        });
        told.and(interval)
    }

    /// Records all of them, also where one is refused.
    pub(super) fn tell(
        &self,
        reports: Vec<Report>,
        time: Option<Timestamp>,
    ) -> Result<(), RecordError> {
        let mut result = Ok(());
        for (span, event) in reports {
            result = result.and(self.inner.event(Some(&span), Event { time, ..event }));
        }
        result
    }
}

pub(super) struct End {
    pub(super) standard: StandardSpan,
    pub(super) open: Open,
    pub(super) at: Timestamp,
    pub(super) is_ok: bool,
    pub(super) world_size: u32,
}

impl End {
    pub(super) fn count(self, job: &mut Job, reports: &mut Vec<Report>) -> Result<(), RecordError> {
        let length = between(self.open.started, self.at);
        let timers = match self.standard {
            StandardSpan::TrainingIteration => return self.count_iteration(job, reports),
            StandardSpan::TrainingLoop => {
                self.end_training(job, reports);
                return Ok(());
            }
            StandardSpan::ValidationLoop => {
                let validation = &job.validation;
                let event = metrics::evaluation(event::VALIDATION_METRICS, validation, job);
                job.validation.begin_window(job.completed_overall);
                reports.push((self.open.span, event));
                return Ok(());
            }
            StandardSpan::TestingLoop => {
                let event = metrics::evaluation(event::TESTING_METRICS, &job.testing, job);
                job.testing.begin_window(job.completed_overall);
                reports.push((self.open.span, event));
                return Ok(());
            }
            StandardSpan::CheckpointSaveSync => {
                self.end_save(CheckpointStrategy::Sync, job, reports);
                return Ok(());
            }
            StandardSpan::CheckpointSaveAsync => {
                self.end_save(CheckpointStrategy::Async, job, reports);
                return Ok(());
            }
            StandardSpan::ValidationIteration => job.validation.timers(),
            StandardSpan::TestingIteration => job.testing.timers(),
            StandardSpan::DataLoading => job.training.timers(|it| &mut it.data_loading),
            StandardSpan::ModelForward => job.training.timers(|it| &mut it.forward),
            StandardSpan::ModelBackward => job.training.timers(|it| &mut it.backward),
            _ => return Ok(()),
        };
        if let Some(length) = length.filter(|_| self.is_ok) {
            timers.into_iter().for_each(|timer| timer.add(length));
        }
        Ok(())
    }

    /// An iteration that has failed is none: it trains nothing.
    fn count_iteration(self, job: &mut Job, reports: &mut Vec<Report>) -> Result<(), RecordError> {
        if !self.is_ok {
            return Ok(());
        }
        job.complete_iteration(self.open.started, self.at)?;
        if job.is_update_due() {
            let span = job.training_span()?;
            let event = metrics::training(event::TRAINING_METRICS, job, self.world_size);
            reports.push((span, event));
            job.training.begin_window();
        }
        Ok(())
    }

    fn end_training(self, job: &mut Job, reports: &mut Vec<Report>) {
        if job.has_additions() && job.training.window.completed > 0 {
            let event = metrics::training(event::FINAL_TRAINING_METRICS, job, self.world_size);
            reports.push((self.open.span, event));
            job.training.begin_window();
        }
    }

    /// A synchronous save that has not succeeded by now has failed, unless a macro is around it that has seen
    /// it end well; an asynchronous one has if it did not get any further.
    fn end_save(self, strategy: CheckpointStrategy, job: &mut Job, reports: &mut Vec<Report>) {
        let has_additions = job.has_additions();
        job.is_interval_over = true;
        let saves = job.checkpoints.of(strategy);
        if let Some(length) = between(self.open.started, self.at) {
            saves.times.add(length);
        }
        let (times, which) = (saves.times, Which::Attempt(saves.latest));
        let has_succeeded = std::mem::take(&mut saves.succeeds_by_end) && self.is_ok;
        if let Some(step) = job.checkpoints.step(which).filter(|_| has_succeeded) {
            let progress = job.checkpoints.succeed(which, self.at);
            let saved = Checkpoint::of_step(step);
            let success = metrics::save_success(job, &saved, strategy, progress, self.at);
            reports.push((self.open.span.clone(), success));
        }
        if strategy == CheckpointStrategy::Sync || !self.is_ok {
            let failed = job.checkpoints.fail(which);
            if let Some(step) = failed.filter(|_| has_additions) {
                reports.push((self.open.span.clone(), metrics::save_failure(step)));
            }
        }
        reports.push((self.open.span, metrics::save_times(&times)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use onelogger::{
        ErrorHandlingStrategy, MemoryExporter, OneLoggerConfig, OneLoggerProvider, SpanStop,
    };

    use super::*;
    use crate::{
        TraceShape, TrainStart, TrainingConfig, TrainingTelemetry, TrainingTelemetryProvider,
    };

    #[test]
    fn an_interval_that_cannot_be_ended_keeps_no_loop_from_ending() {
        let config = OneLoggerConfig::builder("test").session_tag("").world_size(1);
        let training = TrainingConfig::builder().perf_tag("").global_batch_size(1);
        let provider = OneLoggerProvider::new();
        let config = config.error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions);
        let guard = TrainingTelemetryProvider::new(config)
            .training_config(training.trace_shape(TraceShape::PerCheckpoint))
            .exporter(MemoryExporter::new().0)
            .configure_on(&provider)
            .unwrap();
        let telemetry = TrainingTelemetry::of(provider.recorder());
        let training = telemetry.training_loop(TrainStart::default()).unwrap();
        telemetry.training_iteration().unwrap().end().unwrap();

        let handle = provider.recorder();
        let recorder = handle.find::<Arc<TrainingRecorder>>().unwrap();
        let interval = recorder.open_span(StandardSpan::CheckpointInterval).unwrap();
        // Behind the recorder's back.
        recorder.inner.stop(&interval, SpanStop::new()).unwrap();

        let span = training.span().clone();
        let refused = training.end().unwrap_err();
        assert!(matches!(refused, RecordError::SpanStopped { .. }), "{refused}");
        assert!(span.is_stopped());
        telemetry.training_loop(TrainStart::default()).unwrap().end().unwrap();
        drop(guard);
    }
}
