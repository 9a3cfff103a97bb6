//! `OtlpExporter` against collectors on the loopback, which answer what a test tells them to.

mod bridges;
mod conversion;
mod counts;
mod limits;
mod memory;
mod modes;
mod quiet;
mod retries;
mod runtimes;
mod scopes;
mod self_metrics;
mod support;
mod tls;
mod withheld;
