#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod names;
mod otlp;

pub use otlp::{
    Compression, EventMode, OtlpConfigError, OtlpExporter, OtlpExporterBuilder, Protocol,
    RetryPolicy, TlsError,
};
