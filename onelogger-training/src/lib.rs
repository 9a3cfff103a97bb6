//! Telemetry of training jobs, on top of [`onelogger`].
#![forbid(unsafe_code)]

mod callbacks;
mod config;
mod guards;
mod metrics;
pub mod names;
mod overrides;
mod provider;
mod python_text;
mod recorder;
mod standard;
mod state;
mod telemetry;
mod throughput;

pub use callbacks::{SavedCheckpoint, TrainStart};
pub use config::{CheckpointStrategy, TrainingConfig, TrainingConfigBuilder};
pub use guards::PhaseGuard;
pub use overrides::{ConfigOverride, TrainingOverride};
pub use provider::{SetupError, TrainingTelemetryProvider};
pub use recorder::TrainingRecorder;
pub use standard::StandardSpan;
pub use telemetry::{TrainingTelemetry, telemetry};
