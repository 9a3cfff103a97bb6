//! What the environment says of the set-up, as OpenTelemetry's specification names it.

use std::time::Duration;

use onelogger::recorder::SamplerError;
use onelogger::{Attributes, LogLevel, Sampler};
use opentelemetry_sdk::metrics::Temporality;

use super::variables::{Lookup, Variables};
use super::{limits, otlp_variables};
use crate::detectors::Detector;
use crate::names::semantic::{ENVIRONMENT_NAME, SERVICE_NAME};
use crate::otlp::{LogLimits, OtlpConnection, Signal, SpanLimits};

/// Where a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Otlp,
    Console,
    None,
}

/// The whole of it.
pub(super) struct Environment {
    pub(super) is_disabled: bool,
    pub(super) is_deferred: bool,
    /// `OTEL_SERVICE_NAME`, else what `OTEL_RESOURCE_ATTRIBUTES` says.
    pub(super) service_name: Option<String>,
    pub(super) resource: Attributes,
    pub(super) session_tag: Option<String>,
    pub(super) world_size: Option<u32>,
    pub(super) traces: Vec<Destination>,
    pub(super) logs: Vec<Destination>,
    pub(super) metrics: Vec<Destination>,
    pub(super) traces_connection: OtlpConnection,
    pub(super) logs_connection: OtlpConnection,
    pub(super) metrics_connection: OtlpConnection,
    pub(super) propagators: Propagators,
    pub(super) sampler: Sampler,
    /// Entries of the baggage that become attributes of spans.
    pub(super) baggage_attributes: Vec<String>,
    pub(super) batches: Batches,
    pub(super) span_limits: SpanLimits,
    pub(super) log_limits: LogLimits,
    pub(super) detectors: Vec<Detector>,
    /// Whether the library tells of itself.
    pub(super) has_self_metrics: bool,
    pub(super) metric_interval: Option<Duration>,
    pub(super) metric_timeout: Option<Duration>,
    pub(super) temporality: Temporality,
    /// Whether histograms have buckets that grow exponentially.
    pub(super) has_exponential_histograms: bool,
    pub(super) log_level: Option<LogLevel>,
    pub(super) understood: Vec<(String, String)>,
    pub(super) problems: Vec<String>,
}

/// What goes to other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Propagators {
    pub(super) trace_context: bool,
    pub(super) baggage: bool,
}

/// `OTEL_BSP_*`: when, how much and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Batches {
    pub(super) delay: Option<Duration>,
    pub(super) queue_items: Option<usize>,
    pub(super) request_items: Option<usize>,
    pub(super) timeout: Option<Duration>,
}

impl Environment {
    pub(super) fn read(lookup: Lookup<'_>) -> Environment {
        let mut variables = Variables::new(lookup);
        let v = &mut variables;
        let is_disabled = v.flag("OTEL_SDK_DISABLED");
        let deferrals = ["ONELOGGER_DEFER_SETUP", "_OTEL_DEFER_SETUP"].map(|name| v.flag(name));
        let (service_name, resource) = resource(v);
        let session_tag = v.text("ONELOGGER_SESSION_TAG");
        let world_size = v.number("WORLD_SIZE", "whole number");
        let traces = destinations(v, "OTEL_TRACES_EXPORTER");
        let logs = destinations(v, "OTEL_LOGS_EXPORTER");
        let metrics = destinations(v, "OTEL_METRICS_EXPORTER");
        let mut connection = |signal| otlp_variables::connection(v, signal);
        let traces_connection = connection(Signal::Traces);
        let logs_connection = connection(Signal::Logs);
        let metrics_connection = connection(Signal::Metrics);
        const PREFERENCES: [(&str, Temporality); 3] = [
            ("cumulative", Temporality::Cumulative),
            ("delta", Temporality::Delta),
            ("lowmemory", Temporality::LowMemory),
        ];
        let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        const HISTOGRAMS: [(&str, bool); 2] =
            [("explicit_bucket_histogram", false), ("base2_exponential_bucket_histogram", true)];
        let histograms = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        const LEVELS: [(&str, LogLevel); 7] = [
            ("none", LogLevel::Off),
            ("off", LogLevel::Off),
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Debug),
        ];
        const SWITCH: [(&str, bool); 4] =
            [("true", true), ("false", false), ("1", true), ("0", false)];
        let mut environment = Environment {
            is_disabled,
            is_deferred: deferrals.contains(&true),
            service_name,
            resource,
            session_tag,
            world_size,
            traces,
            logs,
            metrics,
            traces_connection,
            logs_connection,
            metrics_connection,
            propagators: propagators(v),
            sampler: sampler(v),
            baggage_attributes: v.names("ONELOGGER_BAGGAGE_ATTRIBUTES"),
            batches: batches(v),
            span_limits: limits::of_spans(v),
            log_limits: limits::of_log_records(v),
            detectors: detectors(v),
            has_self_metrics: v.word("ONELOGGER_SELF_METRICS", &SWITCH).unwrap_or(true),
            metric_interval: metric_interval(v),
            metric_timeout: v.timeout("OTEL_METRIC_EXPORT_TIMEOUT"),
            temporality: v.word(preference, &PREFERENCES).unwrap_or_default(),
            has_exponential_histograms: v.word(histograms, &HISTOGRAMS).unwrap_or_default(),
            log_level: v.word("OTEL_LOG_LEVEL", &LEVELS),
            understood: Vec::new(),
            problems: Vec::new(),
        };
        // The variables for all signals were read once for each.
        let Variables { mut understood, mut problems, .. } = variables;
        let mut seen = std::collections::HashSet::new();
        understood.retain(|entry| seen.insert(entry.clone()));
        let mut seen = std::collections::HashSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        (environment.understood, environment.problems) = (understood, problems);
        environment
    }
}

/// The name of the service, and what else there is to say of it.
fn resource(variables: &mut Variables<'_>) -> (Option<String>, Attributes) {
    const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut pairs = variables.pairs(RESOURCE, false);
    let count = pairs.len();
    // No configuration could be made with it, and a job is not to fail for it.
    pairs.retain(|(key, value)| key != SERVICE_NAME || !value.trim().is_empty());
    if pairs.len() < count {
        variables.problem(RESOURCE, format_args!("`{SERVICE_NAME}` is blank"));
    }
    let mut resource: Attributes = pairs.into_iter().collect();
    if let Some(name) = variables.text("OTEL_SERVICE_NAME") {
        resource.set(SERVICE_NAME, name);
    }
    if resource.get(ENVIRONMENT_NAME).is_none()
        && let Some(name) = variables.text("ENVIRONMENT")
    {
        resource.set(ENVIRONMENT_NAME, name);
    }
    let service_name = resource.get(SERVICE_NAME).and_then(|name| name.as_str());
    (service_name.map(str::to_owned), resource)
}

fn destinations(variables: &mut Variables<'_>, name: &str) -> Vec<Destination> {
    const WORDS: [(&str, Destination); 4] = [
        ("otlp", Destination::Otlp),
        ("console", Destination::Console),
        ("logging", Destination::Console),
        ("none", Destination::None),
    ];
    // What is set and not understood goes nowhere else unasked.
    variables.words(name, &WORDS).unwrap_or_else(|| vec![Destination::Otlp])
}

fn propagators(variables: &mut Variables<'_>) -> Propagators {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        TraceContext,
        Baggage,
        None,
    }
    const WORDS: [(&str, Word); 3] =
        [("tracecontext", Word::TraceContext), ("baggage", Word::Baggage), ("none", Word::None)];
    match variables.words("OTEL_PROPAGATORS", &WORDS) {
        Some(words) => {
            let has = |word| words.contains(&word) && !words.contains(&Word::None);
            Propagators { trace_context: has(Word::TraceContext), baggage: has(Word::Baggage) }
        }
        None => Propagators { trace_context: true, baggage: true },
    }
}

fn detectors(variables: &mut Variables<'_>) -> Vec<Detector> {
    let name = "ONELOGGER_RESOURCE_DETECTORS";
    let words = variables.names(name);
    if words.is_empty() {
        return Detector::DEFAULT.to_vec();
    }
    let mut detectors = Vec::new();
    for word in words {
        match word.as_str() {
            "none" => {}
            "all" => detectors.extend(Detector::ALL),
            "default" => detectors.extend(Detector::DEFAULT),
            word => match Detector::from_name(word) {
                Some(detector) => detectors.push(detector),
                None => {
                    let known = Detector::ALL.map(Detector::name).join(", ");
                    variables.problem(
                        name,
                        format_args!(
                            "`{word}` is no detector; expected all, default, none or {known}"
                        ),
                    );
                }
            },
        }
    }
    detectors
}

fn sampler(variables: &mut Variables<'_>) -> Sampler {
    let default = Sampler::parent_based(Sampler::AlwaysOn);
    let (name, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    let Some(sampler) = variables.text(name) else {
        return default;
    };
    let given = variables.text(argument);
    match Sampler::from_name(&sampler, given.as_deref()) {
        Ok(sampler) => sampler,
        Err(error @ SamplerError::Ratio { .. }) => {
            variables.problem(argument, error);
            // A ratio that is not understood takes all, rather than nothing.
            Sampler::from_name(&sampler, None).unwrap_or(default)
        }
        Err(error) => {
            variables.problem(name, error);
            default
        }
    }
}

/// How long it is between two readings of all instruments.
fn metric_interval(variables: &mut Variables<'_>) -> Option<Duration> {
    let name = "OTEL_METRIC_EXPORT_INTERVAL";
    let interval = variables.millis(name);
    if interval == Some(Duration::ZERO) {
        variables.problem(name, "must be longer than zero");
    }
    interval.filter(|interval| !interval.is_zero())
}

fn batches(variables: &mut Variables<'_>) -> Batches {
    let mut at_least_one = |name| {
        let number: Option<usize> = variables.number(name, "whole number");
        if number == Some(0) {
            variables.problem(name, "must be at least 1");
        }
        number.filter(|number| *number > 0)
    };
    Batches {
        queue_items: at_least_one("OTEL_BSP_MAX_QUEUE_SIZE"),
        request_items: at_least_one("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
        delay: variables.millis("OTEL_BSP_SCHEDULE_DELAY"),
        timeout: variables.timeout("OTEL_BSP_EXPORT_TIMEOUT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Environment {
        Environment::read(&|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_anything_all_signals_go_to_the_local_collector() {
        let environment = read(&[]);
        assert!(!environment.is_disabled && !environment.is_deferred);
        let all = [&environment.traces, &environment.logs, &environment.metrics];
        assert!(all.iter().all(|signal| **signal == [Destination::Otlp]));
        assert_eq!(environment.propagators, Propagators { trace_context: true, baggage: true });
        assert_eq!(environment.temporality, Temporality::Cumulative);
        assert!(environment.understood.is_empty() && environment.problems.is_empty());
    }

    #[test]
    fn the_service_s_own_variable_comes_before_the_resource_s() {
        let resource =
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,team=blue%20sky,service.version=2");
        let environment = read(&[resource]);
        assert_eq!(environment.service_name.as_deref(), Some("a"));
        let environment = read(&[resource, ("OTEL_SERVICE_NAME", "b"), ("ENVIRONMENT", "prod")]);
        assert_eq!(environment.service_name.as_deref(), Some("b"));
        let expected = Attributes::new()
            .with("service.name", "b")
            .with("team", "blue sky")
            .with("service.version", "2")
            .with("deployment.environment.name", "prod");
        assert_eq!(environment.resource, expected);
    }

    #[test]
    fn a_name_of_the_service_that_is_blank_is_none() {
        for value in ["service.name=,team=blue", "service.name=%20,team=blue"] {
            let environment = read(&[("OTEL_RESOURCE_ATTRIBUTES", value)]);
            assert_eq!(environment.service_name, None, "{value}");
            assert_eq!(environment.resource, Attributes::new().with("team", "blue"), "{value}");
            assert_eq!(environment.problems.len(), 1, "{:?}", environment.problems);
        }
    }

    #[test]
    fn each_signal_has_its_destinations() {
        let environment = read(&[
            ("OTEL_TRACES_EXPORTER", "otlp, console"),
            ("OTEL_LOGS_EXPORTER", "None"),
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_PROPAGATORS", "baggage,b3"),
        ]);
        assert_eq!(environment.traces, [Destination::Otlp, Destination::Console]);
        assert_eq!(environment.logs, [Destination::None]);
        assert_eq!(environment.metrics, []);
        assert_eq!(environment.propagators, Propagators { trace_context: false, baggage: true });
        assert_eq!(environment.problems.len(), 2, "{:?}", environment.problems);
    }

    #[test]
    fn an_interval_of_zero_is_said_and_left_out() {
        let environment = read(&[("OTEL_METRIC_EXPORT_INTERVAL", "0")]);
        assert_eq!(environment.metric_interval, None);
        assert_eq!(environment.problems, ["OTEL_METRIC_EXPORT_INTERVAL: must be longer than zero"]);
    }

    #[test]
    fn detectors_are_chosen_by_name() {
        let chosen = |value| {
            let environment = read(&[("ONELOGGER_RESOURCE_DETECTORS", value)]);
            (environment.detectors, environment.problems.len())
        };
        assert_eq!(read(&[]).detectors, Detector::DEFAULT);
        assert_eq!(chosen("none"), (vec![], 0));
        assert_eq!(chosen("host, Slurm"), (vec![Detector::Host, Detector::Slurm], 0));
        assert_eq!(chosen("cloud"), (vec![], 1));
    }

    #[test]
    fn a_sampler_that_is_not_understood_takes_more_rather_than_less() {
        let sampled = |name, argument| {
            let set = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
            let environment = read(&set);
            (environment.sampler, environment.problems.len())
        };
        let by_parent = Sampler::parent_based;
        assert_eq!(read(&[]).sampler, by_parent(Sampler::AlwaysOn));
        assert_eq!(sampled("always_off", ""), (Sampler::AlwaysOff, 0));
        let tenth = Sampler::TraceIdRatioBased(0.1);
        assert_eq!(sampled("parentbased_traceidratio", "0.1"), (by_parent(tenth), 0));
        assert_eq!(sampled("traceidratio", "10%"), (Sampler::TraceIdRatioBased(1.0), 1));
        assert_eq!(sampled("jaeger_remote", ""), (by_parent(Sampler::AlwaysOn), 1));
    }

    #[test]
    fn batches_intervals_and_levels_are_read() {
        let environment = read(&[
            ("OTEL_BSP_SCHEDULE_DELAY", "250"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_LOG_LEVEL", "DEBUG"),
            ("_OTEL_DEFER_SETUP", "true"),
            ("OTEL_SDK_DISABLED", "True"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"),
        ]);
        let batches = environment.batches;
        assert_eq!((batches.request_items, batches.queue_items), (Some(64), None));
        assert_eq!(batches.delay, Some(Duration::from_millis(250)));
        assert_eq!(environment.metric_interval, Some(Duration::from_secs(1)));
        assert_eq!(environment.temporality, Temporality::Delta);
        assert_eq!(environment.log_level, Some(LogLevel::Debug));
        assert!(environment.is_deferred && environment.is_disabled);
        // Said once, though it concerns three signals.
        assert_eq!(environment.problems.len(), 2, "{:?}", environment.problems);
    }
}
