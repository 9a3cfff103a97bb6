//! What becomes of the items that are sent: spans and log records, as a collector counts them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::signal::Signal;

/// How many spans and log records an [`OtlpExporter`](crate::OtlpExporter) has sent and lost; clones
/// count the same.
///
/// These are items, as collectors count them: a span with its start, its stop and its attributes is
/// one. [`health()`](onelogger::RecorderHandle::health) counts records.
#[derive(Clone, Debug, Default)]
pub struct OtlpCounts(Arc<Mutex<OtlpHealth>>);

/// What an [`OtlpCounts`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpHealth {
    /// Of spans.
    pub spans: ItemHealth,
    /// Of log records, those included that the library itself has to say.
    pub log_records: ItemHealth,
}

/// What has become of the items of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemHealth {
    /// The collector has accepted them.
    pub exported: u64,
    /// The collector has rejected them from requests that it accepted otherwise.
    pub rejected: u64,
    /// Their requests were given up, after all retries.
    pub failed: u64,
    /// They are on their way, or wait for a retry.
    pub in_flight: u64,
}

impl OtlpCounts {
    /// The counts as they are now.
    pub fn health(&self) -> OtlpHealth {
        *self.lock()
    }

    /// So many items of a request go out.
    pub(super) fn begin(&self, signal: Signal, items: usize) -> InFlight {
        let items = items as u64;
        self.lock().of(signal).in_flight += items;
        InFlight { counts: self.clone(), signal, items }
    }

    fn lock(&self) -> MutexGuard<'_, OtlpHealth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OtlpHealth {
    fn of(&mut self, signal: Signal) -> &mut ItemHealth {
        match signal {
            Signal::Traces => &mut self.spans,
            Signal::Logs | Signal::Metrics => &mut self.log_records,
        }
    }
}

/// A request that has not been answered yet.
#[must_use = "what was sent is in flight until `end` is called"]
pub(super) struct InFlight {
    counts: OtlpCounts,
    signal: Signal,
    items: u64,
}

impl InFlight {
    /// The request was accepted but for so many items; `None` if it was given up.
    pub(super) fn end(self, rejected: Option<usize>) {
        let mut health = self.counts.lock();
        let counts = health.of(self.signal);
        counts.in_flight -= self.items;
        match rejected {
            Some(rejected) => {
                let rejected = (rejected as u64).min(self.items);
                counts.rejected += rejected;
                counts.exported += self.items - rejected;
            }
            None => counts.failed += self.items,
        }
    }
}
