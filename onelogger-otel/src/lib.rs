#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod names;
mod otlp;
mod resource;
mod setup;

pub use otlp::{
    Compression, EventMode, MetricCounts, MetricHealth, OtlpConfigError, OtlpConnection,
    OtlpExporter, OtlpExporterBuilder, OtlpMetricExporter, Protocol, RetryPolicy, TlsError,
};
pub use setup::{OtelGuard, Setup, SetupError, SignalCheck, Verification, setup};

/// OpenTelemetry's API, in the version that this crate works with.
pub use opentelemetry;
/// OpenTelemetry's SDK, in the version that this crate works with.
pub use opentelemetry_sdk;
