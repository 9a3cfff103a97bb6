//! A job that never ends by itself: `endless_job OUT.jsonl`.
//!
//! It keeps three nested spans open, and some two hundred times a second records a leaf span and an
//! event with a running number. For each number, once both are recorded, it prints a line: the
//! number, and the nanoseconds since 1970. The first line names the ids of the open spans.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onelogger::{
    DefaultRecorder, Event, FileExporter, OneLoggerConfig, OneLoggerProvider, SpanBuilder, recorder,
};

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args_os().nth(1).ok_or("usage: endless_job OUT.jsonl")?;
    let config =
        OneLoggerConfig::builder("endless_job").world_size(1).session_tag("kill").build()?;
    let recorder_of_job = DefaultRecorder::builder().exporter(FileExporter::new(out)).build()?;
    let _onelogger = OneLoggerProvider::instance().configure(config, recorder_of_job)?;
    let recorder = recorder();
    let mut stdout = std::io::stdout().lock();

    let open = ["job", "epoch", "batch"].map(|name| recorder.start(name));
    for span in open {
        write!(stdout, "{} ", span?.context().span_id)?;
    }
    writeln!(stdout)?;
    for number in 0_i64.. {
        let leaf = recorder.start(SpanBuilder::new("leaf").with("number", number))?;
        recorder.stop(&leaf)?;
        recorder.event(None, Event::new("progress").with("number", number))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        writeln!(stdout, "{number} {}", now.as_nanos())?;
        stdout.flush()?;
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
