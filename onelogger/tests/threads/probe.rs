//! An exporter that does as the test wants.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, RecordKind, Records};

/// An exporter that holds every call until it is let go, counts what it accepted, and fails as it
/// is told.
#[derive(Clone)]
pub(crate) struct Probe(pub(crate) Arc<ProbeState>);

pub(crate) struct ProbeState {
    pub(crate) name: &'static str,
    pub(crate) behavior: Behavior,
    pub(crate) is_free: Mutex<bool>,
    pub(crate) freed: Condvar,
    /// Records of the application that were accepted and not revoked.
    pub(crate) accepted: AtomicU64,
    pub(crate) calls: AtomicU64,
}

pub(crate) enum Behavior {
    /// Accepts everything.
    Accept,
    /// Takes its time for every batch.
    Slow(Duration),
    /// Refuses each record whose place is a multiple of this.
    RefuseEvery(u64),
    /// Refuses the first record of every call.
    RefuseAll,
    /// Takes everything over, and loses one of what the last call had accepted with each flush.
    LoseOnFlush,
    /// Panics with this call of `export_batch`.
    PanicOnCall(u64),
}

impl Probe {
    pub(crate) fn new(name: &'static str, behavior: Behavior) -> Probe {
        let (is_free, freed) = (Mutex::new(true), Condvar::new());
        let (accepted, calls) = Default::default();
        Probe(Arc::new(ProbeState { name, behavior, is_free, freed, accepted, calls }))
    }

    /// From here on calls wait.
    pub(crate) fn hold(&self) {
        *self.0.is_free.lock().unwrap() = false;
    }

    pub(crate) fn let_go(&self) {
        *self.0.is_free.lock().unwrap() = true;
        self.0.freed.notify_all();
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Accepts so many of the records.
    pub(crate) fn accept(&self, records: Records<'_>, first: usize) {
        let own = |name: &str| name.starts_with("onelogger.");
        let counted = records.iter().take(first).filter(|record| {
            record.kind() != RecordKind::TelemetryDataError && !own(record.name())
        });
        self.0.accepted.fetch_add(counted.count() as u64, Ordering::Relaxed);
    }
}

impl Exporter for Probe {
    fn name(&self) -> &str {
        self.0.name
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let call = self.0.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let mut is_free = self.0.is_free.lock().unwrap();
        while !*is_free {
            is_free = self.0.freed.wait(is_free).unwrap();
        }
        drop(is_free);
        match self.0.behavior {
            Behavior::Slow(pause) => thread::sleep(pause),
            Behavior::RefuseEvery(multiple) => {
                let room = multiple as usize - 1;
                if records.len() > room {
                    self.accept(records, room);
                    return Err(ExportError::new("refused").with_accepted(room));
                }
            }
            Behavior::RefuseAll => return Err(ExportError::new("refused")),
            Behavior::PanicOnCall(at) if call == at => panic!("as the test wants"),
            Behavior::PanicOnCall(at) => assert!(call < at, "used after its panic"),
            Behavior::Accept | Behavior::LoseOnFlush => {}
        }
        self.accept(records, records.len());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if matches!(self.0.behavior, Behavior::LoseOnFlush) && self.accepted() > 0 {
            self.0.accepted.fetch_sub(1, Ordering::Relaxed);
            return Err(ExportError::new("lost").with_refused(0).with_revoked(1));
        }
        Ok(())
    }
}
