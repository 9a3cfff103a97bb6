use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CloseError, Direct, RecordError, Recorder, Refused, TelemetryDataError};
use crate::data::{Callsite, Name};
use crate::diagnostics;
use crate::sync::{Counter, Flag, begin_epoch};

/// What happens when the library is misused: a span is stopped twice, a recorder is used after its
/// close. (A failing exporter is another matter, and never reaches the application.)
///
/// In every case the exporters are told, once, by a telemetry data error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorHandlingStrategy {
    /// The call is dropped, counted and reported; everything else goes on.
    #[default]
    ReportAndContinue,
    /// The call returns the error; a macro, which has nobody to return it to, panics with it, at the
    /// call itself and never in a destructor. For development, and where telemetry is critical.
    PropagateExceptions,
    /// One log line, then telemetry is off for good. The close still works.
    DisableQuietlyAndReportMetricError,
}

impl ErrorHandlingStrategy {
    /// How configurations write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorHandlingStrategy::ReportAndContinue => "report_and_continue",
            ErrorHandlingStrategy::PropagateExceptions => "propagate_exceptions",
            ErrorHandlingStrategy::DisableQuietlyAndReportMetricError => {
                "disable_quietly_and_report_metric_error"
            }
        }
    }
}

/// A recorder in force, with the strategy that guards the calls to it.
pub(crate) struct Configured {
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) strategy: ErrorHandlingStrategy,
    /// What [`Recorder::baggage_attributes`] said when it was configured.
    baggage_attributes: Vec<Name>,
    /// What [`Recorder::direct`] said when it was configured.
    direct: Option<Arc<Direct>>,
    /// What [`Recorder::called_for`] said when it was configured.
    called_for: Vec<&'static str>,
    /// Telemetry is off for good.
    is_off: Flag,
    is_closed: Flag,
    has_logged: Flag,
    misuses: Counter,
}

/// A recorder is called from many threads at once, and goes on after a panic of one of them.
impl RefUnwindSafe for Configured {}

impl Configured {
    pub(crate) fn new(recorder: Arc<dyn Recorder>, strategy: ErrorHandlingStrategy) -> Configured {
        let flag = Flag::new;
        let (is_off, is_closed, has_logged) = (flag(), flag(), flag());
        let baggage_attributes = recorder.baggage_attributes().to_vec();
        let direct = recorder.direct().map(|recorder| Arc::clone(&recorder.direct));
        let called_for = recorder.called_for().to_vec();
        let misuses = Counter::new(0);
        Configured {
            recorder,
            strategy,
            baggage_attributes,
            direct,
            called_for,
            is_off,
            is_closed,
            has_logged,
            misuses,
        }
    }

    /// Where macros write, if they need not call the recorder.
    pub(crate) fn direct(&self) -> Option<&Direct> {
        self.direct.as_deref()
    }

    /// Where the macro writes its spans, if it need not call the recorder.
    pub(crate) fn direct_for(&self, site: &Callsite) -> Option<&Direct> {
        let is_called = || !self.called_for.is_empty() && self.called_for.contains(&site.name());
        self.direct().filter(|_| !is_called())
    }

    /// The spans for which macros call the recorder.
    pub(crate) fn called_for(&self) -> &[&'static str] {
        &self.called_for
    }

    /// Which entries of the current baggage a new span gets as attributes.
    pub(crate) fn baggage_attributes(&self) -> &[Name] {
        &self.baggage_attributes
    }

    pub(crate) fn is_enabled(&self) -> bool {
        !self.is_off.is_raised()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.is_raised()
    }

    /// Switches telemetry off for good.
    pub(crate) fn switch_off(&self) {
        self.is_off.raise();
        begin_epoch();
    }

    /// Calls refused so far.
    pub(crate) fn misuses(&self) -> u64 {
        self.misuses.get()
    }

    /// Makes a call and handles its failure as the strategy says; `instead` is what a call gives
    /// that was dropped.
    pub(crate) fn guard<T>(
        &self,
        name: &str,
        instead: T,
        call: impl FnOnce(&dyn Recorder) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        if !self.is_enabled() {
            return Ok(instead);
        }
        let error = match self.try_call(call) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error == RecordError::Closed && name == "stop" {
            // A span that ends after the close is no misuse: the close has stopped it.
            return match self.strategy {
                ErrorHandlingStrategy::PropagateExceptions => Err(error),
                _ => Ok(instead),
            };
        }
        match self.refused(name, &error) {
            // Whoever gets the error decides whether to log it.
            ErrorHandlingStrategy::PropagateExceptions => Err(error),
            _ => Ok(instead),
        }
    }

    /// Makes a call for a macro, which has nobody to return an error to.
    ///
    /// A recorder that is closed meanwhile is no misuse: a macro asks for the one in force at each
    /// call.
    ///
    /// # Panics
    /// If the call is refused under [`ErrorHandlingStrategy::PropagateExceptions`].
    pub(crate) fn call<T>(
        &self,
        name: &str,
        call: impl FnOnce(&dyn Recorder) -> Result<T, RecordError>,
    ) -> Option<T> {
        if !self.is_enabled() {
            return None;
        }
        self.settle(name, self.try_call(call))
    }

    /// What a macro gets of a call that was made, with the same panics.
    #[inline]
    pub(crate) fn settle<T>(
        &self,
        name: &str,
        result: Result<T, impl Into<RecordError>>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.settle_refusal(name, error);
                None
            }
        }
    }

    #[cold]
    fn settle_refusal(&self, name: &str, error: impl Into<RecordError>) {
        let error = error.into();
        if error == RecordError::Closed {
            return;
        }
        let strategy = self.refused(name, &error);
        let is_fatal = strategy == ErrorHandlingStrategy::PropagateExceptions;
        // A second panic would end the process.
        assert!(!is_fatal || std::thread::panicking(), "onelogger: {name} was refused: {error}");
    }

    /// What becomes of a stop from a destructor: what the strategy would say of a refusal is not said by
    /// a panic, and a span that ends after the close is no misuse.
    #[inline]
    pub(crate) fn settle_stop(&self, result: Result<(), Refused>) {
        if let Err(error) = result {
            self.settle_stop_refusal(&error.into());
        }
    }

    #[cold]
    fn settle_stop_refusal(&self, error: &RecordError) {
        if *error != RecordError::Closed {
            self.refused("stop", error);
        }
    }

    /// A recorder of the application's own may panic; whoever records, in a destructor perhaps, must not
    /// be harmed by that.
    fn try_call<T>(
        &self,
        call: impl FnOnce(&dyn Recorder) -> Result<T, RecordError>,
    ) -> Result<T, RecordError> {
        let result = catch_unwind(AssertUnwindSafe(|| call(&*self.recorder)));
        result.unwrap_or(Err(RecordError::Panicked))
    }

    /// Handles a refusal as the strategy says, which is returned.
    fn refused(&self, name: &str, error: &RecordError) -> ErrorHandlingStrategy {
        self.misuses.add(1);
        let message = format!("Exception in telemetry code when calling {name}: {error}");
        if *error != RecordError::Closed {
            // If the report is refused as well there is nobody left to tell.
            let report = TelemetryDataError::own(message.clone());
            let _ = self.try_call(|recorder| recorder.telemetry_data_error(report));
        }
        match self.strategy {
            ErrorHandlingStrategy::PropagateExceptions => {}
            ErrorHandlingStrategy::ReportAndContinue => {
                if self.has_logged.raise() {
                    diagnostics::warn(format_args!("{message} (later refusals are only counted)"));
                }
            }
            ErrorHandlingStrategy::DisableQuietlyAndReportMetricError => {
                if self.has_logged.raise() {
                    diagnostics::error(format_args!("{message}; telemetry is switched off"));
                }
                self.switch_off();
            }
        }
        self.strategy
    }

    /// Closes the recorder, also one that is switched off.
    pub(crate) fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        self.is_closed.raise();
        self.recorder.close(timeout)
    }
}
