//! What most programs import: `use onelogger::prelude::*;`.
//!
//! Macros of the same names that a program imports by name (`use tracing::event;`) take precedence.

pub use crate::{
    Attributes, DefaultRecorder, ErrorEvent, Event, FileExporter, OneLoggerConfig,
    OneLoggerProvider, SpanBuilder, SpanStop, error, event, recorder, span, timed_span,
};
