//! The rows of the table, who is in them, and what ours must reach.

use std::fmt;
use std::str::FromStr;

use onelogger_benches::Unknown;
use onelogger_benches::contender::Contender;
use onelogger_benches::operation::Operation;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// One operation on the thread that records.
    Burst(Operation),
    /// Whole trees, delivery included.
    Trees,
    /// So many threads that do nothing but record trees.
    Flood(usize),
    /// 10 million spans on one thread, in trees.
    Many,
}

/// What the value of a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanos,
    CpuNanos,
    /// Spans that were sent per second.
    Rate,
}

/// What ours must reach.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// Takes at most so many times what a peer takes.
    Takes(f64, Contender),
    /// Sends at least so many times what a peer sends.
    Sends(f64, Contender),
    /// Delivers at least so many times what a peer delivers.
    Delivers(f64, Contender),
    /// What is not delivered is counted as lost, exactly.
    Counts,
    LosesNothing,
    /// Has at most so many megabytes at any time.
    Megabytes(u64),
}

impl Scenario {
    pub(crate) const ALL: [Scenario; 15] = [
        Scenario::Burst(Operation::Span),
        Scenario::Burst(Operation::Attribute),
        Scenario::Burst(Operation::Span3),
        Scenario::Burst(Operation::Event),
        Scenario::Burst(Operation::Async),
        Scenario::Burst(Operation::Nested),
        Scenario::Trees,
        Scenario::Burst(Operation::SpanOff),
        Scenario::Burst(Operation::Span3Off),
        Scenario::Burst(Operation::EventOff),
        Scenario::Flood(1),
        Scenario::Flood(2),
        Scenario::Flood(4),
        Scenario::Flood(8),
        Scenario::Many,
    ];

    pub(crate) fn operation(self) -> Operation {
        match self {
            Scenario::Burst(operation) => operation,
            Scenario::Trees | Scenario::Flood(_) | Scenario::Many => Operation::Tree,
        }
    }

    pub(crate) fn title(self) -> String {
        match self {
            Scenario::Burst(operation) => operation.title().to_owned(),
            Scenario::Trees => "trees of 100 spans, CPU per span".to_owned(),
            Scenario::Flood(1) => "1 thread flat out".to_owned(),
            Scenario::Flood(threads) => format!("{threads} threads flat out"),
            Scenario::Many => "10 million spans, one thread".to_owned(),
        }
    }

    pub(crate) fn unit(self) -> Unit {
        match self {
            Scenario::Burst(_) => Unit::Nanos,
            Scenario::Trees => Unit::CpuNanos,
            Scenario::Flood(_) | Scenario::Many => Unit::Rate,
        }
    }

    pub(crate) fn contenders(self) -> Vec<Contender> {
        let takes_part = |contender: &Contender| match contender {
            Contender::Ours => self != Scenario::Many,
            Contender::OursBlocking => self.unit() == Unit::Rate,
            Contender::Log => {
                matches!(self, Scenario::Burst(Operation::Event | Operation::EventOff))
            }
            Contender::OpenTelemetry => self != Scenario::Burst(Operation::Attribute),
            _ => true,
        };
        Contender::ALL.iter().copied().filter(takes_part).collect()
    }

    /// The design's, for one of ours.
    pub(crate) fn bars(self, contender: Contender) -> &'static [Bar] {
        use Contender::{Fastrace, Ours, OursBlocking, Tracing};
        match (contender, self) {
            (Ours, Scenario::Burst(operation)) => match operation {
                Operation::Span | Operation::Attribute => &[Bar::Takes(0.6, Fastrace)],
                Operation::Span3 => &[Bar::Takes(0.2, Fastrace)],
                Operation::Event | Operation::Async => &[Bar::Takes(0.15, Fastrace)],
                off if off.is_off() => &[Bar::Takes(1.25, Tracing)],
                _ => &[],
            },
            (Ours, Scenario::Trees) => &[Bar::Takes(0.4, Fastrace)],
            (Ours, Scenario::Flood(2)) => {
                &[Bar::Sends(3.0, Fastrace), Bar::Counts, Bar::Megabytes(64)]
            }
            (OursBlocking, Scenario::Flood(2)) => {
                &[Bar::LosesNothing, Bar::Delivers(2.0, Fastrace), Bar::Megabytes(64)]
            }
            (OursBlocking, Scenario::Many) => &[Bar::LosesNothing, Bar::Megabytes(32)],
            _ => &[],
        }
    }
}

/// As an argument of a program.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scenario::Burst(operation) => f.write_str(operation.name()),
            Scenario::Trees => f.write_str("trees"),
            Scenario::Flood(threads) => write!(f, "threads-{threads}"),
            Scenario::Many => f.write_str("many"),
        }
    }
}

impl FromStr for Scenario {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Scenario, Unknown> {
        let known = Scenario::ALL.into_iter().find(|known| known.to_string() == name);
        known.ok_or_else(|| Unknown(name.to_owned()))
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::Takes(times, peer) => write!(f, "≤ {times} × {}", peer.name()),
            Bar::Sends(times, peer) => write!(f, "≥ {times} × {} sent", peer.name()),
            Bar::Delivers(times, peer) => write!(f, "≥ {times} × {} delivered", peer.name()),
            Bar::Counts => f.write_str("every loss counted"),
            Bar::LosesNothing => f.write_str("nothing lost"),
            Bar::Megabytes(most) => write!(f, "≤ {most} MB"),
        }
    }
}
