//! What most programs import: `use onelogger::prelude::*;`.
//!
//! What a program imports by name (`use tracing::event;`) goes before what it imports so.

pub use crate::{
    Attributes, ConsoleExporter, DefaultRecorder, ErrorEvent, Event, FileExporter, OneLoggerConfig,
    OneLoggerProvider, SpanBuilder, SpanStop, error, event, recorder, span, timed_span,
};
