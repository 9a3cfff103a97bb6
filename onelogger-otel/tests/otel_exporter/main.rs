//! `OTelExporter` in front of exporters of the SDK: one that obeys, the SDK's own in memory, and
//! those of `opentelemetry-otlp` with a collector on the loopback.

mod backend;
mod conversion;
mod counts;
mod failures;
mod golden;
mod modes;
mod runtimes;
#[path = "../otlp/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests of `OtlpExporter`")]
mod support;
