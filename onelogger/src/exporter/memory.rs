use std::sync::{Arc, Mutex, PoisonError};

use super::{ExportError, Exporter, Records};
use crate::data::Record;

/// Keeps records in memory, for tests and for programs that look at their own telemetry.
///
/// ```
/// use onelogger::exporter::MemoryExporter;
/// let (exporter, records) = MemoryExporter::new();
/// // … give `exporter` to a recorder, and look at `records` when it has been flushed.
/// # drop(exporter);
/// assert!(records.take().is_empty());
/// ```
pub struct MemoryExporter {
    records: MemoryRecords,
    limit: usize,
}

/// The records that a [`MemoryExporter`] has kept.
#[derive(Clone, Debug, Default)]
pub struct MemoryRecords(Arc<Mutex<Vec<Record>>>);

impl MemoryExporter {
    /// An exporter, and the handle to what it keeps.
    pub fn new() -> (MemoryExporter, MemoryRecords) {
        let records = MemoryRecords::default();
        (MemoryExporter { records: records.clone(), limit: usize::MAX }, records)
    }

    /// Refuses records while so many are kept. Without a limit memory grows with every record that
    /// is not taken.
    #[must_use]
    pub fn limit(mut self, records: usize) -> MemoryExporter {
        self.limit = records;
        self
    }
}

impl MemoryRecords {
    /// Takes all records out.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Copies all records.
    pub fn to_vec(&self) -> Vec<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exporter for MemoryExporter {
    fn name(&self) -> &str {
        "MemoryExporter"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let mut kept = self.records.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.limit.saturating_sub(kept.len()).min(records.len());
        kept.extend(records.iter().take(room).map(|record| record.to_owned()));
        if room < records.len() {
            let message = format!("{} records are kept; there is no room for more", self.limit);
            let refused = records.len() - room;
            return Err(ExportError::new(message).with_accepted(room).with_refused(refused));
        }
        Ok(())
    }
}
