//! One line in `main`: what the environment wants, in force.

mod environment;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guard;
mod identity;
mod install;
mod limits;
mod meters;
mod otlp_variables;
mod remedy;
mod self_metrics;
mod variables;
mod verify;

use std::fmt;

use onelogger::exporter::Exporter;
use onelogger::recorder::{BuildError, DefaultRecorderBuilder};
use onelogger::{Attributes, ConfigError, ConfigureError, Name, OneLoggerConfig, Value};
use opentelemetry_sdk::metrics::MeterProviderBuilder;

use self::environment::Environment;
pub use self::guard::OtelGuard;
pub use self::verify::{SignalCheck, Verification};
use crate::otlp::{EventMode, OtlpConfigError};

/// Sets everything up as the environment says: [`Setup::new`] and [`Setup::install`].
///
/// Call it first thing in `main`, and keep what it gives until the end.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _telemetry = onelogger_otel::setup()?;
///     work();
///     Ok(())
/// }
///
/// #[onelogger::timed_span]
/// fn work() {}
/// ```
///
/// # Errors
/// See [`Setup::install`].
pub fn setup() -> Result<OtelGuard, SetupError> {
    Setup::new().install()
}

/// What an application may say of its set-up; all the rest comes from the environment.
///
/// # The environment
///
/// | variable | default | |
/// | --- | --- | --- |
/// | `OTEL_SDK_DISABLED` | `false` | `true`: nothing is recorded, nothing sent; propagators work |
/// | `OTEL_SERVICE_NAME` | | then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, then the application's name in the configuration, then the program's, with a warning |
/// | `OTEL_RESOURCE_ATTRIBUTES` | | `key=value,…`, percent-encoded |
/// | `ENVIRONMENT` | | `deployment.environment.name`, if nothing else says it |
/// | `OTEL_{TRACES,METRICS,LOGS}_EXPORTER` | `otlp` | a list of `otlp`, `console`, `none` |
/// | `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY`, `_INSECURE` | `http://localhost:4318`, `http/protobuf` | and the same for one signal: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` … |
/// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative` | `delta`, `lowmemory` |
/// | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | `explicit_bucket_histogram` | `base2_exponential_bucket_histogram` |
/// | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | 60 s, 30 s | in milliseconds |
/// | `OTEL_PROPAGATORS` | `tracecontext,baggage` | or `none` |
/// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` | `always_on`, `always_off`, `traceidratio`, each also with `parentbased_` |
/// | `ONELOGGER_BAGGAGE_ATTRIBUTES` | | names of entries of the baggage that become attributes of spans |
/// | `OTEL_BSP_SCHEDULE_DELAY` | 100 ms | how long records may wait; no longer than a second |
/// | `OTEL_BSP_MAX_QUEUE_SIZE` | | of records, 512 bytes each; at least 1 MiB |
/// | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | | items a request |
/// | `OTEL_BSP_EXPORT_TIMEOUT` | 30 s | until when a request is sent again |
/// | `OTEL_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_SPAN_{ATTRIBUTE_COUNT,ATTRIBUTE_VALUE_LENGTH,EVENT_COUNT,LINK_COUNT}_LIMIT`, `OTEL_{EVENT,LINK}_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LOGRECORD_ATTRIBUTE_{COUNT,VALUE_LENGTH}_LIMIT` | 128, unlimited | see [`SpanLimits`](crate::SpanLimits), [`LogLimits`](crate::LogLimits) |
/// | `ONELOGGER_SELF_METRICS` | `true` | whether the library tells of itself, see [`names::metric`](crate::names::metric) |
/// | `ONELOGGER_RESOURCE_DETECTORS` | `default` | a list of `all`, `default`, `none` and the names of [`detectors`](crate::detectors) |
/// | `OTEL_LOG_LEVEL` | `info` | of the library's own messages |
/// | `ONELOGGER_SESSION_TAG`, `WORLD_SIZE` | empty, 1 | where the application gives no configuration |
/// | `ONELOGGER_DEFER_SETUP`, `_OTEL_DEFER_SETUP` | `false` | see [`Setup::install`] |
///
/// What cannot be understood is left out, with a warning. At the level `debug` the library says what
/// it has understood; so does [`OtelGuard::understood`].
#[must_use = "nothing is set up before `install` is called"]
pub struct Setup {
    config: Option<OneLoggerConfig>,
    resource: Attributes,
    events: EventMode,
    exporters: Vec<Box<dyn Exporter>>,
    recorder: Option<Adjust<DefaultRecorderBuilder>>,
    meters: Option<Adjust<MeterProviderBuilder>>,
    has_self_metrics: bool,
}

type Adjust<T> = Box<dyn FnOnce(T) -> T + Send>;

/// The set-up did not succeed; nothing is in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Correct the names that the error lists.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Correct the connection: the variables `OTEL_EXPORTER_OTLP_*`. Only under
    /// [`PropagateExceptions`](onelogger::ErrorHandlingStrategy::PropagateExceptions); else what cannot
    /// be used is left out, and said.
    #[error("OTEL_EXPORTER_OTLP_*: {0}")]
    Connection(#[from] OtlpConfigError),
    /// Correct the settings of the recorder.
    #[error(transparent)]
    Recorder(#[from] BuildError),
    /// The provider could not be configured.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
}

impl Setup {
    /// As the environment says.
    pub fn new() -> Setup {
        Setup {
            config: None,
            resource: Attributes::new(),
            events: EventMode::default(),
            exporters: Vec::new(),
            recorder: None,
            meters: None,
            has_self_metrics: true,
        }
    }

    /// The configuration of the run. Where it disables this rank, nothing is started and nothing said,
    /// metrics included. Without a configuration the application is called as the service, and the
    /// session tag is empty.
    pub fn config(mut self, config: OneLoggerConfig) -> Setup {
        self.config = Some(config);
        self
    }

    /// Adds or replaces an attribute of the resource: `service.version`, say.
    pub fn resource(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Setup {
        self.resource.set(name, value);
        self
    }

    /// What becomes of events.
    pub fn events(mut self, mode: EventMode) -> Setup {
        self.events = mode;
        self
    }

    /// Adds an exporter beside those that the environment asks for: a file, say.
    pub fn exporter(mut self, exporter: impl Exporter) -> Setup {
        self.exporters.push(Box::new(exporter));
        self
    }

    /// Changes the settings of the recorder, after those of the environment.
    pub fn recorder(
        mut self,
        adjust: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder + Send + 'static,
    ) -> Setup {
        self.recorder = Some(Box::new(adjust));
        self
    }

    /// Changes the settings of the meter provider, after those of the environment: views, further
    /// readers.
    pub fn meters(
        mut self,
        adjust: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send + 'static,
    ) -> Setup {
        self.meters = Some(Box::new(adjust));
        self
    }

    /// Whether what the library knows of itself goes out as metrics: spans, what became of records, queues
    /// ([`names::metric`](crate::names::metric)). It does, wherever metrics go, unless this or
    /// `ONELOGGER_SELF_METRICS` says no.
    pub fn self_metrics(mut self, are_wanted: bool) -> Setup {
        self.has_self_metrics = are_wanted;
        self
    }

    /// Puts everything in force: the provider of the process, and OpenTelemetry's global meter
    /// provider, tracer provider and propagator. The guard flushes and closes when it is dropped.
    ///
    /// A second call changes nothing: its guard stands for nothing, and the first one's stays in
    /// charge. Where `ONELOGGER_DEFER_SETUP` is `true` nothing happens either: a server that forks its
    /// workers would start threads that no worker inherits. Each worker then calls
    /// [`install_now`](Setup::install_now).
    ///
    /// # Errors
    /// If the settings that the application gave cannot work, or a thread cannot be started. What is
    /// wrong with the environment is no error but under
    /// [`PropagateExceptions`](onelogger::ErrorHandlingStrategy::PropagateExceptions): it is left out,
    /// and said.
    pub fn install(self) -> Result<OtelGuard, SetupError> {
        let environment = Environment::read(&variable);
        if environment.is_deferred {
            return Ok(OtelGuard::inert(environment, true));
        }
        self.install_as(environment)
    }

    /// The same, also where the set-up is deferred: for the worker of a server that forks.
    ///
    /// # Errors
    /// See [`install`](Setup::install).
    pub fn install_now(self) -> Result<OtelGuard, SetupError> {
        self.install_as(Environment::read(&variable))
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("config", &self.config)
            .field("resource", &self.resource)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Default for Setup {
    fn default() -> Setup {
        Setup::new()
    }
}

/// A variable of the process. One that is no Unicode counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
