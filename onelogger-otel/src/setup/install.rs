//! The set-up itself: what the environment and the application want, made and put in force.

use std::time::Duration;

use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Attributes, ConfigError, ConsoleExporter, DefaultRecorder, ErrorHandlingStrategy, LoggerConfig,
    OneLoggerConfig, OneLoggerProvider, Value, diagnostics,
};
use opentelemetry::global;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::environment::{Batches, Destination, Environment};
use super::guard::{Meters, OtelGuard};
use super::identity::{Identity, identity, sdk_resource};
use super::{Setup, SetupError, meters};
use crate::names::semantic::SERVICE_NAME;
use crate::otlp::{OtlpConfigError, OtlpExporter, RetryPolicy, Route, Signal};

impl Setup {
    pub(super) fn install_as(mut self, environment: Environment) -> Result<OtelGuard, SetupError> {
        let provider = OneLoggerProvider::instance();
        if environment.is_disabled || provider.is_ready() {
            return Ok(OtelGuard::inert(environment, false));
        }
        let mut problems = environment.problems.clone();
        let detected = Attributes::new();
        let Identity { resource, warnings } =
            identity(&environment, self.config.as_ref(), &self.resource, detected);
        problems.extend(warnings);
        let config = config(self.config.take(), &environment, &resource)?;
        let strategy = config.error_handling_strategy();
        let is_strict = strategy == Some(ErrorHandlingStrategy::PropagateExceptions);
        let routes = match routes(&environment) {
            (_, mut errors) if is_strict && !errors.is_empty() => {
                return Err(SetupError::Connection(errors.remove(0).1));
            }
            (routes, errors) => {
                let not_sent = |(signal, error): (Signal, OtlpConfigError)| {
                    format!("{} are not sent: {error}", signal.items())
                };
                problems.extend(errors.into_iter().map(not_sent));
                routes
            }
        };
        let recorder = self.default_recorder(&environment, &resource, &routes)?;
        let guard = provider.configure(config, recorder)?;
        let meters = self.meter_provider(&environment, &resource, &routes)?;
        if let Some(Meters { provider, .. }) = &meters {
            global::set_meter_provider(provider.clone());
        }
        for problem in &problems {
            diagnostics::warn(format_args!("{problem}"));
        }
        let guard = OtelGuard::new(guard, meters, (routes, resource), environment, problems);
        diagnostics::debug(format_args!("{}", guard.understood()));
        Ok(guard)
    }

    /// The recorder with all exporters.
    fn default_recorder(
        &mut self,
        environment: &Environment,
        resource: &Attributes,
        routes: &[Route],
    ) -> Result<DefaultRecorder, SetupError> {
        let mut builder = with_batches(DefaultRecorder::builder(), &environment.batches)
            .sampler(environment.sampler.clone());
        let is_sent = |signal| routes.iter().any(|route| route.signal() == signal);
        if is_sent(Signal::Traces) || is_sent(Signal::Logs) {
            let mut exporter = OtlpExporter::builder()
                .retry(retry_within(environment.batches.timeout))
                .events(self.events);
            for (name, value) in resource.iter() {
                exporter = exporter.resource(name.clone(), value.clone());
            }
            exporter = match is_sent(Signal::Traces) {
                true => exporter.traces_connection(environment.traces_connection.clone()),
                false => exporter.without_traces(),
            };
            exporter = match is_sent(Signal::Logs) {
                true => exporter.logs_connection(environment.logs_connection.clone()),
                false => exporter.without_logs(),
            };
            builder = builder.exporter(exporter.build()?);
        }
        let has_console = |signal: &[Destination]| signal.contains(&Destination::Console);
        if has_console(&environment.traces) || has_console(&environment.logs) {
            builder = builder.exporter(ConsoleExporter::stdout());
        }
        for exporter in self.exporters.drain(..) {
            builder = builder.boxed_exporter(exporter);
        }
        if let Some(adjust) = self.recorder.take() {
            builder = adjust(builder);
        }
        Ok(builder.build()?)
    }

    /// The SDK's meters; `None` if metrics go nowhere.
    fn meter_provider(
        &mut self,
        environment: &Environment,
        resource: &Attributes,
        routes: &[Route],
    ) -> Result<Option<Meters>, SetupError> {
        let adjust = self.meters.take();
        let goes_nowhere = |destination: &Destination| *destination == Destination::None;
        if environment.metrics.iter().all(goes_nowhere) && adjust.is_none() {
            return Ok(None);
        }
        let builder = SdkMeterProvider::builder().with_resource(sdk_resource(resource));
        let is_sent = routes.iter().any(|route| route.signal() == Signal::Metrics);
        let (mut builder, counts) = meters::with_readers(builder, environment, is_sent)?;
        if let Some(adjust) = adjust {
            builder = adjust(builder);
        }
        Ok(Some(Meters { provider: builder.build(), counts }))
    }
}

/// The ways of the signals that are to be sent, and which of them cannot work.
fn routes(environment: &Environment) -> (Vec<Route>, Vec<(Signal, OtlpConfigError)>) {
    let (mut routes, mut errors) = (Vec::new(), Vec::new());
    for (signal, destinations, connection) in [
        (Signal::Traces, &environment.traces, &environment.traces_connection),
        (Signal::Logs, &environment.logs, &environment.logs_connection),
        (Signal::Metrics, &environment.metrics, &environment.metrics_connection),
    ] {
        if destinations.contains(&Destination::Otlp) {
            match connection.route(signal) {
                Ok(route) => routes.push(route),
                Err(error) => errors.push((signal, error)),
            }
        }
    }
    (routes, errors)
}

/// The configuration that was given, or one that is made of the environment.
fn config(
    given: Option<OneLoggerConfig>,
    environment: &Environment,
    resource: &Attributes,
) -> Result<OneLoggerConfig, ConfigError> {
    let config = match given {
        Some(config) => config,
        None => {
            let name = resource.get(SERVICE_NAME).and_then(Value::as_str).unwrap_or_default();
            OneLoggerConfig::builder(name)
                .session_tag(environment.session_tag.clone().unwrap_or_default())
                .world_size(environment.world_size.unwrap_or(1).max(1))
                .build()?
        }
    };
    let Some(log_level) = environment.log_level else {
        return Ok(config);
    };
    let logger = LoggerConfig { log_level, ..config.logger_config().clone() };
    Ok(config.with_logger_config(logger))
}

/// What a record may take in a queue, on average.
const RECORD_BYTES: usize = 512;

fn with_batches(mut builder: DefaultRecorderBuilder, batches: &Batches) -> DefaultRecorderBuilder {
    if let Some(delay) = batches.delay {
        // A start is to be seen within a second, by all exporters.
        let range = Duration::from_millis(1)..=Duration::from_secs(1);
        builder = builder.drain_interval(delay.clamp(*range.start(), *range.end()));
    }
    if let Some(items) = batches.queue_items {
        builder = builder.queue_bytes(items.saturating_mul(RECORD_BYTES).max(1 << 20));
    }
    builder
}

fn retry_within(timeout: Option<Duration>) -> RetryPolicy {
    let default = RetryPolicy::default();
    RetryPolicy { within: timeout.unwrap_or(default.within), ..default }
}
