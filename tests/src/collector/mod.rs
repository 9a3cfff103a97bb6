//! Real parts to send to: an OpenTelemetry collector, and an independent receiver behind it that
//! checks the data model and misbehaves on request.
//!
//! ```text
//! Job ─> (Wire) ─> Collector ─> Sink ─> Received <─compared with─ expected items
//! ```
//!
//! Both are Python packages, which `cargo xtask test` installs under `target/collector`. Each test
//! has its own processes, on ports of its own, and they end with it.

mod agent;
pub mod expected;
mod http;
mod job;
mod ledger;
mod program;
mod received;
mod sink;
mod wire;

pub use agent::Collector;
pub use job::{Closed, Job, LIMIT, exporter, impatient, patient};
pub use ledger::{Losses, check_ledger};
pub use program::{Program, python, until};
pub use received::{Item, LogItem, Received, SpanItem};
pub use sink::Sink;
pub use wire::Wire;

use onelogger_otel::Protocol;

/// What holds for one transport holds for the other.
pub const PROTOCOLS: [Protocol; 2] = [Protocol::HttpProtobuf, Protocol::Grpc];

/// Runs a test for both transports at once.
pub fn over_both(test: impl Fn(Protocol) + Sync) {
    std::thread::scope(|scope| {
        for protocol in PROTOCOLS {
            let test = &test;
            scope.spawn(move || test(protocol));
        }
    });
}
