//! Where records leave the program.
//!
//! [`Exporter`] is the interface; its contract stands there. [`FileExporter`] writes JSON Lines,
//! [`JsonLinesExporter`] the same lines to any writer. [`ConsoleExporter`] shows a person what is
//! happening, [`LoggerExporter`] hands lines to the application's logger, [`MemoryExporter`] keeps
//! records for tests.

mod batch;
mod console;
mod console_line;
mod console_text;
mod console_tree;
mod contract;
mod file;
#[cfg(test)]
mod flaky;
mod json;
mod json_lines;
mod json_record;
mod logger;
mod logger_line;
mod logger_parse;
mod memory;
mod path;

pub use batch::{Batch, RecordKind, RecordRef, Records};
pub(crate) use batch::{Entry, Totals, WordPlace};
pub use console::ConsoleExporter;
pub use console_text::ColorChoice;
pub(crate) use contract::{CloseBy, version_8};
pub use contract::{ExportError, Exporter, Run, Withheld};
pub use file::{FileExporter, FilePath};
pub use json_lines::{Folding, JsonLinesExporter};
pub use logger::LoggerExporter;
pub use logger_parse::ParseLineError;
pub use memory::{MemoryExporter, MemoryRecords};
pub(crate) use path::expand;
