//! Those who are compared. Each is set up once in a process, and does the [operations](Operation).

#[cfg(feature = "peers")]
mod fastrace;
#[cfg(feature = "peers")]
mod log;
#[cfg(feature = "peers")]
mod opentelemetry;
mod ours;
#[cfg(feature = "peers")]
mod tally;
#[cfg(feature = "peers")]
mod tracing;

use std::str::FromStr;
use std::time::Duration;

use crate::operation::{Load, Operation};
use crate::{Outcome, Unknown};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// With the settings that it has by itself.
    Ours,
    /// Threads wait for room, so that nothing is lost.
    OursBlocking,
    #[cfg(feature = "peers")]
    Fastrace,
    /// A registry, and a layer that counts.
    #[cfg(feature = "peers")]
    Tracing,
    #[cfg(feature = "peers")]
    TracingOpenTelemetry,
    #[cfg(feature = "peers")]
    OpenTelemetry,
    #[cfg(feature = "peers")]
    Log,
}

/// What a contender is told before it begins.
#[derive(Clone, Copy)]
pub struct Setting {
    pub operation: Operation,
    /// No thread of its own wakes by itself while we count, where that can be chosen.
    pub is_quiet: bool,
}

/// What became of all that was recorded, in the units that the contender counts in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivery {
    pub sent: u64,
    pub delivered: u64,
    pub lost: u64,
}

impl Delivery {
    /// What was not delivered is lost, whether or not the contender knows of it.
    #[cfg(feature = "peers")]
    fn counted(load: Load, delivered: u64) -> Delivery {
        let sent = load.total();
        Delivery { sent, delivered, lost: sent.saturating_sub(delivered) }
    }
}

/// A contender that is set up.
pub trait Ready: Sync {
    /// What [`within_parent`](Ready::within_parent) records by itself.
    fn parent(&self) -> Load;

    fn within_parent(&self, body: impl FnOnce());

    /// Hands the loop the operation; `None` if the contender has nothing of the kind.
    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output>;

    /// Waits until all that was recorded is delivered or lost.
    fn flush(&self);

    fn delivery(&self, load: Load) -> Delivery;
}

/// What has an operation done, as often as it likes.
pub trait Loop {
    type Output;

    /// `repeat` does the operation so many times.
    fn run(self, repeat: impl Fn(u32) + Sync) -> Self::Output;
}

/// A loop around an operation, which is given the number of the round.
///
/// One for all who run it: so the operation has one caller and becomes part of the loop, as it is part
/// of the program that is instrumented. Called from each, it would cost what a call costs.
fn repeated(one: impl Fn(u32) + Sync) -> impl Fn(u32) + Sync {
    move |times| {
        for i in 0..times {
            one(i);
        }
    }
}

/// What is done with a contender that is set up.
pub trait Driver {
    type Output;

    fn drive(self, contender: &impl Ready) -> Self::Output;
}

/// How long a flush may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Contender {
    pub const ALL: &[Contender] = &[
        Contender::Ours,
        Contender::OursBlocking,
        #[cfg(feature = "peers")]
        Contender::Fastrace,
        #[cfg(feature = "peers")]
        Contender::Tracing,
        #[cfg(feature = "peers")]
        Contender::TracingOpenTelemetry,
        #[cfg(feature = "peers")]
        Contender::OpenTelemetry,
        #[cfg(feature = "peers")]
        Contender::Log,
    ];

    /// As an argument of a program.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Ours => "onelogger",
            Contender::OursBlocking => "onelogger-block",
            #[cfg(feature = "peers")]
            Contender::Fastrace => "fastrace",
            #[cfg(feature = "peers")]
            Contender::Tracing => "tracing",
            #[cfg(feature = "peers")]
            Contender::TracingOpenTelemetry => "tracing-opentelemetry",
            #[cfg(feature = "peers")]
            Contender::OpenTelemetry => "opentelemetry",
            #[cfg(feature = "peers")]
            Contender::Log => "log",
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Contender::Ours | Contender::OursBlocking)
    }

    /// Sets the contender up in this process, which must have no other.
    pub fn drive<D: Driver>(self, setting: Setting, driver: D) -> Outcome<D::Output> {
        Ok(match self {
            Contender::Ours => driver.drive(&ours::Ours::set_up(setting, false)?),
            Contender::OursBlocking => driver.drive(&ours::Ours::set_up(setting, true)?),
            #[cfg(feature = "peers")]
            Contender::Fastrace => driver.drive(&fastrace::Fastrace::set_up(setting)),
            #[cfg(feature = "peers")]
            Contender::Tracing => driver.drive(&tracing::Alone::set_up()?),
            #[cfg(feature = "peers")]
            Contender::TracingOpenTelemetry => {
                driver.drive(&tracing::WithOpenTelemetry::set_up(setting)?)
            }
            #[cfg(feature = "peers")]
            Contender::OpenTelemetry => {
                driver.drive(&opentelemetry::OpenTelemetry::set_up(setting))
            }
            #[cfg(feature = "peers")]
            Contender::Log => driver.drive(&log::Log::set_up()?),
        })
    }
}

impl FromStr for Contender {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Contender, Unknown> {
        let known = Contender::ALL.iter().copied().find(|known| known.name() == name);
        known.ok_or_else(|| Unknown(name.to_owned()))
    }
}
