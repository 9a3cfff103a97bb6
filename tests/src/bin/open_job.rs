//! A job whose span stays open for a day: `open_job busy|quiet grpc|http ENDPOINT`.
//!
//! A busy one reports an event with a running number each second, and for each that is recorded it
//! prints a line: the number, and the nanoseconds since 1970. A quiet one records nothing after its
//! start. Both print the id of the span first.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onelogger::{DefaultRecorder, OneLoggerConfig, OneLoggerProvider, context, event, timed_span};
use onelogger_otel::{OtlpExporter, Protocol};

const DAY_SECONDS: u64 = 24 * 60 * 60;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, protocol, endpoint] = &*args else {
        return Err("usage: open_job busy|quiet grpc|http ENDPOINT".into());
    };
    let protocol = if protocol == "grpc" { Protocol::Grpc } else { Protocol::HttpProtobuf };
    // What a job sets that is told nothing more than where the collector is.
    let exporter = OtlpExporter::builder().protocol(protocol).endpoint(endpoint).build()?;
    let recorder = DefaultRecorder::builder().exporter(exporter).build()?;
    let config = OneLoggerConfig::builder("open_job").world_size(1).session_tag("kill").build()?;
    let _onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
    day(mode == "busy")
}

#[timed_span(name = "day")]
fn day(is_busy: bool) -> Result<(), Box<dyn Error>> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", context::current().ok_or("there is no span")?.span_id)?;
    for number in 0..DAY_SECONDS {
        if is_busy {
            event!("progress", number);
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            writeln!(stdout, "{number} {}", now.as_nanos())?;
            stdout.flush()?;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
