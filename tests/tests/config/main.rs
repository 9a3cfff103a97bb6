//! Configuration from files, the environment and code.

mod broken;
mod environment;
mod formats;
mod memory;
mod pitfalls;
mod pitfalls_of_output;
mod processors;
mod support;
mod tables;
