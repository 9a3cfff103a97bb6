//! The recorder of a training job: the default one, and an account of the standard spans.
//!
//! All calls come through the [`Recorder`] trait, whoever makes them: callbacks, guards, `span!` and
//! `#[timed_span]`. What a standard span's start and stop mean for the job is decided here, by the
//! span's name; every other span and event goes through as it is.
//!
//! The job's state has one lock. It is never held while the default recorder is called, which may wait
//! for room in a lane.

mod begin;
mod cut_off;
mod finish;
mod reservation;
mod shape;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use onelogger::exporter::Run;
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, Health, Name, OneLoggerConfig, Recorder, Span,
    SpanBuilder, SpanStop, TelemetryDataError, Timestamp,
};

use crate::config::{TraceShape, TrainingConfig};
use crate::metrics;
use crate::ranks::Ranks;
use crate::standard::StandardSpan;
use crate::state::Job;

/// Records a training job.
///
/// Made and configured by [`TrainingTelemetryProvider`](crate::TrainingTelemetryProvider), as an
/// `Arc<TrainingRecorder>`. Macros call it, so that what they open is measured too.
pub struct TrainingRecorder {
    inner: DefaultRecorder,
    config: OneLoggerConfig,
    ranks: Option<Ranks>,
    job_start: Option<Timestamp>,
    rank: OnceLock<u32>,
    /// That of the job, to be read without the lock.
    training: OnceLock<Arc<TrainingConfig>>,
    job: Mutex<Job>,
}

pub(crate) fn refused(reason: impl Into<String>) -> RecordError {
    RecordError::Refused { reason: reason.into() }
}

impl TrainingRecorder {
    pub(crate) fn new(
        inner: DefaultRecorder,
        config: OneLoggerConfig,
        ranks: Option<Ranks>,
        job_start: Option<Timestamp>,
        training: Option<Arc<TrainingConfig>>,
    ) -> TrainingRecorder {
        let recorder = TrainingRecorder {
            inner,
            config,
            ranks,
            job_start,
            rank: OnceLock::new(),
            training: OnceLock::new(),
            job: Mutex::default(),
        };
        if let Some(training) = training {
            // The first one is never refused.
            let _ = recorder.keep_config(&training);
        }
        recorder
    }

    fn keep_config(&self, training: &Arc<TrainingConfig>) -> Result<(), RecordError> {
        self.job().set_config(Arc::clone(training))?;
        let _ = self.training.set(Arc::clone(training));
        Ok(())
    }

    pub(crate) fn training_config(&self) -> Option<&Arc<TrainingConfig>> {
        self.training.get()
    }

    /// Whoever locks it has asked for the [`moment`](Self::moment) before: in a forked child that fails,
    /// and there the lock may be held by a thread that does not exist.
    pub(crate) fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is recorded on this thread, and nothing is to count.
    pub(crate) fn is_exporting_here(&self) -> bool {
        self.inner.is_exporting_here()
    }

    pub(crate) fn moment(&self, given: Option<Timestamp>) -> Result<Timestamp, RecordError> {
        self.inner.moment(given)
    }

    pub(crate) fn set_config(&self, config: TrainingConfig) -> Result<(), RecordError> {
        let config = Arc::new(config);
        self.keep_config(&config)?;
        let application = self.open_span(StandardSpan::Application).ok();
        // Where the application has not begun, its start tells of it.
        application
            .map_or(Ok(()), |span| self.inner.event(Some(&span), metrics::configuration(&config)))
    }

    /// The open span of this kind; a disabled one where it is measured without a span.
    pub(crate) fn open_span(&self, standard: StandardSpan) -> Result<Span, RecordError> {
        self.job().slots.expect(standard).map(|open| open.span.clone())
    }

    /// Tells an error where it is seen.
    pub(crate) fn tell_error(
        &self,
        span: Option<&Span>,
        error: ErrorEvent,
    ) -> Result<(), RecordError> {
        let exported = span.and_then(|span| self.exported_above(span));
        self.inner.error(exported.as_ref().or(span), error)
    }

    /// Where an error of a standard span that is open and not exported is seen: on the nearest span above
    /// it that is. Withheld with its span, as all else that is said of that, nobody would ever find it.
    fn exported_above(&self, span: &Span) -> Option<Span> {
        let standard = StandardSpan::named(span.name())?;
        if span.is_recording() || self.moment(None).is_err() {
            return None;
        }
        let is_open = !span.is_stopped()
            && self.job().slots.get(standard).is_some_and(|open| open.span == *span);
        // Where nothing above it is exported either, this is withheld as well, and counted so.
        span.propagated().filter(|_| is_open).map(Span::from_context)
    }

    /// What is said of the application when its span has started.
    fn introduce(&self, application: &Span, time: Option<Timestamp>) -> Result<(), RecordError> {
        let rank = self.rank.get().copied().unwrap_or(0);
        let event = Event { time, ..metrics::initialization(&self.config, rank, self.ranks) };
        self.inner.event(Some(application), event)?;
        self.training_config().map_or(Ok(()), |config| {
            self.inner.event(Some(application), metrics::configuration(config))
        })
    }
}

impl Recorder for TrainingRecorder {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        // Opened once.
        let _ = self.rank.set(run.rank().unwrap_or(0));
        self.inner.open(run)
    }

    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        if self.is_exporting_here() {
            return self.inner.start(span);
        }
        match StandardSpan::named(span.name.as_str()) {
            Some(standard) => self.begin(standard, span),
            None => self.inner.start(self.within_interval(span)),
        }
    }

    fn stop(&self, span: &Span, mut stop: SpanStop) -> Result<(), RecordError> {
        let Some(standard) = StandardSpan::named(span.name()) else {
            return self.inner.stop(span, stop);
        };
        let Ok(end) = self.end_time(stop.time) else { return self.inner.stop(span, stop) };
        stop.time = end.given;
        let finished = self.finish(standard, span, &end, stop.outcome);
        self.inner.stop(span, stop).and(end.checked).and(finished)
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        self.inner.event(span, event)
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        // The Python library tells nothing of it then.
        if self.training_config().is_some_and(|config| config.0.has_additions) {
            return self.tell_error(span, error);
        }
        self.inner.error(span, error)
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        self.inner.set_attributes(span, attributes)
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.inner.telemetry_data_error(error)
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner.force_flush(timeout)
    }

    /// What is still open is stopped by the close of the default recorder, which knows nothing of its figures.
    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        let _ = self.cut_off(None, |_, _| Ok(()));
        self.inner.close(timeout)
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    /// Macros need not come here for spans that are not standard ones, unless these may have to be put
    /// under an interval.
    fn direct(&self) -> Option<&DefaultRecorder> {
        let shape = self.training_config()?.0.trace_shape;
        Some(&self.inner).filter(|_| shape != TraceShape::PerCheckpoint)
    }

    fn called_for(&self) -> &[&'static str] {
        &StandardSpan::NAMES
    }

    fn baggage_attributes(&self) -> &[Name] {
        self.inner.baggage_attributes()
    }
}
