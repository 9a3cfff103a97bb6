//! Configuration out of files, the environment and code.

mod code;
mod document;
mod explain;
mod exporter_types;
mod exporters;
mod given;
mod layers;
mod loaded;
mod loader;
mod nearest;
mod problem;
mod recorder;
mod reference;
mod registry;
mod run;
mod search;
mod settings;
mod variables;

pub use document::Format;
pub use explain::{ExplainedValue, Explanation};
pub use loaded::Loaded;
pub use loader::{Loader, explain};
pub use problem::{LoadError, Problem};
pub use registry::{ExporterType, MakeExporter};
pub use settings::Settings;
