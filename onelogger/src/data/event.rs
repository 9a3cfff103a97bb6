use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::attribute;
use super::{Attributes, InstrumentationScope, Level, Name, Timestamp, Value};

/// Something that happened within a span.
///
/// ```
/// use onelogger::Event;
/// let event = Event::new("progress").with("done", 3).with("total", 10);
/// # assert_eq!(event.attributes.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub name: Name,
    /// Its level.
    #[serde(default)]
    pub level: Level,
    /// What there is to say of it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The code that reports it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<InstrumentationScope>,
}

impl Event {
    /// An event without attributes that happens now.
    pub fn new(name: impl Into<Name>) -> Event {
        Event {
            name: name.into(),
            level: Level::Info,
            attributes: Attributes::new(),
            time: None,
            scope: None,
        }
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Event {
        self.attributes.set(name, value);
        self
    }

    /// Adds or replaces attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> Event {
        self.attributes.merge(attributes);
        self
    }

    /// Sets its level.
    #[must_use]
    pub fn level(mut self, level: Level) -> Event {
        self.level = level;
        self
    }

    /// Says when it happened.
    #[must_use]
    pub fn at(mut self, time: impl Into<Timestamp>) -> Event {
        self.time = Some(time.into());
        self
    }

    /// Says which code reports it.
    #[must_use]
    pub fn scope(mut self, scope: InstrumentationScope) -> Event {
        self.scope = Some(scope);
        self
    }
}

impl From<&'static str> for Event {
    fn from(name: &'static str) -> Event {
        Event::new(name)
    }
}

/// An error of the application.
///
/// ```
/// use onelogger::ErrorEvent;
/// let failure = "x".parse::<u32>().unwrap_err();
/// let error = ErrorEvent::new("bad count in line 7").caused_by(&failure).with("line", 7);
/// assert_eq!(error.exception_type.as_deref(), Some("ParseIntError"));
/// assert_eq!(error.exception_message.as_deref(), Some("invalid digit found in string"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEvent {
    /// What went wrong, in the application's words.
    pub message: String,
    /// The type of the error value, without its module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// The text of the error value; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception_message: Option<String>,
    /// The texts of the error's sources, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// The backtrace, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The code that reports it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<InstrumentationScope>,
}

impl ErrorEvent {
    /// An error that has no value of its own.
    pub fn new(message: impl Into<String>) -> ErrorEvent {
        ErrorEvent {
            message: message.into(),
            exception_type: None,
            exception_message: None,
            sources: Vec::new(),
            backtrace: None,
            attributes: Attributes::new(),
            time: None,
            scope: None,
        }
    }

    /// Takes type, text and source chain of an error value.
    ///
    /// At most 32 sources are followed, so that a chain that bites its tail does no harm.
    #[must_use]
    pub fn caused_by<E: Error + ?Sized>(mut self, error: &E) -> ErrorEvent {
        self.exception_type = Some(short_type_name(std::any::type_name::<E>()));
        self.exception_message = Some(error.to_string());
        let chain = std::iter::successors(error.source(), |&source| source.source());
        self.sources = chain.take(32).map(ToString::to_string).collect();
        self
    }

    /// Names type and text of an error for which there is no Rust value.
    #[must_use]
    pub fn exception(
        mut self,
        exception_type: impl Into<String>,
        message: impl Into<String>,
    ) -> ErrorEvent {
        self.exception_type = Some(exception_type.into());
        self.exception_message = Some(message.into());
        self
    }

    /// Adds a backtrace, if it was captured (that is decided by `RUST_BACKTRACE`).
    #[must_use]
    pub fn backtrace(mut self, backtrace: &std::backtrace::Backtrace) -> ErrorEvent {
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            self.backtrace = Some(backtrace.to_string());
        }
        self
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> ErrorEvent {
        self.attributes.set(name, value);
        self
    }

    /// Says when it happened.
    #[must_use]
    pub fn at(mut self, time: impl Into<Timestamp>) -> ErrorEvent {
        self.time = Some(time.into());
        self
    }

    /// Says which code reports it.
    #[must_use]
    pub fn scope(mut self, scope: InstrumentationScope) -> ErrorEvent {
        self.scope = Some(scope);
        self
    }

    /// The attributes that the event has in a record: those of the error, then the caller's.
    pub fn to_attributes(&self) -> Attributes {
        let mut all = Attributes::new().with(attribute::ERROR_MESSAGE, &self.message);
        let texts = [
            (attribute::EXCEPTION_TYPE, &self.exception_type),
            (attribute::EXCEPTION_MESSAGE, &self.exception_message),
            (attribute::EXCEPTION_TRACEBACK, &self.backtrace),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                all.set(name, text);
            }
        }
        if !self.sources.is_empty() {
            all.set(attribute::EXCEPTION_SOURCES, self.sources.clone());
        }
        all.merge(self.attributes.clone());
        all
    }
}

impl From<&str> for ErrorEvent {
    fn from(message: &str) -> ErrorEvent {
        ErrorEvent::new(message)
    }
}

/// `std::num::ParseIntError` becomes `ParseIntError`, also within `Box<…>` and the like. What is
/// called `Error` and no more keeps the module that says of what: `io::Error`.
pub(crate) fn short_type_name(full: &str) -> String {
    if let Some(modules) = full.strip_suffix("::Error")
        && !full.contains(['<', ' '])
    {
        let module = modules.rsplit("::").find(|module| *module != "error");
        return module.map_or_else(|| "Error".to_owned(), |module| format!("{module}::Error"));
    }
    let mut short = String::new();
    let mut segment = 0;
    for character in full.chars() {
        if character.is_alphanumeric() || character == '_' {
            short.push(character);
        } else if character == ':' {
            short.truncate(segment);
        } else {
            short.push(character);
            segment = short.len();
        }
    }
    short
}

/// How unreliable the data of an exporter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelemetryDataErrorType {
    /// Nothing usable has reached the backend.
    NoTelemetryData,
    /// Some data has reached it and some is missing.
    IncompleteTelemetryData,
}

impl TelemetryDataErrorType {
    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            TelemetryDataErrorType::NoTelemetryData => "no_telemetry_data",
            TelemetryDataErrorType::IncompleteTelemetryData => "incomplete_telemetry_data",
        }
    }
}

impl fmt::Display for TelemetryDataErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_lose_their_modules() {
        assert_eq!(short_type_name("std::num::error::ParseIntError"), "ParseIntError");
        assert_eq!(short_type_name("std::io::error::Error"), "io::Error");
        assert_eq!(short_type_name("dyn core::error::Error"), "dyn Error");
        assert_eq!(short_type_name("a::Wrap<b::Inner, c::d::E>"), "Wrap<Inner, E>");
    }

    #[test]
    fn p03_an_error_with_an_empty_text_is_an_error_like_any_other() {
        let error = ErrorEvent::new("could not save").exception("ValueError", "");
        assert_eq!(
            error.to_attributes(),
            Attributes::new()
                .with("error_message", "could not save")
                .with("exception_type", "ValueError")
                .with("exception_message", "")
        );
    }
}
