#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bridge;
pub mod names;
mod otlp;

pub use bridge::{
    OtelLogRecord, OtelLogger, OtelLoggerProvider, OtelPropagator, OtelSpan, OtelTracer,
    OtelTracerProvider, context_of, current_context,
};
pub use otlp::{
    Compression, EventMode, OtlpConfigError, OtlpExporter, OtlpExporterBuilder, Protocol,
    RetryPolicy, TlsError,
};
