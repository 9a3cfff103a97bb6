use std::sync::Arc;

use onelogger::config::{LoadError, Loader};
use onelogger::recorder::{BuildError, DefaultRecorderBuilder};
use onelogger::{
    ConfigError, ConfigureError, Exporter, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerGuard,
    OneLoggerProvider, SpanFilter, Timestamp, diagnostics,
};

use crate::config::{TrainingConfigBuilder, telemetry_config};
use crate::names::span;
use crate::overrides::ConfigOverride;
use crate::ranks::{Ranks, RecordingRanks};
use crate::recorder::TrainingRecorder;
use crate::source::Source;

/// Sets up the telemetry of a training job, once, in `main`.
///
/// ```no_run
/// use onelogger::{FileExporter, OneLoggerConfig};
/// use onelogger_training::{TrainingConfig, TrainingTelemetryProvider};
///
/// let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(8);
/// let training = TrainingConfig::builder().perf_tag("llama-8b").global_batch_size(512);
/// let _onelogger = TrainingTelemetryProvider::new(config)
///     .training_config(training)
///     .exporter(FileExporter::new("run.jsonl"))
///     .configure()?;
/// # Ok::<(), onelogger_training::SetupError>(())
/// ```
///
/// Configurations are given as builders, and built when all overrides are known.
#[must_use]
pub struct TrainingTelemetryProvider {
    source: Source,
    training: Option<TrainingConfigBuilder>,
    overrides: Vec<ConfigOverride>,
    ranks: Option<Ranks>,
    job_start: Option<Timestamp>,
    filter: SpanFilter,
    exporters: Vec<Box<dyn Exporter>>,
}

/// The telemetry of a training could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The configuration, with its overrides, is wrong. Correct what it names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What the loader has read is wrong. Correct what it names.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The recorder cannot be built as asked. Correct what it names.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The provider is configured already, or the recorder cannot be opened.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
}

impl TrainingTelemetryProvider {
    /// With this configuration of the run, and without exporters.
    pub fn new(config: OneLoggerConfigBuilder) -> TrainingTelemetryProvider {
        TrainingTelemetryProvider::of(Source::code(config))
    }

    /// With all that this loader reads: the configuration of the run, its exporters and processors, from a
    /// file, the environment and code.
    ///
    /// ```no_run
    /// use onelogger::config::Loader;
    /// use onelogger_training::{TrainingConfig, TrainingTelemetryProvider};
    ///
    /// let training = TrainingConfig::builder().perf_tag("llama-8b").global_batch_size(512);
    /// let _onelogger = TrainingTelemetryProvider::from_loader(Loader::new())
    ///     .training_config(training)
    ///     .configure()?;
    /// # Ok::<(), onelogger_training::SetupError>(())
    /// ```
    ///
    /// The loader reads when the provider is configured. Ranks and overrides that are given here go before
    /// what its sources say, exporters come beside theirs.
    pub fn from_loader(loader: Loader) -> TrainingTelemetryProvider {
        TrainingTelemetryProvider::of(Source::loader(loader))
    }

    fn of(source: Source) -> TrainingTelemetryProvider {
        TrainingTelemetryProvider {
            source,
            training: None,
            overrides: Vec::new(),
            ranks: None,
            job_start: None,
            filter: SpanFilter::except(span::NOT_EXPORTED),
            exporters: Vec::new(),
        }
    }

    /// What is known of the training. May be set later instead, by
    /// [`set_training_config`](crate::TrainingTelemetry::set_training_config).
    pub fn training_config(mut self, training: TrainingConfigBuilder) -> Self {
        self.training = Some(training);
        self
    }

    /// Which process this is, and which ones record: world size, rank, and whether this rank is enabled, in
    /// place of what the configuration says.
    ///
    /// ```
    /// # use onelogger::OneLoggerConfig;
    /// use onelogger_training::{Ranks, RecordingRanks, TrainingTelemetryProvider};
    /// let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(1);
    /// let mut provider = TrainingTelemetryProvider::new(config);
    /// if let Some(ranks) = Ranks::from_environment() {
    ///     provider = provider.ranks(ranks, RecordingRanks::FirstOfNode);
    /// }
    /// # drop(provider);
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "as all that a builder is given")]
    pub fn ranks(mut self, ranks: Ranks, recording: RecordingRanks) -> TrainingTelemetryProvider {
        let is_enabled = ranks.records(&recording);
        self.source = self.source.ranks(&ranks, is_enabled);
        self.ranks = Some(ranks);
        self
    }

    /// The span of the application begins with the job, at this time, and not with the first call; what had passed
    /// by then, of waiting for nodes, images and imports, is a span `onelogger.training.start_up` below it.
    /// A time that is not before now, or out of the recorder's window, is not believed.
    ///
    /// ```
    /// # use onelogger::OneLoggerConfig;
    /// # use onelogger_training::TrainingTelemetryProvider;
    /// # let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(1);
    /// let mut provider = TrainingTelemetryProvider::new(config);
    /// if let Some(start) = onelogger_training::job_start() {
    ///     provider = provider.job_start(start);
    /// }
    /// # drop(provider);
    /// ```
    pub fn job_start(mut self, start: impl Into<Timestamp>) -> TrainingTelemetryProvider {
        self.job_start = Some(start.into());
        self
    }

    /// Changes configurations, after the overrides that were given before.
    pub fn config_override(mut self, change: ConfigOverride) -> TrainingTelemetryProvider {
        self.overrides.push(change);
        self
    }

    /// Which spans are exported. By default all but [`names::span::NOT_EXPORTED`]:
    /// [`SpanFilter::all`] exports these as well.
    ///
    /// [`names::span::NOT_EXPORTED`]: crate::names::span::NOT_EXPORTED
    pub fn export(mut self, filter: SpanFilter) -> TrainingTelemetryProvider {
        self.filter = filter;
        self
    }

    /// Settings of the recorder: lanes, queues, processors, exporters that were added to it. Its filter
    /// is the one of [`export`](TrainingTelemetryProvider::export). Takes the place of all that a loader
    /// reads of it; [`Loader::recorder`] changes that.
    pub fn recorder(mut self, recorder: DefaultRecorderBuilder) -> TrainingTelemetryProvider {
        self.source = self.source.recorder(recorder);
        self
    }

    /// Adds an exporter. On a rank that is disabled it is never opened.
    pub fn exporter(mut self, exporter: impl Exporter) -> TrainingTelemetryProvider {
        self.exporters.push(Box::new(exporter));
        self
    }

    /// Configures the provider of the process; [`telemetry`](crate::telemetry) finds it from there on.
    /// Keep the guard until the end of `main`. Where there is no exporter, a warning says so.
    ///
    /// # Errors
    /// If a configuration is wrong, or the provider is configured already.
    pub fn configure(self) -> Result<OneLoggerGuard, SetupError> {
        self.configure_on(OneLoggerProvider::instance())
    }

    /// Configures another provider, which tests put in force by
    /// [`attach`](OneLoggerProvider::attach).
    ///
    /// # Errors
    /// As for [`configure`](TrainingTelemetryProvider::configure).
    pub fn configure_on(
        mut self,
        provider: &OneLoggerProvider,
    ) -> Result<OneLoggerGuard, SetupError> {
        for change in self.overrides {
            if let Some(change) = &change.training {
                let training = self.training.unwrap_or_default();
                self.training = Some(change.clone().apply(training));
            }
            self.source = self.source.apply(change);
        }
        let training = self.training.map(TrainingConfigBuilder::build).transpose()?.map(Arc::new);
        let telemetry = telemetry_config(training.as_deref());
        let (ranks, job_start) = (self.ranks, self.job_start);
        let wrap = |config: &OneLoggerConfig, inner| {
            Arc::new(TrainingRecorder::new(inner, config.clone(), ranks, job_start, training))
        };
        let guard =
            self.source.configure(provider, telemetry, self.exporters, self.filter, wrap)?;
        if provider.is_enabled() && provider.recorder().health().exporters.is_empty() {
            diagnostics::warn(format_args!(
                "the training has no exporter, so nothing of what it records is kept; add one to its provider"
            ));
        }
        Ok(guard)
    }
}
