//! Configuration: what an application does once, in `main`.

mod config;
mod environment;
mod process_end;
mod provider;
mod termination;

pub use config::{ConfigError, OneLoggerConfig, OneLoggerConfigBuilder, TelemetryConfig};
pub use provider::{ConfigureError, OneLoggerGuard, OneLoggerProvider};
