use std::fmt;

use super::environment;
use crate::data::names::attribute;
use crate::data::{ApplicationType, Attributes, Name, Shown, Value};
use crate::diagnostics::LoggerConfig;
use crate::exporter::Run;
use crate::recorder::ErrorHandlingStrategy;

/// What is true of a whole run.
///
/// ```
/// use onelogger::OneLoggerConfig;
/// let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(8).build()?;
/// assert_eq!(config.application_name(), "trainer");
/// # Ok::<(), onelogger::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct OneLoggerConfig {
    application_name: String,
    world_size: u32,
    session_tag: String,
    /// `None` where the environment says it.
    rank: Option<u32>,
    is_baseline_run: bool,
    custom_metadata: Attributes,
    error_handling_strategy: Option<ErrorHandlingStrategy>,
    enable_for_current_rank: bool,
    logger_config: LoggerConfig,
    summary_data_schema_version: String,
    telemetry_config: Option<TelemetryConfig>,
}

/// What a domain's telemetry (such as that of a training job) says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// What kind of job it is.
    pub app_type: ApplicationType,
    /// Whether training iterations are recorded.
    pub is_train_iterations_enabled: bool,
    /// Whether validation iterations are recorded.
    pub is_validation_iterations_enabled: bool,
    /// Whether test iterations are recorded.
    pub is_test_iterations_enabled: bool,
    /// Whether checkpoint saves are recorded.
    pub is_save_checkpoint_enabled: bool,
    /// What else there is to say of the job.
    pub custom_metadata: Attributes,
}

/// A configuration is wrong. Holds everything that is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is wrong: {}", .problems.join("; "))]
pub struct ConfigError {
    /// What is wrong, a sentence each; each begins with the name of the field.
    pub problems: Vec<String>,
}

impl OneLoggerConfig {
    /// A configuration for the application of this name. `world_size` and `session_tag` are
    /// required as well.
    pub fn builder(application_name: impl Into<String>) -> OneLoggerConfigBuilder {
        OneLoggerConfigBuilder {
            application_name: application_name.into(),
            world_size: None,
            session_tag: None,
            rank: None,
            is_baseline_run: Setting::Value(false),
            custom_metadata: Attributes::new(),
            error_handling_strategy: None,
            enable_for_current_rank: true,
            logger_config: LoggerConfig::default(),
            summary_data_schema_version: "1.0.0".to_owned(),
            telemetry_config: None,
        }
    }

    /// The application's name.
    pub fn application_name(&self) -> &str {
        &self.application_name
    }

    /// The number of ranks.
    pub fn world_size(&self) -> u32 {
        self.world_size
    }

    /// What groups the runs that belong together.
    pub fn session_tag(&self) -> &str {
        &self.session_tag
    }

    /// Whether other runs are compared with this one.
    pub fn is_baseline_run(&self) -> bool {
        self.is_baseline_run
    }

    /// What else there is to say of the run.
    pub fn custom_metadata(&self) -> &Attributes {
        &self.custom_metadata
    }

    /// What happens when the library is misused, if it was chosen.
    pub fn error_handling_strategy(&self) -> Option<ErrorHandlingStrategy> {
        self.error_handling_strategy
    }

    /// Whether this rank records.
    pub fn enable_for_current_rank(&self) -> bool {
        self.enable_for_current_rank
    }

    /// What becomes of the library's own messages.
    pub fn logger_config(&self) -> &LoggerConfig {
        &self.logger_config
    }

    /// The same with other messages of the library's own.
    #[must_use]
    pub fn with_logger_config(mut self, config: LoggerConfig) -> OneLoggerConfig {
        self.logger_config = config;
        self
    }

    /// The version of the schema of summary data.
    pub fn summary_data_schema_version(&self) -> &str {
        &self.summary_data_schema_version
    }

    /// What a domain's telemetry says of itself.
    pub fn telemetry_config(&self) -> Option<&TelemetryConfig> {
        self.telemetry_config.as_ref()
    }

    /// The same with what a domain's telemetry says of itself.
    #[must_use]
    pub fn with_telemetry_config(mut self, config: TelemetryConfig) -> OneLoggerConfig {
        self.telemetry_config = Some(config);
        self
    }

    /// The strategy in force.
    pub(super) fn strategy(&self) -> ErrorHandlingStrategy {
        self.error_handling_strategy.unwrap_or_default()
    }

    /// What exporters are told.
    pub(super) fn run(&self) -> Run {
        let rank = self.rank.or_else(environment::rank);
        let mut resource = Attributes::new()
            .with(attribute::APPLICATION_NAME, &self.application_name)
            .with(attribute::SESSION_TAG, &self.session_tag)
            .with(attribute::WORLD_SIZE, self.world_size)
            .with(attribute::IS_BASELINE_RUN, self.is_baseline_run)
            .with(attribute::SUMMARY_DATA_SCHEMA_VERSION, &self.summary_data_schema_version);
        if let Some(rank) = rank {
            resource.set(attribute::RANK, rank);
        }
        resource.merge(self.custom_metadata.clone());
        if let Some(telemetry) = &self.telemetry_config {
            resource.set(attribute::APP_TYPE, telemetry.app_type.as_str());
            resource.merge(telemetry.custom_metadata.clone());
        }
        Run::of(resource, rank)
    }
}

/// Without what looks like a secret.
impl fmt::Debug for OneLoggerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLoggerConfig")
            .field("application_name", &self.application_name)
            .field("world_size", &self.world_size)
            .field("session_tag", &self.session_tag)
            .field("is_baseline_run", &self.is_baseline_run)
            .field("custom_metadata", &Shown(&self.custom_metadata))
            .field("error_handling_strategy", &self.error_handling_strategy)
            .field("enable_for_current_rank", &self.enable_for_current_rank)
            .field("logger_config", &self.logger_config)
            .field("summary_data_schema_version", &self.summary_data_schema_version)
            .field("telemetry_config", &self.telemetry_config)
            .finish()
    }
}

/// Without what looks like a secret.
impl fmt::Debug for TelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryConfig")
            .field("app_type", &self.app_type)
            .field("is_train_iterations_enabled", &self.is_train_iterations_enabled)
            .field("is_validation_iterations_enabled", &self.is_validation_iterations_enabled)
            .field("is_test_iterations_enabled", &self.is_test_iterations_enabled)
            .field("is_save_checkpoint_enabled", &self.is_save_checkpoint_enabled)
            .field("custom_metadata", &Shown(&self.custom_metadata))
            .finish()
    }
}

/// Collects a [`OneLoggerConfig`]. A value may be given by a function; it is called once, by
/// [`build`](OneLoggerConfigBuilder::build).
#[must_use]
pub struct OneLoggerConfigBuilder {
    application_name: String,
    world_size: Option<Setting<u32>>,
    session_tag: Option<Setting<String>>,
    rank: Option<u32>,
    is_baseline_run: Setting<bool>,
    custom_metadata: Attributes,
    error_handling_strategy: Option<ErrorHandlingStrategy>,
    enable_for_current_rank: bool,
    logger_config: LoggerConfig,
    summary_data_schema_version: String,
    telemetry_config: Option<TelemetryConfig>,
}

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

impl OneLoggerConfigBuilder {
    /// The number of ranks; at least 1.
    pub fn world_size(mut self, world_size: u32) -> OneLoggerConfigBuilder {
        self.world_size = Some(Setting::Value(world_size));
        self
    }

    /// The number of ranks, from a function.
    pub fn world_size_fn(mut self, function: impl FnOnce() -> u32 + 'static) -> Self {
        self.world_size = Some(Setting::Function(Box::new(function)));
        self
    }

    /// What groups the runs that belong together; any text, also an empty one.
    pub fn session_tag(mut self, tag: impl Into<String>) -> OneLoggerConfigBuilder {
        self.session_tag = Some(Setting::Value(tag.into()));
        self
    }

    /// What groups the runs that belong together, from a function.
    pub fn session_tag_fn(mut self, function: impl FnOnce() -> String + 'static) -> Self {
        self.session_tag = Some(Setting::Function(Box::new(function)));
        self
    }

    /// The rank of this process. By default the environment variable `RANK` says it, if it is a whole
    /// number.
    pub fn rank(mut self, rank: u32) -> OneLoggerConfigBuilder {
        self.rank = Some(rank);
        self
    }

    /// Whether other runs are compared with this one.
    pub fn is_baseline_run(mut self, is_baseline_run: bool) -> OneLoggerConfigBuilder {
        self.is_baseline_run = Setting::Value(is_baseline_run);
        self
    }

    /// Whether other runs are compared with this one, from a function.
    pub fn is_baseline_run_fn(mut self, function: impl FnOnce() -> bool + 'static) -> Self {
        self.is_baseline_run = Setting::Function(Box::new(function));
        self
    }

    /// Adds what else there is to say of the run.
    pub fn metadata(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Self {
        self.custom_metadata.set(name, value);
        self
    }

    /// Adds what else there is to say of the run.
    pub fn custom_metadata(mut self, metadata: Attributes) -> OneLoggerConfigBuilder {
        self.custom_metadata.merge(metadata);
        self
    }

    /// What happens when the library is misused.
    pub fn error_handling_strategy(mut self, strategy: ErrorHandlingStrategy) -> Self {
        self.error_handling_strategy = Some(strategy);
        self
    }

    /// Whether this rank records. A rank that does not is silent: no file, no thread, no message.
    pub fn enable_for_current_rank(mut self, is_enabled: bool) -> OneLoggerConfigBuilder {
        self.enable_for_current_rank = is_enabled;
        self
    }

    /// What becomes of the library's own messages.
    pub fn logger_config(mut self, config: LoggerConfig) -> OneLoggerConfigBuilder {
        self.logger_config = config;
        self
    }

    /// The version of the schema of summary data. `1.0.0` by default.
    pub fn summary_data_schema_version(mut self, version: impl Into<String>) -> Self {
        self.summary_data_schema_version = version.into();
        self
    }

    /// What a domain's telemetry says of itself.
    pub fn telemetry_config(mut self, config: TelemetryConfig) -> OneLoggerConfigBuilder {
        self.telemetry_config = Some(config);
        self
    }

    /// Calls the functions and checks everything.
    ///
    /// # Errors
    /// If something is missing or wrong; the error holds all of it.
    pub fn build(self) -> Result<OneLoggerConfig, ConfigError> {
        let mut problems = Vec::new();
        let mut check = |is_right: bool, problem: &str| {
            if !is_right {
                problems.push(problem.to_owned());
            }
        };
        check(!self.application_name.trim().is_empty(), "application_name: must not be blank");
        check(self.world_size.is_some(), "world_size: is required");
        check(self.session_tag.is_some(), "session_tag: is required");
        let world_size = self.world_size.map_or(1, Setting::evaluate);
        check(world_size > 0, "world_size: must be at least 1");
        let telemetry = self.telemetry_config.as_ref().map(|config| &config.custom_metadata);
        for metadata in [Some(&self.custom_metadata), telemetry].into_iter().flatten() {
            let is_right = metadata.iter().all(|(name, _)| !name.as_str().trim().is_empty());
            check(is_right, "custom_metadata: a key must not be blank");
        }
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        Ok(OneLoggerConfig {
            application_name: self.application_name,
            world_size,
            session_tag: self.session_tag.map(Setting::evaluate).unwrap_or_default(),
            rank: self.rank,
            is_baseline_run: self.is_baseline_run.evaluate(),
            custom_metadata: self.custom_metadata,
            error_handling_strategy: self.error_handling_strategy,
            enable_for_current_rank: self.enable_for_current_rank,
            logger_config: self.logger_config,
            summary_data_schema_version: self.summary_data_schema_version,
            telemetry_config: self.telemetry_config,
        })
    }
}

impl fmt::Debug for OneLoggerConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLoggerConfigBuilder")
            .field("application_name", &self.application_name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn all_problems_are_named_at_once() {
        let error = OneLoggerConfig::builder(" ").world_size(0).metadata(" ", 1).build();
        let problems = error.unwrap_err().problems;
        let fields: Vec<_> = problems.iter().filter_map(|text| text.split(':').next()).collect();
        assert_eq!(fields, ["application_name", "session_tag", "world_size", "custom_metadata"]);
    }

    #[test]
    fn a_rank_that_is_given_is_that_of_the_run() {
        let builder = OneLoggerConfig::builder("a").world_size(4).session_tag("").rank(3);
        let run = builder.build().unwrap().run();
        assert_eq!(run.rank(), Some(3));
        assert_eq!(run.resource().get_i64(attribute::RANK), Ok(Some(3)));
    }

    #[test]
    fn p40_a_function_is_called_once() {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let builder = OneLoggerConfig::builder("a").world_size_fn(|| 4).session_tag_fn(move || {
            counted.set(counted.get() + 1);
            format!("tag {}", counted.get())
        });
        assert_eq!(calls.get(), 0);
        let config = builder.build().unwrap();
        assert_eq!((config.session_tag(), config.session_tag()), ("tag 1", "tag 1"));
        assert_eq!((config.world_size(), calls.get()), (4, 1));
    }
}
