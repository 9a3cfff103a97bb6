//! Telemetry for long-running jobs and services: spans, events and errors, recorded without waiting
//! and written where they can be read while the job runs.

#![deny(unsafe_code)]

pub mod context;
mod data;
mod diagnostics;
pub mod exporter;
mod pipeline;
pub mod prelude;
pub mod read;
pub mod recorder;
mod setup;
mod signal;
#[allow(unsafe_code, reason = "the one room of unsafe code; each block has its argument")]
mod sync;
pub mod testing;

pub use data::names;
pub use data::{
    ApplicationType, AttributeTypeError, Attributes, AttributesRef, ErrorEvent, Event, EventRecord,
    Level, Link, LinksRef, ListRef, Name, Outcome, Parent, ParseIdError, Record, RecordId,
    SpanContext, SpanId, SpanKind, SpanRecord, TelemetryDataErrorType, TimeWindow, TimeWindowError,
    Timestamp, TraceId, Value, ValueRef,
};
pub use diagnostics::{LogLevel, LoggerConfig};
pub use exporter::{Exporter, FileExporter, MemoryExporter};
pub use pipeline::{
    Counts, DisableRule, ExporterHealth, ExporterState, FullPolicy, Health, LossReason, ManualClock,
};
pub use recorder::{
    DefaultRecorder, ErrorHandlingStrategy, Recorder, Span, SpanBuilder, SpanFilter, SpanParent,
    SpanStop, TelemetryDataError,
};
pub use setup::{
    ConfigError, ConfigureError, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerGuard,
    OneLoggerProvider, TelemetryConfig, recorder,
};
pub use signal::RecorderHandle;
