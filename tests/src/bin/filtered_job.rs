//! Records spans of several levels and groups into the file that it is told, as `ONELOGGER_FILTER`
//! lets it.

use onelogger::prelude::*;
use onelogger::{event, span, timed_span};

mod inner {
    #[onelogger::timed_span(name = "inner info")]
    pub(super) fn info() {}

    #[onelogger::timed_span(name = "inner debug", level = debug)]
    pub(super) fn debug() {}
}

#[timed_span(name = "debug", level = debug)]
fn debug() {}

#[timed_span(name = "step", group = "per_step")]
fn step() {
    event!(level: trace, "detail");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("the file to record into is missing")?;
    let recorder = DefaultRecorder::builder().exporter(FileExporter::new(path)).build()?;
    let config = OneLoggerConfig::builder("filtered").session_tag("test").world_size(1).build()?;
    let _onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
    let _job = span!(level: warn, "job");
    inner::info();
    inner::debug();
    debug();
    step();
    Ok(())
}
