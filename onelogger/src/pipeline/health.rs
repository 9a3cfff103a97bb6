//! What one can ask about the exporters at run time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ledger::{Counts, Ledger};

/// The state of a recorder's exporters.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Each exporter, in the order in which they were given.
    pub exporters: Vec<ExporterHealth>,
    /// Spans that the application stopped after the recorder was closed. The close had stopped
    /// them, so nothing of them is missing.
    pub stopped_after_close: u64,
}

/// The state of one exporter.
#[derive(Clone, Debug)]
pub struct ExporterHealth {
    /// The exporter's name.
    pub name: String,
    /// Whether it works.
    pub state: ExporterState,
    /// What became of the records.
    pub counts: Counts,
    /// How often it has failed.
    pub failures: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
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

/// What a worker writes and others read.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) name: String,
    pub(super) state: ExporterState,
    pub(super) ledger: Ledger,
    pub(super) failures: u64,
    pub(super) last_error: Option<String>,
    /// A failure was logged, and the exporter has not worked since.
    pub(super) has_spoken: bool,
}

#[derive(Clone, Debug)]
pub(super) struct SharedStatus(Arc<Mutex<Status>>);

impl SharedStatus {
    pub(super) fn new(name: String) -> SharedStatus {
        SharedStatus(Arc::new(Mutex::new(Status {
            name,
            state: ExporterState::NotOpened,
            ledger: Ledger::default(),
            failures: 0,
            last_error: None,
            has_spoken: false,
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn health(&self) -> ExporterHealth {
        let status = self.lock();
        ExporterHealth {
            name: status.name.clone(),
            state: status.state,
            counts: status.ledger.counts(),
            failures: status.failures,
            last_error: status.last_error.clone(),
        }
    }
}
