//! What most programs import: `use onelogger::prelude::*;`.

pub use crate::{
    Attributes, DefaultRecorder, ErrorEvent, Event, FileExporter, OneLoggerConfig,
    OneLoggerProvider, SpanBuilder, SpanStop, recorder,
};
