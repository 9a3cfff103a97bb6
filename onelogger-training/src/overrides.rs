use onelogger::config::Loader;
use onelogger::{Attributes, ErrorHandlingStrategy, OneLoggerConfigBuilder, Value};
use serde::Deserialize;

use crate::config::{CheckpointStrategy, TraceShape, TrainingConfigBuilder};

/// What a user of a job changes in the configuration that its code gives. What is not set stays as it
/// is; metadata is added, key by key.
///
/// It can be read from any format that serde knows. A misspelt field is an error.
///
/// ```
/// use onelogger_training::ConfigOverride;
/// let text = r#"{"session_tag": "night", "training": {"log_every_n_train_iterations": 5}}"#;
/// let change: ConfigOverride = serde_json::from_str(text)?;
/// assert_eq!(change.session_tag.as_deref(), Some("night"));
/// assert!(serde_json::from_str::<ConfigOverride>(r#"{"sesion_tag": "x"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the builders say what the fields mean")]
pub struct ConfigOverride {
    pub world_size: Option<u32>,
    pub session_tag: Option<String>,
    pub is_baseline_run: Option<bool>,
    pub custom_metadata: Attributes,
    pub error_handling_strategy: Option<ErrorHandlingStrategy>,
    pub enable_for_current_rank: Option<bool>,
    pub summary_data_schema_version: Option<String>,
    pub training: Option<TrainingOverride>,
}

/// The same for the training's part.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the builder says what the fields mean")]
pub struct TrainingOverride {
    pub perf_tag: Option<Value>,
    pub global_batch_size: Option<i64>,
    pub log_every_n_train_iterations: Option<i64>,
    pub micro_batch_size: Option<i64>,
    pub seq_length: Option<i64>,
    pub flops_per_sample: Option<i64>,
    pub train_iterations_target: Option<i64>,
    pub train_samples_target: Option<i64>,
    pub save_checkpoint_strategy: Option<CheckpointStrategy>,
    pub is_train_iterations_enabled: Option<bool>,
    pub is_validation_iterations_enabled: Option<bool>,
    pub is_test_iterations_enabled: Option<bool>,
    pub is_save_checkpoint_enabled: Option<bool>,
    pub is_log_throughput_enabled: Option<bool>,
    pub additions: Option<bool>,
    pub trace_shape: Option<TraceShape>,
    pub custom_metadata: Attributes,
}

/// Calls a builder's method for each field that is set.
macro_rules! set {
    ($builder:ident, $change:ident: $($field:ident),* $(,)?) => {
        $(if let Some(value) = $change.$field {
            $builder = $builder.$field(value);
        })*
    };
}

impl ConfigOverride {
    /// Makes the changes, but for those of the training's part.
    pub(crate) fn apply(self, mut builder: OneLoggerConfigBuilder) -> OneLoggerConfigBuilder {
        let change = self;
        set!(builder, change:
            world_size, session_tag, is_baseline_run, error_handling_strategy,
            enable_for_current_rank, summary_data_schema_version,
        );
        builder.custom_metadata(change.custom_metadata)
    }

    /// The same for what a loader reads.
    pub(crate) fn apply_to_fields(self, mut loader: Loader) -> Loader {
        let strategy = self.error_handling_strategy.map(ErrorHandlingStrategy::as_str);
        let fields = [
            ("world_size", self.world_size.map(Value::from)),
            ("session_tag", self.session_tag.map(Value::from)),
            ("is_baseline_run", self.is_baseline_run.map(Value::from)),
            ("error_handling_strategy", strategy.map(Value::from)),
            ("enable_for_current_rank", self.enable_for_current_rank.map(Value::from)),
            ("summary_data_schema_version", self.summary_data_schema_version.map(Value::from)),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                loader = loader.set(field, value);
            }
        }
        for (name, value) in self.custom_metadata.iter() {
            loader = loader.set(format!("custom_metadata.{name}"), value.clone());
        }
        loader
    }
}

impl TrainingOverride {
    pub(crate) fn apply(self, mut builder: TrainingConfigBuilder) -> TrainingConfigBuilder {
        let change = self;
        set!(builder, change:
            perf_tag, global_batch_size, log_every_n_train_iterations, micro_batch_size, seq_length,
            flops_per_sample, train_iterations_target, train_samples_target,
            save_checkpoint_strategy, is_train_iterations_enabled,
            is_validation_iterations_enabled, is_test_iterations_enabled,
            is_save_checkpoint_enabled, is_log_throughput_enabled, additions, trace_shape,
        );
        if change.custom_metadata.is_empty() {
            return builder;
        }
        builder.custom_metadata(change.custom_metadata)
    }
}
