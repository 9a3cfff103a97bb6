//! An exporter type of the application's own, for an exporter that needs an object.

use std::cell::RefCell;
use std::error::Error;

use onelogger::Exporter;
use onelogger::config::Settings;
use onelogger::exporter::{MemoryExporter, MemoryRecords};

thread_local! {
    /// Exporters are made on the thread that loads the configuration.
    static KEPT: RefCell<MemoryRecords> = RefCell::default();
}

onelogger::register_exporter_type!("memory", memory);

fn memory(settings: &mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>> {
    let (mut exporter, records) = MemoryExporter::new();
    KEPT.set(records);
    assert!(settings.bool("panics") != Some(true), "on purpose");
    if let Some(limit) = settings.integer("limit") {
        exporter = exporter.limit(limit);
    }
    Ok(Box::new(exporter))
}

/// What the exporter keeps that was made last on this thread.
pub(crate) fn kept() -> MemoryRecords {
    KEPT.with_borrow(Clone::clone)
}
