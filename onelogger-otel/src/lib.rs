#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod names;
mod otlp;

pub use otlp::{
    Compression, EventMode, LogLimits, MetricCounts, MetricHealth, OtlpConfigError, OtlpConnection,
    OtlpExporter, OtlpExporterBuilder, OtlpMetricExporter, Protocol, RetryPolicy, SpanLimits,
    TlsError,
};
