//! Configuration out of files, the environment and code, with all that is wrong said at once.
//!
//! [`Loader`] reads what linked crates register, a file in JSON, YAML or TOML, the environment, and what
//! is set in code, each before the one that it follows, and gives what a provider is configured with.
//! [`explain()`] says which value came from where. The
//! [guide](crate::guide::_08_configuration) has all fields and the rules.
//!
//! ```
//! use onelogger::config::{Format, Loader};
//! let file = r#"{
//!     "application_name": "trainer",
//!     "world_size": 8,
//!     "session_tag": "run-42",
//!     "recorder": {"lane_byts": "1 MiB"}
//! }"#;
//! let environment = [("ONELOGGER_WORLD_SIZE", "eight")];
//! let error = Loader::new().environment(environment).document(Format::Json, file).load().unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "the configuration has 2 problems:\n\
//!      document:5:18: recorder.lane_byts: unknown field; did you mean `lane_bytes`?\n\
//!      ONELOGGER_WORLD_SIZE: world_size: expected a whole number, found the text `eight`"
//! );
//! ```
//!
//! Crates with exporters of their own register them with
//! [`register_exporter_type!`](crate::register_exporter_type), and read [`Settings`].

mod code;
mod document;
mod explain;
mod exporter_types;
mod exporters;
mod forms;
mod given;
mod layers;
mod loaded;
mod loader;
mod nearest;
mod problem;
mod processors;
mod recorder;
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
