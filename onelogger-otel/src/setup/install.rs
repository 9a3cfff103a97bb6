//! The set-up itself: what the environment and the application want, made and put in force.

use std::time::Duration;

use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{
    Attributes, ConfigError, ConfigureError, ConsoleExporter, DefaultRecorder,
    ErrorHandlingStrategy, LoggerConfig, OneLoggerConfig, OneLoggerProvider, diagnostics,
};
use opentelemetry::global;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::environment::{Batches, Destination, Environment, Propagators};
use super::guard::{Meters, OtelGuard};
use super::identity::{Identity, identity, program, sdk_resource, service_name};
use super::{Setup, SetupError, meters, self_metrics};
use crate::bridge::{OtelPropagator, OtelTracerProvider};
use crate::detectors::detect;
use crate::names::resource::WORLD_SIZE;
use crate::otlp::{OtlpConfigError, OtlpCounts, OtlpExporter, RetryPolicy, Route, Signal};

impl Setup {
    pub(super) fn install_as(
        mut self,
        mut environment: Environment,
    ) -> Result<OtelGuard, SetupError> {
        install_propagators(environment.propagators);
        let provider = OneLoggerProvider::instance();
        if environment.is_disabled || provider.is_ready() {
            return Ok(OtelGuard::inert(environment, false));
        }
        let detected = detect(environment.detectors.iter().copied());
        let name = service_name(&environment, self.config.as_ref(), &self.resource);
        let config = config(self.config.take(), &environment, &detected, name.as_deref())?;
        let Identity { resource, warnings } =
            identity(name.as_deref(), &environment, &config, &self.resource, detected);
        environment.problems.extend(warnings);
        let strategy = config.error_handling_strategy();
        let is_strict = strategy == Some(ErrorHandlingStrategy::PropagateExceptions);
        let is_silent = !config.enable_for_current_rank();
        let (routes, unusable) = routes(&environment);
        let not_sent = unusable.iter();
        let not_sent = not_sent.map(|(of, error)| format!("{} are not sent: {error}", of.items()));
        let not_sent: Vec<String> = not_sent.collect();
        if let Some((_, error)) = unusable.into_iter().next().filter(|_| is_strict) {
            return Err(SetupError::Connection(error));
        }
        let (recorder, items) = self.default_recorder(&environment, &resource, &routes)?;
        let guard = match provider.configure(config, recorder) {
            // Another thread was faster.
            Err(ConfigureError::AlreadyConfigured) => {
                return Ok(OtelGuard::inert(environment, false));
            }
            configured => configured?,
        };
        global::set_tracer_provider(OtelTracerProvider::new());
        if is_silent {
            // No thread, no message.
            return Ok(OtelGuard::new(guard, None, (vec![], vec![]), resource, environment));
        }
        let meters = self.meter_provider(&environment, &resource, &routes)?;
        if let Some(Meters { provider, .. }) = &meters {
            global::set_meter_provider(provider.clone());
        }
        let has_self_metrics = self.has_self_metrics && environment.has_self_metrics;
        if let Some(meters) = meters.as_ref().filter(|_| has_self_metrics) {
            let (recorder, items) = (provider.recorder(), items.as_ref());
            let points = meters.counts.as_ref();
            self_metrics::observe(&meters.provider, &recorder, &routes, items, points);
        }
        let guard = OtelGuard::new(guard, meters, (routes, not_sent), resource, environment);
        for problem in guard.problems() {
            diagnostics::warn(format_args!("{problem}"));
        }
        diagnostics::debug(format_args!("{}", guard.understood()));
        Ok(guard)
    }

    /// The recorder with all exporters, and what the one to the collector counts.
    fn default_recorder(
        &mut self,
        environment: &Environment,
        resource: &Attributes,
        routes: &[Route],
    ) -> Result<(DefaultRecorder, Option<OtlpCounts>), SetupError> {
        let mut builder = with_batches(DefaultRecorder::builder(), &environment.batches)
            .sampler(environment.sampler.clone())
            .baggage_attributes(environment.baggage_attributes.clone());
        let mut items = None;
        let is_sent = |signal| routes.iter().any(|route| route.signal() == signal);
        if is_sent(Signal::Traces) || is_sent(Signal::Logs) {
            let mut exporter = OtlpExporter::builder()
                .retry(retry_within(environment.batches.timeout))
                .span_limits(environment.span_limits)
                .log_limits(environment.log_limits)
                .events(self.events);
            if let Some(items) = environment.batches.request_items {
                exporter = exporter.max_export_batch_size(items);
            }
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
            let exporter = exporter.build()?;
            items = Some(exporter.counts());
            builder = builder.exporter(exporter);
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
        Ok((builder.build()?, items))
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

/// Spans of both worlds, and the baggage of both, go to other processes as the environment says.
fn install_propagators(propagators: Propagators) {
    match propagators {
        Propagators { trace_context: true, baggage: true } => {
            global::set_text_map_propagator(OtelPropagator::new());
        }
        Propagators { trace_context: true, baggage: false } => {
            global::set_text_map_propagator(OtelPropagator::trace_context());
        }
        Propagators { trace_context: false, baggage: true } => {
            global::set_text_map_propagator(OtelPropagator::baggage());
        }
        Propagators { trace_context: false, baggage: false } => {
            global::set_text_map_propagator(TextMapCompositePropagator::new(Vec::new()));
        }
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

/// The configuration that was given, or one that is made of the environment and of what was found.
fn config(
    given: Option<OneLoggerConfig>,
    environment: &Environment,
    detected: &Attributes,
    name: Option<&str>,
) -> Result<OneLoggerConfig, ConfigError> {
    let config = match given {
        Some(config) => config,
        None => {
            let launched = detected.get_i64(WORLD_SIZE).ok().flatten();
            let launched = launched.and_then(|size| u32::try_from(size).ok());
            let world_size = environment.world_size.or(launched);
            OneLoggerConfig::builder(name.map_or_else(program, str::to_owned))
                .session_tag(environment.session_tag.clone().unwrap_or_default())
                .world_size(world_size.unwrap_or(1).max(1))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_size_of_a_launcher_counts_where_nobody_says_another() {
        let world_size = |variable: Option<&'static str>, found: Option<i64>| {
            let lookup = |name: &str| variable.filter(|_| name == "WORLD_SIZE").map(str::to_owned);
            let mut detected = Attributes::new();
            if let Some(found) = found {
                detected.set(WORLD_SIZE, found);
            }
            let config = config(None, &Environment::read(&lookup), &detected, Some("job"));
            config.unwrap().world_size()
        };
        assert_eq!(world_size(None, None), 1);
        assert_eq!(world_size(None, Some(16)), 16);
        assert_eq!(world_size(Some("8"), Some(16)), 8);
        assert_eq!(world_size(Some("0"), Some(-1)), 1);
    }
}
