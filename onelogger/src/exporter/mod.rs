//! Where records leave the program.
//!
//! [`Exporter`] is the interface; its contract stands there. [`FileExporter`] writes JSON Lines,
//! [`MemoryExporter`] keeps records for tests, [`JsonLinesExporter`] writes the same lines to any
//! writer.

mod batch;
mod contract;
mod file;
mod json;
mod json_lines;
mod json_record;
mod memory;
mod path;

pub use batch::{Batch, RecordKind, RecordRef, Records};
pub(crate) use batch::{Entry, Totals};
pub(crate) use contract::version_8;
pub use contract::{ExportError, Exporter, Run};
pub use file::{FileExporter, FilePath};
pub use json_lines::{Folding, JsonLinesExporter};
pub use memory::{MemoryExporter, MemoryRecords};
