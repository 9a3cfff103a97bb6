//! Configuration from files, the environment and code.

mod broken;
mod environment;
mod formats;
mod memory;
mod pitfalls;
mod support;
mod tables;
