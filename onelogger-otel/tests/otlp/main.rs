//! `OtlpExporter` against collectors on the loopback, which answer what a test tells them to.

mod conversion;
mod counts;
mod memory;
mod modes;
mod quiet;
mod retries;
mod runtimes;
mod support;
mod tls;
