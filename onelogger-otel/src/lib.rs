#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bridge;
pub mod detectors;
mod exception;
pub mod guide;
pub mod names;
mod otlp;
mod resource;
mod sdk_exporter;
mod setup;

pub use bridge::{
    OtelLogRecord, OtelLogger, OtelLoggerProvider, OtelPropagator, OtelSpan, OtelTracer,
    OtelTracerProvider, context_of, current_context,
};
pub use otlp::{
    Compression, EventMode, ItemHealth, LogLimits, MetricCounts, MetricHealth, OtlpConfigError,
    OtlpConnection, OtlpCounts, OtlpExporter, OtlpExporterBuilder, OtlpHealth, OtlpMetricExporter,
    Protocol, RetryPolicy, SpanLimits, TlsError,
};
pub use sdk_exporter::OTelExporter;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use setup::fuzzing;
pub use setup::{OtelGuard, Setup, SetupError, SignalCheck, Verification, setup};

/// OpenTelemetry's API, in the version that this crate works with.
pub use opentelemetry;
/// OpenTelemetry's SDK, in the version that this crate works with.
pub use opentelemetry_sdk;
