use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::baggage::add_baggage;
use crate::context;
use crate::data::{Attributes, ErrorEvent, Event};
use crate::pipeline::Health;
use crate::recorder::{
    CloseError, Configured, FlushError, RecordError, Recorder, Span, SpanBuilder, SpanParent,
    SpanStop, TelemetryDataError,
};

/// The recorder in force, as applications use it: with the current span, and guarded by the
/// error-handling strategy.
///
/// Made by [`recorder()`](crate::recorder()) and
/// [`OneLoggerProvider::recorder`](crate::OneLoggerProvider::recorder); clones are the same
/// recorder. Where no provider is configured, or this rank is disabled, every call does nothing
/// and succeeds.
///
/// Calls fail only under [`PropagateExceptions`](crate::ErrorHandlingStrategy); under the other
/// strategies a refused call is dropped, counted and reported, and `Ok` is returned.
///
/// ```
/// use onelogger::{Event, SpanStop};
/// let recorder = onelogger::recorder();
/// let span = recorder.start("load")?;
/// recorder.event(&span, Event::new("progress").with("done", 3))?;
/// recorder.stop_with(&span, SpanStop::new().with("rows", 128))?;
/// # Ok::<(), onelogger::recorder::RecordError>(())
/// ```
#[derive(Clone, Default)]
pub struct RecorderHandle(Option<Arc<Configured>>);

/// The recorder in force here: that of the context, else that of the
/// [`OneLoggerProvider::instance`](crate::OneLoggerProvider::instance). One that does nothing where
/// neither is configured.
pub fn recorder() -> RecorderHandle {
    RecorderHandle::new(context::in_force())
}

impl RecorderHandle {
    pub(crate) fn new(configured: Option<Arc<Configured>>) -> RecorderHandle {
        RecorderHandle(configured)
    }

    /// Starts a span and makes it the current one of this thread or task. Unless the builder says
    /// otherwise it hangs under the one that was current before.
    ///
    /// # Errors
    /// See [`Recorder::start`](crate::Recorder::start).
    pub fn start(&self, span: impl Into<SpanBuilder>) -> Result<Span, RecordError> {
        let started = self.start_detached(span)?;
        if let Some(configured) = &self.0 {
            context::push(&started, configured);
        }
        Ok(started)
    }

    /// Starts a span without making it the current one: for one whose time is not that of a block, and
    /// for libraries that keep account of current spans themselves. Unless the builder says otherwise
    /// it hangs under the current span.
    ///
    /// ```
    /// use onelogger::context;
    /// # let capture = onelogger::testing::capture();
    /// let recorder = onelogger::recorder();
    /// let request = recorder.start_detached("request")?;
    /// assert_ne!(context::current_span(), Some(request.clone()));
    /// recorder.stop(&request)?;
    /// # Ok::<(), onelogger::recorder::RecordError>(())
    /// ```
    ///
    /// # Errors
    /// See [`Recorder::start`](crate::Recorder::start).
    pub fn start_detached(&self, span: impl Into<SpanBuilder>) -> Result<Span, RecordError> {
        let Some(configured) = &self.0 else {
            return Ok(Span::disabled());
        };
        let mut span = span.into();
        if span.parent == SpanParent::Current {
            span.parent = context::parent();
        }
        add_baggage(configured, &mut span);
        let started =
            configured.guard("start", Span::disabled(), |recorder| recorder.start(span))?;
        started.set_owner(configured);
        Ok(started)
    }

    /// Stops a span now.
    ///
    /// # Errors
    /// See [`Recorder::stop`](crate::Recorder::stop).
    pub fn stop(&self, span: &Span) -> Result<(), RecordError> {
        self.stop_with(span, SpanStop::new())
    }

    /// Stops a span.
    ///
    /// # Errors
    /// See [`Recorder::stop`](crate::Recorder::stop).
    pub fn stop_with(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        let Some(configured) = &self.0 else {
            // The provider may be closed, and then so is the span.
            span.ends_late();
            return Ok(());
        };
        configured.guard("stop", (), |recorder| recorder.stop(span, stop))
    }

    /// Records an event of a span; of the current one, if any, with `None`.
    ///
    /// # Errors
    /// See [`Recorder::event`](crate::Recorder::event).
    pub fn event<'a>(
        &self,
        span: impl Into<Option<&'a Span>>,
        event: impl Into<Event>,
    ) -> Result<(), RecordError> {
        let Some(configured) = &self.0 else {
            return Ok(());
        };
        let (span, event) = (span.into(), event.into());
        // One of another recorder is none of ours.
        let current = span.map_or_else(|| context::current_span_of(configured), |_| None);
        configured.guard("event", (), |recorder| recorder.event(span.or(current.as_ref()), event))
    }

    /// Records an error in a span; in the current one, if any, with `None`.
    ///
    /// # Errors
    /// See [`Recorder::error`](crate::Recorder::error).
    pub fn error<'a>(
        &self,
        span: impl Into<Option<&'a Span>>,
        error: impl Into<ErrorEvent>,
    ) -> Result<(), RecordError> {
        let Some(configured) = &self.0 else {
            return Ok(());
        };
        let (span, error) = (span.into(), error.into());
        // One of another recorder is none of ours.
        let current = span.map_or_else(|| context::current_span_of(configured), |_| None);
        configured.guard("error", (), |recorder| recorder.error(span.or(current.as_ref()), error))
    }

    /// Adds or replaces attributes of an open span.
    ///
    /// # Errors
    /// See [`Recorder::set_attributes`](crate::Recorder::set_attributes).
    pub fn set_attributes(
        &self,
        span: &Span,
        attributes: impl Into<Attributes>,
    ) -> Result<(), RecordError> {
        let attributes = attributes.into();
        self.call("set_attributes", (), |recorder| recorder.set_attributes(span, attributes))
    }

    /// Tells every exporter, once, that its data is not to be trusted.
    ///
    /// # Errors
    /// See [`Recorder::telemetry_data_error`](crate::Recorder::telemetry_data_error).
    pub fn telemetry_data_error(
        &self,
        error: impl Into<TelemetryDataError>,
    ) -> Result<(), RecordError> {
        let error = error.into();
        self.call("telemetry_data_error", (), |recorder| recorder.telemetry_data_error(error))
    }

    /// Makes a call of the caller's own, and handles its failure as the strategy says: for libraries
    /// whose calls are more than one of the recorder's. `name` is what a message calls it, `instead` what
    /// is returned where nothing is recorded or the call is dropped. What the call makes of the recorder
    /// is not guarded a second time.
    ///
    /// ```
    /// use onelogger::recorder::RecordError;
    /// use onelogger::{Event, Recorder};
    /// fn finished(rows: i64) -> Result<(), RecordError> {
    ///     onelogger::recorder().call("finished", (), |recorder| {
    ///         if rows < 0 {
    ///             return Err(RecordError::Refused { reason: format!("{rows} rows are too few") });
    ///         }
    ///         recorder.event(None, Event::new("finished").with("rows", rows))
    ///     })
    /// }
    /// # finished(3)?;
    /// # Ok::<(), RecordError>(())
    /// ```
    ///
    /// # Errors
    /// Those of `call`, under [`PropagateExceptions`](crate::ErrorHandlingStrategy).
    pub fn call<T>(
        &self,
        name: &str,
        instead: T,
        call: impl FnOnce(&dyn Recorder) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        match &self.0 {
            Some(configured) => configured.guard(name, instead, call),
            None => Ok(instead),
        }
    }

    /// The recorder itself, if it was configured as this type.
    ///
    /// ```
    /// use onelogger::DefaultRecorder;
    /// # let capture = onelogger::testing::capture();
    /// assert!(onelogger::recorder().find::<DefaultRecorder>().is_some());
    /// ```
    pub fn find<R: Recorder>(&self) -> Option<&R> {
        let recorder: &dyn Any = &*self.0.as_ref()?.recorder;
        recorder.downcast_ref()
    }

    /// Flushes and closes the recorder, as [`OneLoggerProvider::close`](crate::OneLoggerProvider::close)
    /// does, also where telemetry is switched off. The provider stays configured with it until it, or its
    /// guard, is closed too.
    ///
    /// # Errors
    /// If that takes longer than `timeout`; the work goes on.
    pub fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        self.0.as_ref().map_or(Ok(()), |configured| configured.close(timeout))
    }

    /// Waits until every record accepted before this call was offered to every exporter.
    ///
    /// # Errors
    /// If that takes longer than `timeout`; the work goes on.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.0.as_ref().map_or(Ok(()), |configured| configured.recorder.force_flush(timeout))
    }

    /// What became of the records so far.
    pub fn health(&self) -> Health {
        self.0.as_ref().map_or_else(Health::default, |configured| Health {
            refused_calls: configured.misuses(),
            ..configured.recorder.health()
        })
    }

    /// How many calls were refused.
    pub fn refused_calls(&self) -> u64 {
        self.0.as_ref().map_or(0, |configured| configured.misuses())
    }

    /// Whether records are taken: a provider is configured and telemetry is not switched off.
    pub fn is_enabled(&self) -> bool {
        self.0.as_ref().is_some_and(|configured| configured.is_enabled())
    }
}

impl fmt::Debug for RecorderHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderHandle").field("is_enabled", &self.is_enabled()).finish()
    }
}
