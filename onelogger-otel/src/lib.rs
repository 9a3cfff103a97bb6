#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod detectors;
pub mod names;
mod otlp;
mod sdk_exporter;

pub use otlp::{
    Compression, EventMode, OtlpConfigError, OtlpExporter, OtlpExporterBuilder, Protocol,
    RetryPolicy, TlsError,
};
pub use sdk_exporter::OTelExporter;
