use std::fmt;

use onelogger::{ApplicationType, Attributes, ConfigError, Name, TelemetryConfig, Value};
use serde::{Deserialize, Serialize};

/// Whether training waits until a checkpoint is saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointStrategy {
    /// It waits; whoever saves knows at the end whether that went well.
    #[default]
    Sync,
    /// It waits for a part only; whether it went well is known later.
    Async,
}

impl CheckpointStrategy {
    /// The word that stands for it in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            CheckpointStrategy::Sync => "sync",
            CheckpointStrategy::Async => "async",
        }
    }
}

/// How the spans of a job are spread over traces. Backends cut traces off that have too many spans or last for
/// days, and know little of a root that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceShape {
    /// All belong to the one of the job.
    #[default]
    One,
    /// Each iteration begins one of its own, with a link to the loop's span: for jobs that export iterations.
    PerIteration,
    /// What is done from a checkpoint to the next one is a trace of its own, below a root with a link to the
    /// training loop's span: a job that is killed has left all traces but the last one whole. What would hang
    /// under the training loop hangs under that root, `onelogger.training.checkpoint_interval`. It begins with
    /// the first of these spans, and ends when the next one after a save begins, or with the loop.
    PerCheckpoint,
}

/// What is known of a training before it begins. Does not change once it is built.
///
/// ```
/// use onelogger_training::TrainingConfig;
/// let config = TrainingConfig::builder()
///     .perf_tag("llama-8b")
///     .global_batch_size(512)
///     .log_every_n_train_iterations(10)
///     .build()?;
/// assert_eq!(config.global_batch_size(), 512);
/// # Ok::<(), onelogger::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingConfig(pub(crate) Fields);

/// The fields, which the crate reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields {
    pub(crate) perf_tag: Value,
    pub(crate) global_batch_size: i64,
    pub(crate) log_every_n_train_iterations: i64,
    pub(crate) micro_batch_size: Option<i64>,
    pub(crate) seq_length: Option<i64>,
    pub(crate) flops_per_sample: Option<i64>,
    pub(crate) train_iterations_target: Option<i64>,
    pub(crate) train_samples_target: Option<i64>,
    pub(crate) save_checkpoint_strategy: CheckpointStrategy,
    pub(crate) is_train_iterations_enabled: bool,
    pub(crate) is_validation_iterations_enabled: bool,
    pub(crate) is_test_iterations_enabled: bool,
    pub(crate) is_save_checkpoint_enabled: bool,
    pub(crate) is_log_throughput_enabled: bool,
    pub(crate) has_additions: bool,
    pub(crate) trace_shape: TraceShape,
    pub(crate) custom_metadata: Option<Attributes>,
}

impl TrainingConfig {
    /// A configuration for which `perf_tag` and `global_batch_size` are required.
    pub fn builder() -> TrainingConfigBuilder {
        TrainingConfigBuilder::default()
    }

    /// Samples in an iteration, over all ranks.
    pub fn global_batch_size(&self) -> i64 {
        self.0.global_batch_size
    }

    /// How many iterations lie between two metrics updates.
    pub fn log_every_n_train_iterations(&self) -> i64 {
        self.0.log_every_n_train_iterations
    }

    /// Whether training waits for a save.
    pub fn save_checkpoint_strategy(&self) -> CheckpointStrategy {
        self.0.save_checkpoint_strategy
    }

    /// Floating point operations of an iteration, of all ranks together, where throughput is computed.
    pub(crate) fn flops_per_iteration(&self) -> Option<i128> {
        let Fields { is_log_throughput_enabled, flops_per_sample, .. } = self.0;
        let per_sample = flops_per_sample.filter(|_| is_log_throughput_enabled)?;
        Some(i128::from(per_sample) * i128::from(self.0.global_batch_size))
    }

    /// Tokens in so many samples, if the length of a sample is known.
    pub(crate) fn tokens(&self, samples: i64) -> Option<i64> {
        let length = self.0.seq_length.filter(|&length| length != 0)?;
        Some(length.saturating_mul(samples))
    }
}

/// What the opening record of a run tells of a training, which may not be known yet.
pub(crate) fn telemetry_config(training: Option<&TrainingConfig>) -> TelemetryConfig {
    let fields = training.map(|training| &training.0);
    TelemetryConfig {
        app_type: ApplicationType::Training,
        is_train_iterations_enabled: fields.is_none_or(|it| it.is_train_iterations_enabled),
        is_validation_iterations_enabled: fields
            .is_none_or(|it| it.is_validation_iterations_enabled),
        is_test_iterations_enabled: fields.is_none_or(|it| it.is_test_iterations_enabled),
        is_save_checkpoint_enabled: fields.is_none_or(|it| it.is_save_checkpoint_enabled),
        custom_metadata: fields.and_then(|it| it.custom_metadata.clone()).unwrap_or_default(),
    }
}

/// A value, or a function that finds it out when the configuration is built.
enum Setting<T> {
    Value(T),
    Function(Box<dyn FnOnce() -> T>),
}

impl<T> Setting<T> {
    fn evaluate(self) -> T {
        match self {
            Setting::Value(value) => value,
            Setting::Function(function) => function(),
        }
    }
}

/// Both ways of giving a value.
macro_rules! settings {
    ($($(#[doc = $text:literal])* $name:ident, $name_fn:ident: $type:ty;)*) => {
        /// Collects a [`TrainingConfig`]. A value may be given by a function; it is called once, by
        /// [`build`](TrainingConfigBuilder::build).
        #[derive(Default)]
        #[must_use]
        pub struct TrainingConfigBuilder {
            $($name: Option<Setting<$type>>,)*
            perf_tag: Option<Setting<Value>>,
            log_every_n_train_iterations: Option<i64>,
            save_checkpoint_strategy: CheckpointStrategy,
            has_additions: bool,
            trace_shape: TraceShape,
            custom_metadata: Option<Attributes>,
        }

        impl TrainingConfigBuilder {
            $(
                $(#[doc = $text])*
                pub fn $name(mut self, value: $type) -> TrainingConfigBuilder {
                    self.$name = Some(Setting::Value(value));
                    self
                }

                #[doc = concat!("[`", stringify!($name), "`](TrainingConfigBuilder::", stringify!($name), ") from a function.")]
                pub fn $name_fn(
                    mut self,
                    function: impl FnOnce() -> $type + 'static,
                ) -> TrainingConfigBuilder {
                    self.$name = Some(Setting::Function(Box::new(function)));
                    self
                }
            )*
        }
    };
}

settings! {
    /// Samples in an iteration, over all ranks; at least 1. Required.
    global_batch_size, global_batch_size_fn: i64;
    /// Samples in a step of one rank.
    micro_batch_size, micro_batch_size_fn: i64;
    /// Tokens in a sample.
    seq_length, seq_length_fn: i64;
    /// Floating point operations for a sample, forward and backward.
    flops_per_sample, flops_per_sample_fn: i64;
    /// At which iteration the job is done.
    train_iterations_target, train_iterations_target_fn: i64;
    /// After how many samples the job is done.
    train_samples_target, train_samples_target_fn: i64;
    /// Whether each training iteration has a span. True by default; the metrics do not depend on it.
    is_train_iterations_enabled, is_train_iterations_enabled_fn: bool;
    /// Whether each validation iteration has a span. True by default; the metrics do not depend on it.
    is_validation_iterations_enabled, is_validation_iterations_enabled_fn: bool;
    /// Whether each test iteration has a span. True by default; the metrics do not depend on it.
    is_test_iterations_enabled, is_test_iterations_enabled_fn: bool;
    /// Whether saves are recorded. True by default; if not, the calls for saves do nothing.
    is_save_checkpoint_enabled, is_save_checkpoint_enabled_fn: bool;
    /// Whether throughput is computed. False by default. Needs `flops_per_sample` here, and both
    /// targets here or when training starts.
    is_log_throughput_enabled, is_log_throughput_enabled_fn: bool;
}

impl TrainingConfigBuilder {
    /// What groups jobs whose speed may be compared: a text, or a list of them. Required.
    pub fn perf_tag(mut self, tag: impl Into<Value>) -> TrainingConfigBuilder {
        self.perf_tag = Some(Setting::Value(tag.into()));
        self
    }

    /// The same from a function.
    pub fn perf_tag_fn<V: Into<Value>>(
        mut self,
        function: impl FnOnce() -> V + 'static,
    ) -> TrainingConfigBuilder {
        self.perf_tag = Some(Setting::Function(Box::new(move || function().into())));
        self
    }

    /// How many iterations lie between two metrics updates; at least 1, 50 by default. Iterations are
    /// counted over all jobs of a training, so that jobs that go on from a checkpoint report at the same
    /// steps.
    pub fn log_every_n_train_iterations(mut self, iterations: i64) -> TrainingConfigBuilder {
        self.log_every_n_train_iterations = Some(iterations);
        self
    }

    /// Whether training waits for a save. It does by default.
    pub fn save_checkpoint_strategy(mut self, strategy: CheckpointStrategy) -> Self {
        self.save_checkpoint_strategy = strategy;
        self
    }

    /// Whether records and attributes are written that the Python library does not have. False by
    /// default, so that its files and ours compare.
    ///
    /// A last update of the metrics at the end of a training loop, or of the application in which it is open;
    /// failed saves; and in the metrics: tokens per second, the throughput of all ranks, the average batch
    /// size, the average times of forward pass, backward pass and wait for data where there are spans of
    /// these, and what of all this can be said of the time since the last update, under names that begin with
    /// [`WINDOW_PREFIX`](crate::names::attribute::WINDOW_PREFIX).
    pub fn additions(mut self, are_written: bool) -> TrainingConfigBuilder {
        self.has_additions = are_written;
        self
    }

    /// To which traces spans belong. To one, that of the job, by default. With another shape the spans of single
    /// iterations and their parts are in the group [`PER_STEP`](crate::names::group::PER_STEP).
    pub fn trace_shape(mut self, shape: TraceShape) -> TrainingConfigBuilder {
        self.trace_shape = shape;
        self
    }

    /// Adds what else there is to say of the training.
    pub fn metadata(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.custom_metadata.get_or_insert_default().set(name, value);
        self
    }

    /// Adds what else there is to say of the training.
    pub fn custom_metadata(mut self, metadata: Attributes) -> TrainingConfigBuilder {
        self.custom_metadata.get_or_insert_default().merge(metadata);
        self
    }

    /// Calls the functions and checks everything.
    ///
    /// # Errors
    /// If something is missing or wrong; the error holds all of it.
    pub fn build(self) -> Result<TrainingConfig, ConfigError> {
        fn or<T>(setting: Option<Setting<T>>, default: T) -> T {
            setting.map_or(default, Setting::evaluate)
        }
        let fields = Fields {
            perf_tag: or(self.perf_tag, Value::Bool(false)),
            global_batch_size: or(self.global_batch_size, 0),
            log_every_n_train_iterations: self.log_every_n_train_iterations.unwrap_or(50),
            micro_batch_size: self.micro_batch_size.map(Setting::evaluate),
            seq_length: self.seq_length.map(Setting::evaluate),
            flops_per_sample: self.flops_per_sample.map(Setting::evaluate),
            train_iterations_target: self.train_iterations_target.map(Setting::evaluate),
            train_samples_target: self.train_samples_target.map(Setting::evaluate),
            save_checkpoint_strategy: self.save_checkpoint_strategy,
            is_train_iterations_enabled: or(self.is_train_iterations_enabled, true),
            is_validation_iterations_enabled: or(self.is_validation_iterations_enabled, true),
            is_test_iterations_enabled: or(self.is_test_iterations_enabled, true),
            is_save_checkpoint_enabled: or(self.is_save_checkpoint_enabled, true),
            is_log_throughput_enabled: or(self.is_log_throughput_enabled, false),
            has_additions: self.has_additions,
            trace_shape: self.trace_shape,
            custom_metadata: self.custom_metadata,
        };
        let problems = fields.problems();
        if problems.is_empty() { Ok(TrainingConfig(fields)) } else { Err(ConfigError { problems }) }
    }
}

impl Fields {
    fn problems(&self) -> Vec<String> {
        let is_tag = matches!(self.perf_tag, Value::String(_) | Value::StringList(_));
        let has_flops = self.flops_per_sample.is_some_and(|flops| flops > 0);
        let metadata = self.custom_metadata.iter().flat_map(Attributes::iter);
        let has_keys = metadata.into_iter().all(|(name, _)| !name.as_str().trim().is_empty());
        let checks = [
            (is_tag, "perf_tag: a text or a list of texts is required"),
            (self.global_batch_size > 0, "global_batch_size: is required, and at least 1"),
            (
                self.log_every_n_train_iterations > 0,
                "log_every_n_train_iterations: must be at least 1",
            ),
            (
                has_flops || !self.is_log_throughput_enabled,
                "flops_per_sample: must be at least 1 where throughput is logged",
            ),
            (has_keys, "custom_metadata: a key must not be blank"),
        ];
        checks.iter().filter(|(is_right, _)| !is_right).map(|(_, why)| (*why).to_owned()).collect()
    }
}

impl fmt::Debug for TrainingConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingConfigBuilder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn all_problems_are_named_at_once() {
        let error = TrainingConfig::builder()
            .perf_tag(3)
            .log_every_n_train_iterations(0)
            .is_log_throughput_enabled(true)
            .metadata(" ", 1)
            .build();
        let problems = error.unwrap_err().problems;
        let fields: Vec<_> = problems.iter().filter_map(|text| text.split(':').next()).collect();
        assert_eq!(
            fields,
            [
                "perf_tag",
                "global_batch_size",
                "log_every_n_train_iterations",
                "flops_per_sample",
                "custom_metadata"
            ]
        );
    }

    #[test]
    fn p40_a_function_is_called_once() {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let builder =
            TrainingConfig::builder().perf_tag_fn(|| "a").global_batch_size_fn(move || {
                counted.set(counted.get() + 1);
                8
            });
        assert_eq!(calls.get(), 0);
        let config = builder.build().unwrap();
        assert_eq!((config.global_batch_size(), config.tokens(8), calls.get()), (8, None, 1));
    }
}
