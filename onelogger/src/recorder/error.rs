use std::time::Duration;

use super::filter::PatternError;
use crate::data::TimeWindowError;
use crate::pipeline::OpenFailure;

/// A call was refused, on the thread that made it. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The recorder is not open yet. Configure a provider with it.
    #[error("the recorder is not open: no provider is configured with it")]
    NotConfigured,
    /// The recorder is closed, or is being closed. Record nothing after that.
    #[error("the recorder is closed")]
    Closed,
    /// The span is stopped: stop it once, and record its events before.
    #[error("span `{name}` is already stopped")]
    SpanStopped {
        /// The name of the span.
        name: String,
    },
    /// The span was started with another recorder. Use that one.
    #[error("span `{name}` was started with another recorder")]
    ForeignSpan {
        /// The name of the span.
        name: String,
    },
    /// A recorder around the default one, or a library that records through it, does not allow the call.
    /// The reason says what to do.
    #[error("{reason}")]
    Refused {
        /// Why, and the way out.
        reason: String,
    },
    /// A recorder of the application's own has panicked.
    #[error("the recorder has panicked")]
    Panicked,
    /// An explicit time is out of the window. Correct it, or widen the window when building the
    /// recorder.
    #[error(transparent)]
    Time(#[from] TimeWindowError),
}

/// A recorder cannot be built as asked. Holds everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recorder cannot be built: {}", .problems.join("; "))]
pub struct BuildError {
    /// What is wrong, a sentence each; each begins with the name of the setting, as a configuration file
    /// has it.
    pub problems: Vec<String>,
}

impl BuildError {
    pub(super) fn check_filter(filter: Result<(), PatternError>, problems: &mut Vec<String>) {
        problems.extend(filter.err().map(|error| format!("span_filter: {error}")));
    }
}

/// A recorder, or one of its exporters, could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    message: String,
    is_fatal: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl OpenError {
    /// The recorder cannot work.
    pub fn new(message: impl Into<String>) -> OpenError {
        OpenError { message: message.into(), is_fatal: true, source: None }
    }

    pub(super) fn io(message: &str, error: std::io::Error) -> OpenError {
        let message = format!("{message}: {error}");
        OpenError { message, is_fatal: true, source: Some(Box::new(error)) }
    }

    /// Exporters that could not be opened, of a recorder that works otherwise.
    pub(super) fn exporters(failures: Vec<OpenFailure>) -> Result<(), OpenError> {
        if failures.is_empty() {
            return Ok(());
        }
        let mut sentences = Vec::new();
        let mut source = None;
        for OpenFailure { exporter, error } in failures {
            sentences.push(format!("exporter {exporter}: {error}"));
            source = source.or(Some(error));
        }
        let source = source.map(|error| Box::new(error) as _);
        Err(OpenError { message: sentences.join("; "), is_fatal: false, source })
    }

    /// Whether nothing at all can be recorded. If not, the exporters that could be opened work, and
    /// the others are tried again.
    pub fn is_fatal(&self) -> bool {
        self.is_fatal
    }
}

/// A flush took longer than it was given. The records are still on their way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The time was over. An exporter is slow, or its backend does not answer; see `health()`.
    #[error("the flush was not done within {0:?}")]
    TimedOut(Duration),
    /// The recorder is not open, or closed.
    #[error("the recorder is not open")]
    NotOpen,
}

/// A close took longer than it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The time was over. What the exporters have not sent when the process ends is lost, and the
    /// closing record with the totals is missing from their output.
    #[error("the close was not done within {0:?}")]
    TimedOut(Duration),
}

/// The same as small as can be, for the way on which nothing is refused as a rule: to hand a large
/// result from call to call costs more than the calls.
#[derive(Debug)]
pub(crate) struct Refused(Box<RecordError>);

impl From<RecordError> for Refused {
    #[cold]
    fn from(error: RecordError) -> Refused {
        Refused(Box::new(error))
    }
}

impl From<Refused> for RecordError {
    fn from(refused: Refused) -> RecordError {
        *refused.0
    }
}
