//! What the tests that need more than one crate share: the player of scenarios, the comparison of
//! files, trees of what was recorded, futures to poll, and a real collector with what is needed around it.

#[cfg(feature = "collector")]
pub mod collector;
pub mod compare;
pub mod player;
pub mod polls;
pub mod scenario;
pub mod tree;

use onelogger::exporter::{ExportError, Exporter, Records};

/// Takes everything, and keeps nothing of it.
pub struct Null;

impl Exporter for Null {
    fn name(&self) -> &str {
        "Null"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }
}
