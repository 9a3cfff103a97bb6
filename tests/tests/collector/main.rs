//! What a job records, through a real OpenTelemetry collector, and what becomes of it when the
//! collector, or the way to it, fails.
//!
//! `cargo xtask test` installs what these tests need, and runs them; once that is installed,
//! `cargo test -p onelogger-tests --features collector --test collector` does too.

mod absence;
mod access;
mod complete;
mod doctor;
mod faults;
mod guide;
mod killed;
mod metrics;
mod processes;
mod runtimes;
mod service;
mod setup;
mod signals;
mod training;
