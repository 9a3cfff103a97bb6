//! Does telemetry get through? Says what was understood of the environment, sends one item of each
//! signal, and says what became of it and what to do.
//!
//! ```text
//! cargo run -p onelogger-otel --example doctor
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc \
//!     cargo run -p onelogger-otel --example doctor
//! ```
//!
//! Each item may take as long as `OTEL_EXPORTER_OTLP_TIMEOUT` says, 10 seconds by default. Ends with
//! status 1 if a signal does not get through and `--strict` is given.

use std::process::ExitCode;
use std::time::Duration;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Nothing is recorded here that would be worth waiting for.
    let telemetry = onelogger_otel::setup()?.close_timeout(Duration::from_secs(1));
    println!("{}\n", telemetry.understood());
    let verification = telemetry.verify(Duration::MAX);
    println!("{verification}");
    let is_strict = std::env::args().any(|argument| argument == "--strict");
    Ok(if verification.is_ok() || !is_strict { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
