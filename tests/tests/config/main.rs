//! Configuration from files, the environment and code.

mod broken;
mod environment;
mod formats;
mod memory;
mod pitfalls;
mod processors;
mod support;
mod tables;
