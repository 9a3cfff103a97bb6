//! A job that may start another one: `calling_job FILE [FILE OF THE OTHER]`. Each hangs under the span
//! that its environment names.

use std::error::Error;
use std::process::Command;

use onelogger::context::{self, Context};
use onelogger::{
    DefaultRecorder, FileExporter, OneLoggerConfig, OneLoggerProvider, event, span, timed_span,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = std::env::args().skip(1);
    let file = files.next().ok_or("usage: calling_job FILE [FILE OF THE OTHER]")?;
    let config = OneLoggerConfig::builder("calling job").world_size(1).session_tag("").build()?;
    let recorder = DefaultRecorder::builder().exporter(FileExporter::new(file)).build()?;
    let _onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
    let _attached = Context::from_environment().attach();
    work(files.next())
}

#[timed_span(name = "work")]
fn work(file_of_the_other: Option<String>) -> Result<(), Box<dyn Error>> {
    let found = context::baggage();
    event!("found", baggage = found.to_string());
    let Some(file) = file_of_the_other else { return Ok(()) };
    let _call = span!(kind: client, "call");
    let baggage = found.with("caller", "the first")?;
    let context = Context::capture().with_baggage(baggage);
    let mut other = Command::new(std::env::current_exe()?);
    let status = other.arg(file).envs(context.to_environment()).status()?;
    if status.success() { Ok(()) } else { Err("the other job has failed".into()) }
}
