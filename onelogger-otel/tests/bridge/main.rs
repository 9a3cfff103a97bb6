//! Libraries that use OpenTelemetry's interface in a program that uses ours: one trace, in memory.
//!
//! The global tracer provider is ours in the whole process; each test has a recorder of its own.

mod attached;
mod ends;
mod logs;
mod nesting;
mod operations;
mod propagation;
mod support;
mod tasks;
mod threads;
