//! The recorder: what the application calls, and what turns calls into records.
//!
//! [`Recorder`] is the interface, [`DefaultRecorder`] the one that writes into lanes. Applications
//! reach the configured one through [`recorder()`](crate::recorder()), which adds the current span
//! and the error-handling strategy.

mod builder;
mod configured;
mod default;
mod description;
mod direct;
mod error;
mod filter;
mod place;
mod planted;
mod sampler;
pub(crate) mod short;
mod span;
mod thread;
mod writing;

pub use builder::DefaultRecorderBuilder;
pub(crate) use configured::Configured;
pub use configured::ErrorHandlingStrategy;
pub use default::DefaultRecorder;
pub use description::{SpanBuilder, SpanParent, SpanStop};
pub(crate) use direct::Direct;
pub(crate) use error::Refused;
pub use error::{BuildError, CloseError, FlushError, OpenError, RecordError};
pub use filter::{PatternError, SpanFilter};
pub(crate) use place::Under;
pub(crate) use planted::PlantedSpan;
pub use sampler::{Sampler, SamplerError};
pub use span::Span;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::data::{Attributes, ErrorEvent, Event, Name, Value};
use crate::exporter::Run;
use crate::pipeline::Health;

/// Turns calls into records.
///
/// Implement it to change what is recorded on its way: wrap a [`DefaultRecorder`], forward each
/// call, and rename, drop or add as you like. Whatever the application records through
/// [`recorder()`](crate::recorder()) goes through the configured recorder.
///
/// Calls come from any thread, at the same time. They do not wait, unless a lane's policy is to
/// block.
///
/// ```
/// use std::time::Duration;
/// use onelogger::exporter::Run;
/// use onelogger::recorder::*;
/// use onelogger::{Attributes, DefaultRecorder, ErrorEvent, Event, Health, TelemetryDataError};
///
/// /// Renames spans, drops chatty events, and adds the host to every span.
/// struct House(DefaultRecorder);
///
/// impl Recorder for House {
///     fn open(&self, run: &Run) -> Result<(), OpenError> {
///         self.0.open(run)
///     }
///     fn start(&self, mut span: SpanBuilder) -> Result<Span, RecordError> {
///         span.name = format!("house/{}", span.name).into();
///         self.0.start(span.with("host", "a1"))
///     }
///     fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
///         self.0.stop(span, stop)
///     }
///     fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
///         if event.name == "heartbeat" { Ok(()) } else { self.0.event(span, event) }
///     }
///     fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
///         self.0.error(span, error)
///     }
///     fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
///         self.0.set_attributes(span, attributes)
///     }
///     fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
///         self.0.telemetry_data_error(error)
///     }
///     fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
///         self.0.force_flush(timeout)
///     }
///     fn close(&self, timeout: Duration) -> Result<(), CloseError> {
///         self.0.close(timeout)
///     }
///     fn health(&self) -> Health {
///         self.0.health()
///     }
/// }
/// ```
pub trait Recorder: Any + Send + Sync {
    /// Opens the exporters. Called once, when the provider is configured.
    ///
    /// # Errors
    /// If the recorder cannot work at all, or an exporter could not be opened; in the second case
    /// the others work and [`OpenError::is_fatal`] is false.
    fn open(&self, run: &Run) -> Result<(), OpenError>;

    /// Starts a span.
    ///
    /// # Errors
    /// If the recorder is closed or was never opened, or an explicit time is out of its window.
    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError>;

    /// Stops a span, from whatever thread.
    ///
    /// # Errors
    /// If the span is stopped already, belongs to another recorder, or the time is out of its
    /// window; if the recorder is closed, which has stopped the span: the call is counted in
    /// [`Health::stopped_after_close`] and nothing is missing.
    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError>;

    /// Records an event of a span, or of none.
    ///
    /// # Errors
    /// If the recorder is closed, the span is stopped or belongs to another recorder, or the time
    /// is out of its window.
    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError>;

    /// Records an error of the application, in a span or in none.
    ///
    /// # Errors
    /// As for [`event`](Recorder::event).
    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError>;

    /// Adds or replaces attributes of an open span.
    ///
    /// # Errors
    /// As for [`event`](Recorder::event).
    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError>;

    /// Tells every exporter, once, that its data is not to be trusted.
    ///
    /// # Errors
    /// If the recorder is closed.
    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError>;

    /// Waits until every record accepted before this call was offered to every exporter.
    ///
    /// # Errors
    /// If that takes longer than `timeout`; the work goes on.
    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError>;

    /// Refuses further calls, stops open spans, sends what is left and closes the exporters. A
    /// second close waits for the first.
    ///
    /// # Errors
    /// If that takes longer than `timeout`; the work goes on.
    fn close(&self, timeout: Duration) -> Result<(), CloseError>;

    /// What became of the records so far.
    fn health(&self) -> Health;

    /// The default recorder behind this one, if macros may write into its lanes without calling
    /// this recorder. `None`, the default, makes every macro a call of these methods.
    fn direct(&self) -> Option<&DefaultRecorder> {
        None
    }

    /// The names of spans for which macros call this recorder also where it is [`direct`](Recorder::direct):
    /// it learns of these spans' starts, stops, errors and attributes, and of nothing else. Asked once,
    /// when the provider is configured. A recorder that wraps another one and forwards `direct` forwards
    /// this. None by default.
    fn called_for(&self) -> &[&'static str] {
        &[]
    }

    /// Which entries of the current baggage are to be attributes of each span that is started; asked
    /// once, when the provider is configured. A recorder that wraps another one forwards this. None
    /// by default.
    fn baggage_attributes(&self) -> &[Name] {
        &[]
    }
}

/// The telemetry itself is faulty: what the application, or the library, has to say of that.
///
/// Each exporter is told once; later reports are withheld from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryDataError {
    /// What is wrong.
    pub message: String,
    /// What else there is to say.
    pub attributes: Attributes,
    /// Whether the library reports it; then it is not counted.
    is_own: bool,
}

impl TelemetryDataError {
    /// A report by the application.
    pub fn new(message: impl Into<String>) -> TelemetryDataError {
        let (message, attributes) = (message.into(), Attributes::new());
        TelemetryDataError { message, attributes, is_own: false }
    }

    /// A report by the library.
    pub(crate) fn own(message: String) -> TelemetryDataError {
        TelemetryDataError { is_own: true, ..TelemetryDataError::new(message) }
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> TelemetryDataError {
        self.attributes.set(name, value);
        self
    }
}

impl From<&str> for TelemetryDataError {
    fn from(message: &str) -> TelemetryDataError {
        TelemetryDataError::new(message)
    }
}

impl<R: Recorder + ?Sized> Recorder for Arc<R> {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        (**self).open(run)
    }

    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        (**self).start(span)
    }

    fn stop(&self, span: &Span, stop: SpanStop) -> Result<(), RecordError> {
        (**self).stop(span, stop)
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        (**self).event(span, event)
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        (**self).error(span, error)
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        (**self).set_attributes(span, attributes)
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        (**self).telemetry_data_error(error)
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        (**self).force_flush(timeout)
    }

    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        (**self).close(timeout)
    }

    fn health(&self) -> Health {
        (**self).health()
    }

    fn direct(&self) -> Option<&DefaultRecorder> {
        (**self).direct()
    }

    fn called_for(&self) -> &[&'static str] {
        (**self).called_for()
    }

    fn baggage_attributes(&self) -> &[Name] {
        (**self).baggage_attributes()
    }
}
