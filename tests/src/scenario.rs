//! What an application did, and when: `conformance/README.md` describes the format.

use std::collections::BTreeMap;

use onelogger::{Attributes, Value};
use onelogger_training::CheckpointStrategy;
use serde::Deserialize;

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct Scenario {
    /// The case.
    pub name: String,
    /// What the steps call.
    pub kind: Kind,
    /// Wall clock at scenario time 0, in seconds since 1970.
    pub epoch: f64,
    /// Environment variables to set first.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The configuration, under the names of the Python library.
    pub config: Config,
    /// That of the training, which takes effect at a step.
    pub training_config: Option<TrainingConfig>,
    /// Which spans are exported.
    #[serde(default)]
    pub filter: Filter,
    /// Ordinals, from 1, of the writes that the file must refuse.
    #[serde(default)]
    pub refuse_writes: Vec<u64>,
    /// The calls.
    pub steps: Vec<Step>,
}

/// What the steps of a scenario call.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The default recorder.
    Core,
    /// The callbacks of a training, and its recorder.
    Training,
}

/// The library's configuration.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Config {
    pub application_name: String,
    pub world_size_or_fn: u32,
    pub session_tag_or_fn: String,
    #[serde(default)]
    pub is_baseline_run_or_fn: bool,
    pub custom_metadata: Option<Attributes>,
    #[serde(default)]
    pub error_handling_strategy: Strategy,
    pub enable_for_current_rank: Option<bool>,
    pub summary_data_schema_version: Option<String>,
}

/// The configuration of a training.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct TrainingConfig {
    pub perf_tag_or_fn: Value,
    pub global_batch_size_or_fn: i64,
    pub log_every_n_train_iterations: Option<i64>,
    pub is_train_iterations_enabled_or_fn: Option<bool>,
    pub is_validation_iterations_enabled_or_fn: Option<bool>,
    pub is_test_iterations_enabled_or_fn: Option<bool>,
    pub is_save_checkpoint_enabled_or_fn: Option<bool>,
    pub is_log_throughput_enabled_or_fn: Option<bool>,
    pub flops_per_sample_or_fn: Option<i64>,
    pub micro_batch_size_or_fn: Option<i64>,
    pub seq_length_or_fn: Option<i64>,
    pub train_iterations_target_or_fn: Option<i64>,
    pub train_samples_target_or_fn: Option<i64>,
    pub save_checkpoint_strategy: Option<CheckpointStrategy>,
    pub custom_metadata: Option<Attributes>,
}

/// The error handling strategy; the default is the Python library's.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Strategy {
    #[default]
    PropagateExceptions,
    DisableQuietlyAndReportMetricError,
}

/// Which spans are exported.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Filter {
    #[serde(default)]
    pub mode: FilterMode,
    #[serde(default)]
    pub span_names: Option<Vec<String>>,
}

/// What the names of a filter mean.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum FilterMode {
    #[default]
    All,
    Whitelist,
    Blacklist,
}

/// A call, and the time that both clocks show meanwhile.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Seconds of scenario time; absent: that of the step before.
    pub t: Option<f64>,
    /// Whether the library must refuse the call.
    #[serde(default)]
    pub refused: bool,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
}

/// A call of the recorder.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Call {
    Start {
        #[serde(rename = "as")]
        handle: Option<String>,
        name: String,
        attributes: Option<Attributes>,
        start_event_attributes: Option<Attributes>,
        start_time: Option<f64>,
        parent: Option<String>,
    },
    Stop {
        span: String,
        stop_event_attributes: Option<Attributes>,
        stop_time: Option<f64>,
    },
    Event {
        span: String,
        name: String,
        attributes: Option<Attributes>,
        time: Option<f64>,
    },
    Error {
        span: String,
        message: String,
        exception: Option<Exception>,
    },
    SetAttributes {
        span: String,
        attributes: Attributes,
    },
    TelemetryDataError {
        message: String,
        attributes: Option<Attributes>,
    },
    Close,
    SetTrainingConfig,
    #[serde(untagged)]
    Callback(Callback),
}

/// An error value.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Exception {
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
}

/// A callback of a training.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Callback {
    pub op: String,
    #[serde(rename = "as")]
    pub handle: Option<String>,
    #[serde(default)]
    pub args: Arguments,
}

/// What callbacks are given. Times are in milliseconds since 1970.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Arguments {
    #[serde(alias = "start_time_msec", alias = "finish_time_msec")]
    pub time_msec: Option<f64>,
    pub train_iterations_start: Option<i64>,
    pub train_samples_start: Option<i64>,
    pub train_iterations_target_or_fn: Option<i64>,
    pub train_samples_target_or_fn: Option<i64>,
    pub global_step: Option<i64>,
}
