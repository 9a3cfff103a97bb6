//! Seeing that it works: one item of each signal, what became of it, and what to do.

use std::fmt;
use std::time::Duration;

use onelogger::Attributes;

use super::remedy;
use crate::otlp::{Protocol, Route, Signal, probe};

/// What became of one item of each signal; `Display` shows a table with remedies.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verification {
    /// The signals that go to a collector. Empty if none does.
    pub signals: Vec<SignalCheck>,
    /// Signals that were to go to one, and cannot as things are set: which, and why.
    pub not_sent: Vec<String>,
}

/// What became of an item of one signal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignalCheck {
    /// `traces`, `logs` or `metrics`.
    pub signal: &'static str,
    /// Where it was sent.
    pub endpoint: String,
    /// How it was sent.
    pub protocol: Protocol,
    /// How the connection is protected.
    pub tls: String,
    /// How long it took, if it was accepted.
    pub took: Option<Duration>,
    /// What the collector or the network said: a warning, or why the item did not get through.
    pub message: String,
    /// What to do, if it did not get through.
    pub remedy: String,
}

impl Verification {
    /// Whether every signal got through that is to be sent. Not if there is none.
    pub fn is_ok(&self) -> bool {
        let is_sent = !self.signals.is_empty() && self.not_sent.is_empty();
        is_sent && self.signals.iter().all(SignalCheck::is_ok)
    }
}

impl SignalCheck {
    /// Whether the collector has accepted the item.
    pub fn is_ok(&self) -> bool {
        self.took.is_some()
    }
}

/// Tries each way, one after the other, each within the timeout.
pub(super) fn verify(
    routes: &[Route],
    not_sent: &[String],
    resource: &Attributes,
    timeout: Duration,
) -> Verification {
    let signals = routes.iter().map(|route| check(route, resource, timeout));
    Verification { signals: signals.collect(), not_sent: not_sent.to_vec() }
}

fn check(route: &Route, resource: &Attributes, timeout: Duration) -> SignalCheck {
    let signal = match route.signal() {
        Signal::Traces => "traces",
        Signal::Logs => "logs",
        Signal::Metrics => "metrics",
    };
    let protocol = route.protocol();
    let (took, message) = match probe(route, resource, timeout) {
        Ok((took, accepted)) if accepted.rejected == 0 => (Some(took), accepted.message),
        Ok((_, accepted)) => (None, format!("rejected by the collector: {}", accepted.message)),
        Err(message) => (None, message),
    };
    let remedy = if took.is_some() { String::new() } else { remedy::of(&message, route) };
    let (endpoint, tls) = (route.address(), route.tls());
    SignalCheck { signal, endpoint, protocol, tls, took, message, remedy }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signals.is_empty() && self.not_sent.is_empty() {
            return write!(
                f,
                "no signal goes to a collector: look at OTEL_SDK_DISABLED, and at \
                 OTEL_{{TRACES,LOGS,METRICS}}_EXPORTER"
            );
        }
        let not_sent = self.not_sent.iter().map(|reason| format!("FAILED   {reason}"));
        let lines = self.signals.iter().map(SignalCheck::to_string).chain(not_sent);
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl fmt::Display for SignalCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SignalCheck { signal, endpoint, protocol, tls, took, message, remedy } = self;
        let verdict = if took.is_some() { "ok" } else { "FAILED" };
        write!(f, "{signal:<8} {verdict:<7} {protocol} to {endpoint}, TLS: {tls}")?;
        if let Some(took) = took {
            write!(f, ", {:.1} ms", took.as_secs_f64() * 1e3)?;
        }
        if !message.is_empty() {
            write!(f, "\n         {message}")?;
        }
        if !remedy.is_empty() {
            write!(f, "\n         -> {remedy}")?;
        }
        Ok(())
    }
}
