//! The recorder of a training job: the default one, and an account of the standard spans.
//!
//! All calls come through the [`Recorder`] trait, whoever makes them: callbacks, guards, `span!` and
//! `#[timed_span]`. What a standard span's start and stop mean for the job is decided here, by the
//! span's name; every other span and event goes through as it is.
//!
//! The job's state has one lock. It is never held while the default recorder is called, which may wait
//! for room in a lane.

mod begin;
mod finish;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use onelogger::exporter::Run;
use onelogger::names::attribute::TRUNCATED;
use onelogger::recorder::{CloseError, FlushError, OpenError, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, Health, Name, OneLoggerConfig, Recorder, Span,
    SpanBuilder, SpanStop, TelemetryDataError, Timestamp,
};

use crate::config::TrainingConfig;
use crate::metrics;
use crate::standard::StandardSpan;
use crate::state::{Job, Slots};

/// Records a training job.
///
/// Made and configured by [`TrainingTelemetryProvider`](crate::TrainingTelemetryProvider), as an
/// `Arc<TrainingRecorder>`. Macros call it, so that what they open is measured too.
pub struct TrainingRecorder {
    inner: DefaultRecorder,
    config: OneLoggerConfig,
    rank: OnceLock<u32>,
    job: Mutex<Job>,
}

pub(crate) fn refused(reason: impl Into<String>) -> RecordError {
    RecordError::Refused { reason: reason.into() }
}

impl TrainingRecorder {
    pub(crate) fn new(
        inner: DefaultRecorder,
        config: OneLoggerConfig,
        training: Option<Arc<TrainingConfig>>,
    ) -> TrainingRecorder {
        let mut job = Job::default();
        if let Some(training) = training {
            job.flops_overall = training.flops_per_iteration().map(|_| 0);
            job.config = Some(training);
        }
        TrainingRecorder { inner, config, rank: OnceLock::new(), job: Mutex::new(job) }
    }

    pub(crate) fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moment(&self, given: Option<Timestamp>) -> Result<Timestamp, RecordError> {
        self.inner.moment(given)
    }

    pub(crate) fn set_config(&self, config: TrainingConfig) -> Result<(), RecordError> {
        let config = Arc::new(config);
        let application = {
            let mut job = self.job();
            job.set_config(Arc::clone(&config))?;
            job.slots.get(StandardSpan::Application).map(|open| open.span.clone())
        };
        // Where the application has not begun, its start tells of it.
        application
            .map_or(Ok(()), |span| self.inner.event(Some(&span), metrics::configuration(&config)))
    }

    /// The open span of this kind; a disabled one where it is measured without a span.
    pub(crate) fn open_span(&self, standard: StandardSpan) -> Result<Span, RecordError> {
        self.job().slots.expect(standard).map(|open| open.span.clone())
    }

    /// Stops the standard spans that are open within the application, the innermost first, at the time
    /// at which it ends. They are marked as those that the close stops, and count for nothing.
    pub(crate) fn stop_what_is_open(&self, time: Option<Timestamp>) -> Result<(), RecordError> {
        let mut result = Ok(());
        let open = self.job().slots.innermost_first();
        for standard in open.into_iter().filter(|&open| open != StandardSpan::Application) {
            let Some(open) = self.job().slots.take(standard) else { continue };
            let marked = self.inner.set_attributes(&open.span, [(TRUNCATED, true)].into());
            let message = format!("span `{standard}` was open when the application ended");
            let error = ErrorEvent { time, ..ErrorEvent::new(message) };
            let told = self.inner.error(Some(&open.span), error);
            let stop = SpanStop { time, ..SpanStop::new() };
            let stopped = self.inner.stop(&open.span, stop);
            result = result.and(marked).and(told).and(stopped);
        }
        result
    }

    /// What is said of the application when its span has started.
    fn introduce(&self, application: &Span, time: Option<Timestamp>) -> Result<(), RecordError> {
        let rank = self.rank.get().copied().unwrap_or(0);
        let event = Event { time, ..metrics::initialization(&self.config, rank) };
        self.inner.event(Some(application), event)?;
        let config = self.job().config.clone();
        config.map_or(Ok(()), |config| {
            self.inner.event(Some(application), metrics::configuration(&config))
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
        match StandardSpan::named(span.name.as_str()) {
            Some(standard) => self.begin(standard, span),
            None => self.inner.start(span),
        }
    }

    fn stop(&self, span: &Span, mut stop: SpanStop) -> Result<(), RecordError> {
        let standard = StandardSpan::named(span.name());
        let Some(standard) = standard.filter(|&standard| self.job().slots.holds(standard, span))
        else {
            return self.inner.stop(span, stop);
        };
        // As with any span, a time that is refused ends it all the same, now.
        let checked = self.moment(stop.time).map(drop);
        if checked.is_err() {
            stop.time = None;
        }
        let finished = self.finish(standard, stop.time, stop.outcome);
        self.inner.stop(span, stop).and(checked).and(finished)
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        self.inner.event(span, event)
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
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

    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        let closed = self.inner.close(timeout);
        // The close has stopped them: what comes now is too late, and not for the second time.
        self.job().slots = Slots::default();
        closed
    }

    fn health(&self) -> Health {
        self.inner.health()
    }

    fn baggage_attributes(&self) -> &[Name] {
        self.inner.baggage_attributes()
    }
}
