//! The names of our own that appear in what is sent.
//!
//! They are part of the public interface: renaming one is a breaking change.

/// Names of events.
pub mod event {
    /// A span is open for some time: it has started, and ends later or never.
    pub const SPAN_OPEN: &str = "onelogger.span.open";
    /// Attributes were added to a span of which nothing is remembered.
    pub const SPAN_UPDATE: &str = "onelogger.span.update";
}

/// Names of attributes.
pub mod attribute {
    /// Of a span: `panic` or `cancelled`, where the status alone does not tell.
    pub const OUTCOME: &str = "onelogger.outcome";
    /// Of `onelogger.span.open`: the name of the span.
    pub const SPAN_NAME: &str = "onelogger.span.name";
    /// Of a span, where all is shown as the Python library does it: the id under which JSON Lines
    /// know the span, a UUID as text.
    pub const ONE_LOGGER_SPAN_ID: &str = "one_logger_span_id";
}

/// OpenTelemetry's own names that are needed here.
pub(crate) mod semantic {
    pub(crate) const SERVICE_NAME: &str = "service.name";
    pub(crate) const SDK_NAME: &str = "telemetry.sdk.name";
    pub(crate) const SDK_LANGUAGE: &str = "telemetry.sdk.language";
    pub(crate) const SDK_VERSION: &str = "telemetry.sdk.version";
    pub(crate) const EXCEPTION: &str = "exception";
    pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
    pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
    pub(crate) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";
    pub(crate) const ERROR_TYPE: &str = "error.type";
}
