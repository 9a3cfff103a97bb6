//! What one can ask about the exporters at run time.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::disable::{DisableRule, Failures};
use super::intake::Intake;
use super::ledger::{Counts, Ledger, LossReason};
use super::queue::Queue;

/// The state of a recorder and of its exporters. Read without waiting for any of them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Each exporter, in the order in which they were given.
    pub exporters: Vec<ExporterHealth>,
    /// Spans that have started and that the pipeline has met, which it does every tenth of a second.
    /// Those that a filter or a sampler holds back, and those that found no room, are not among them.
    pub spans_started: u64,
    /// Of these, those that have not stopped yet.
    pub spans_open: u64,
    /// Spans that the application stopped after the recorder was closed. The close had stopped
    /// them, so nothing of them is missing.
    pub stopped_after_close: u64,
    /// Calls that were refused because they were misuse. [`RecorderHandle::health`] knows it; a
    /// [`Recorder`](crate::Recorder) by itself does not.
    ///
    /// [`RecorderHandle::health`]: crate::RecorderHandle::health
    pub refused_calls: u64,
}

/// The state of one exporter. `Display` says it in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExporterHealth {
    /// The exporter's name.
    pub name: String,
    /// Whether it works.
    pub state: ExporterState,
    /// What became of the records.
    pub counts: Counts,
    /// How often it has failed.
    pub failures: u64,
    /// How often in a row it has failed, up to now.
    pub failures_in_a_row: u32,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// How long it is still left alone, while it is [`BackingOff`](ExporterState::BackingOff). After that
    /// it is tried with the next records, or with a flush.
    pub retry_after: Option<Duration>,
    /// How full its queue is; `None` in synchronous mode, where it has none.
    pub queue: Option<QueueHealth>,
}

/// How full the queue in front of an exporter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueHealth {
    /// The memory of the batches that wait. What an exporter is busy with does not count.
    pub bytes: usize,
    /// What it may be, but for a single batch that is larger.
    pub capacity_bytes: usize,
}

/// Whether an exporter works.
///
/// | from | by | to |
/// | --- | --- | --- |
/// | `NotOpened` | `open` succeeds | `Ready` |
/// | `NotOpened` | `open` fails | `BackingOff`; `Disabled`, if the rule counts the total |
/// | `Ready` | as many failures as the rule says | `BackingOff`; `Disabled`, if it counts the total |
/// | `BackingOff` | the time is over, and `open` succeeds or a call gets something through | `Ready` |
/// | `BackingOff` | the time is over, and a call fails | `BackingOff`, for twice as long; `Disabled`, if the rule counts the total |
/// | `NotOpened`, `Ready`, `BackingOff` | a panic within the exporter | `Disabled` |
/// | `Ready`, `BackingOff`, `Disabled` | close | `Closed` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExporterState {
    /// The provider is not configured.
    NotOpened,
    /// Records go through.
    Ready,
    /// It failed too often in a row, or could not be opened; it is tried again after a while, and
    /// until then records are lost.
    BackingOff,
    /// It is switched off for good.
    Disabled,
    /// It is closed.
    Closed,
}

impl fmt::Display for ExporterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ExporterState::NotOpened => "not opened",
            ExporterState::Ready => "ready",
            ExporterState::BackingOff => "backing off",
            ExporterState::Disabled => "disabled",
            ExporterState::Closed => "closed",
        })
    }
}

impl fmt::Display for ExporterHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExporterHealth { name, state, counts, .. } = self;
        write!(f, "exporter {name} is {state}")?;
        if let Some(rest) = self.retry_after {
            write!(f, " for another {rest:.0?}")?;
        }
        let Counts { recorded, added, delivered, withheld, .. } = counts;
        let lost = counts.lost_total();
        write!(f, "; {recorded} recorded")?;
        if *added > 0 {
            write!(f, ", {added} added")?;
        }
        write!(f, ": {delivered} delivered, {withheld} withheld, {lost} lost")?;
        let mut before = " (";
        for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
            write!(f, "{before}{reason} {}", counts.lost(reason))?;
            before = ", ";
        }
        if lost > 0 {
            write!(f, ")")?;
        }
        if let Some(queue) = self.queue.filter(|queue| queue.bytes > 0) {
            write!(f, "; {} of {} bytes queued", queue.bytes, queue.capacity_bytes)?;
        }
        if let Some(error) = &self.last_error {
            write!(f, "; {} failures, the last: {error}", self.failures)?;
        }
        Ok(())
    }
}

/// What a worker writes and others read.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) name: String,
    pub(super) state: ExporterState,
    pub(super) ledger: Ledger,
    pub(super) failures: Failures,
    pub(super) failure_count: u64,
    pub(super) last_error: Option<String>,
    /// A failure was logged, and the exporter has not worked since.
    pub(super) has_spoken: bool,
}

#[derive(Clone, Debug)]
pub(super) struct SharedStatus(Arc<Mutex<Status>>);

impl SharedStatus {
    pub(super) fn new(name: String, rule: DisableRule) -> SharedStatus {
        SharedStatus(Arc::new(Mutex::new(Status {
            name,
            state: ExporterState::NotOpened,
            ledger: Ledger::default(),
            failures: Failures::new(rule),
            failure_count: 0,
            last_error: None,
            has_spoken: false,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self, now: Duration, queue: Option<&Queue>) -> ExporterHealth {
        let status = self.lock();
        let is_waiting = status.state == ExporterState::BackingOff;
        let retry_at = status.failures.retry_at().filter(|_| is_waiting);
        ExporterHealth {
            name: status.name.clone(),
            state: status.state,
            counts: status.ledger.counts(),
            failures: status.failure_count,
            failures_in_a_row: status.failures.in_a_row(),
            last_error: status.last_error.clone(),
            retry_after: retry_at.map(|at| at.saturating_sub(now)),
            queue: queue.map(Queue::health),
        }
    }
}

/// Where the health of a recorder is read.
#[derive(Clone)]
pub(super) struct Vitals {
    pub(super) intake: Arc<Intake>,
    /// Of each exporter; the queue is missing in synchronous mode.
    pub(super) exporters: Vec<(SharedStatus, Option<Arc<Queue>>)>,
}

impl Vitals {
    pub(super) fn health(&self) -> Health {
        let Vitals { intake, exporters } = self;
        let now = intake.clock.elapsed();
        // Stopped ones first, so that there are never more of them.
        let stopped = intake.spans_stopped.get();
        let started = intake.spans_started.get();
        Health {
            exporters: exporters
                .iter()
                .map(|(status, queue)| status.health(now, queue.as_deref()))
                .collect(),
            spans_started: started,
            spans_open: started - stopped,
            stopped_after_close: intake.late_stops.get(),
            refused_calls: 0,
        }
    }
}
