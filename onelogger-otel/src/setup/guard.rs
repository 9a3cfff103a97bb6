//! What a set-up leaves in the application's hands.

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use onelogger::{Attributes, OneLoggerGuard, diagnostics};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::environment::Environment;
use super::verify::{Verification, verify};
use crate::bridge::OtelLoggerProvider;
use crate::otlp::{MetricCounts, MetricHealth, Route, deadline, now};

/// Flushes and closes everything when dropped, and tells of it meanwhile. Keep it until the end of
/// `main`.
///
/// The drop waits for at most ten seconds ([`close_timeout`](OtelGuard::close_timeout) changes that):
/// first for the last metrics, up to half of it, then for the records. It never panics. In a forked
/// child it does nothing.
#[must_use = "telemetry ends when the guard is dropped: bind it to a name, as `let _telemetry`"]
pub struct OtelGuard {
    recorder: Option<OneLoggerGuard>,
    meters: Option<Meters>,
    routes: Vec<Route>,
    not_sent: Vec<String>,
    resource: Attributes,
    understood: Vec<(String, String)>,
    problems: Vec<String>,
    is_deferred: bool,
    timeout: Duration,
    process: u32,
}

/// The meter provider, and what its exporter counts.
pub(super) struct Meters {
    pub(super) provider: SdkMeterProvider,
    pub(super) counts: Option<MetricCounts>,
}

impl OtelGuard {
    /// Of a set-up that has taken place.
    pub(super) fn new(
        recorder: OneLoggerGuard,
        meters: Option<Meters>,
        (routes, not_sent): (Vec<Route>, Vec<String>),
        resource: Attributes,
        environment: Environment,
    ) -> OtelGuard {
        let mut guard = OtelGuard::inert(environment, false);
        guard.recorder = Some(recorder);
        guard.meters = meters;
        guard.problems.extend(not_sent.iter().cloned());
        (guard.routes, guard.not_sent) = (routes, not_sent);
        guard.resource = resource;
        guard
    }

    /// Of one that has not.
    pub(super) fn inert(environment: Environment, is_deferred: bool) -> OtelGuard {
        OtelGuard {
            recorder: None,
            meters: None,
            routes: Vec::new(),
            not_sent: Vec::new(),
            resource: Attributes::new(),
            understood: environment.understood,
            problems: environment.problems,
            is_deferred,
            timeout: Duration::from_secs(10),
            process: std::process::id(),
        }
    }

    /// How long the drop may wait.
    pub fn close_timeout(mut self, timeout: Duration) -> OtelGuard {
        self.timeout = timeout;
        self
    }

    /// Whether this guard stands for something: not if telemetry is disabled, deferred, or was set up
    /// before.
    pub fn is_active(&self) -> bool {
        self.recorder.is_some()
    }

    /// Whether the set-up was put off: call [`Setup::install_now`](crate::Setup::install_now) in the
    /// process that works.
    pub fn is_deferred(&self) -> bool {
        self.is_deferred
    }

    /// What was understood, for people; without secrets.
    pub fn understood(&self) -> impl fmt::Display + use<'_> {
        Understood(self)
    }

    /// What is wrong with the environment, a sentence each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Whose telemetry it is.
    pub fn resource(&self) -> &Attributes {
        &self.resource
    }

    /// The meter provider, which is OpenTelemetry's global one as well. `None` if metrics go nowhere.
    pub fn meter_provider(&self) -> Option<&SdkMeterProvider> {
        self.meters.as_ref().map(|meters| &meters.provider)
    }

    /// For libraries that bring the log records of others to OpenTelemetry
    /// (`opentelemetry-appender-log`, `opentelemetry-appender-tracing`), which want to be given it:
    /// what comes through it is recorded as events. It works also where nothing is set up, and does
    /// nothing then.
    pub fn logger_provider(&self) -> OtelLoggerProvider {
        OtelLoggerProvider::new()
    }

    /// How many data points were sent and lost. `None` if metrics go to no collector.
    pub fn metric_health(&self) -> Option<MetricHealth> {
        Some(self.meters.as_ref()?.counts.as_ref()?.health())
    }

    /// Sends one item of each signal to its collector, once and past everything else, and says what
    /// became of it. Takes up to `timeout` for each. The items are called `onelogger.verify`.
    pub fn verify(&self, timeout: Duration) -> Verification {
        verify(&self.routes, &self.not_sent, &self.resource, timeout)
    }

    /// Sends what was recorded and measured up to now. Whether that was done in time.
    pub fn force_flush(&self, timeout: Duration) -> bool {
        let began = now();
        let metrics = self
            .meters
            .as_ref()
            .is_none_or(|meters| within(timeout, &meters.provider, SdkMeterProvider::force_flush));
        let rest = deadline::rest(began, timeout, None);
        onelogger::recorder().force_flush(rest).is_ok() && metrics
    }
}

impl Drop for OtelGuard {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // The threads that would have to do something are the parent's.
            return;
        }
        let began = now();
        if let Some(meters) = &self.meters {
            let is_done = within(self.timeout / 2, &meters.provider, SdkMeterProvider::shutdown);
            if !is_done {
                diagnostics::error(format_args!("the last metrics could not be sent"));
            }
        }
        if let Some(recorder) = self.recorder.take() {
            drop(recorder.close_timeout(deadline::rest(began, self.timeout, None)));
        }
    }
}

/// Calls what may take longer than it should, on a thread of its own that is left alone then.
/// Whether it was done in time and succeeded.
fn within(
    timeout: Duration,
    provider: &SdkMeterProvider,
    work: fn(&SdkMeterProvider) -> OTelSdkResult,
) -> bool {
    let (done, waiting) = mpsc::channel();
    let provider = provider.clone();
    let thread = std::thread::Builder::new().name("onelogger-metrics".to_owned());
    let spawned = thread.spawn(move || {
        // Nobody may be waiting any more.
        let _ = done.send(work(&provider).is_ok());
    });
    spawned.is_ok() && waiting.recv_timeout(timeout) == Ok(true)
}

struct Understood<'a>(&'a OtelGuard);

impl fmt::Display for Understood<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OtelGuard { routes, resource, understood, problems, .. } = self.0;
        write!(f, "telemetry ")?;
        match (self.0.is_active(), self.0.is_deferred) {
            (true, _) => write!(f, "is set up")?,
            (false, true) => write!(f, "is to be set up later (deferred)")?,
            (false, false) => write!(f, "is not set up here (disabled, or done before)")?,
        }
        for route in routes {
            let (items, address, tls) = (route.signal().items(), route.address(), route.tls());
            write!(f, "\n  {items} over {} to {address}, TLS: {tls}", route.protocol())?;
        }
        for (name, value) in resource.iter() {
            write!(f, "\n  resource {name} = {value}")?;
        }
        for (name, value) in understood {
            write!(f, "\n  {name} = {value}")?;
        }
        problems.iter().try_for_each(|problem| write!(f, "\n  problem: {problem}"))
    }
}

impl fmt::Debug for OtelGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtelGuard")
            .field("is_active", &self.is_active())
            .field("is_deferred", &self.is_deferred)
            .finish_non_exhaustive()
    }
}
