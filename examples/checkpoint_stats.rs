//! How long do checkpoints take? A processor keeps count, percentiles included, and says so while the
//! job runs: nobody has to read every event for it.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example checkpoint_stats [FILE]
//! ```
//!
//! Saves 250 checkpoints of different sizes below the system's directory for temporary files, an event
//! `save_checkpoint` for each. After each 100 of them, and at the end, an event `onelogger.statistics` has
//! what there is to say of all so far. The file has all of it, or FILE if that is given; a second one has
//! the statistics alone.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io};

use onelogger::names::{attribute, event as event_name};
use onelogger::prelude::*;
use onelogger::processor::{EventStatistics, Processors, RecordFilter};
use onelogger::{event, read, timed_span};

const CHECKPOINTS: u64 = 250;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("onelogger-checkpoints-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let all = env::args_os().nth(1).map_or_else(|| directory.join("run.jsonl"), PathBuf::from);
    let statistics = directory.join("statistics.jsonl");

    // For both files; the second one gets nothing else.
    let of_checkpoints = EventStatistics::of("save_checkpoint", "duration_msec").every_events(100);
    let only_statistics =
        RecordFilter::only(format!("kind = event and name = {}", event_name::STATISTICS).parse()?);
    let (all, only) = (FileExporter::new(all), FileExporter::new(&statistics));
    let path = all.path();
    let recorder = DefaultRecorder::builder()
        .processor(of_checkpoints)
        .exporter(all)
        .exporter_with(only, Processors::new().then(only_statistics))
        .build()?;
    let config = OneLoggerConfig::builder("checkpoints").session_tag("").world_size(1).build()?;
    {
        let _onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
        train(&directory)?;
    }

    print_statistics(&statistics)?;
    if let Some(path) = path.get() {
        let log = read::file(&path)?;
        let completeness = log.runs().iter().map(|run| run.completeness().to_string());
        println!("all records: {}, {}", path.display(), completeness.collect::<String>());
    }
    Ok(())
}

#[timed_span(name = "train")]
fn train(directory: &Path) -> io::Result<()> {
    let mut weights = Vec::new();
    for step in 0..CHECKPOINTS {
        // Every 25th is a large one.
        let kilobytes = if step % 25 == 0 { 4_096 } else { 16 + step as usize };
        weights.resize(kilobytes << 10, step as u8);
        let begin = Instant::now();
        fs::write(directory.join("checkpoint.bin"), &weights)?;
        let duration_msec = begin.elapsed().as_secs_f64() * 1e3;
        event!("save_checkpoint", step, duration_msec, kilobytes);
    }
    fs::remove_file(directory.join("checkpoint.bin"))
}

/// The table of all that the statistics file has.
fn print_statistics(file: &Path) -> Result<(), Box<dyn Error>> {
    println!(
        "{:>6} {:>9} {:>9} {:>9} {:>9} {:>9}  ms",
        "count", "min", "average", "p50", "p99", "max"
    );
    let log = read::file(file)?;
    for said in log.runs().iter().flat_map(read::Run::events) {
        if said.name != event_name::STATISTICS {
            continue;
        }
        let count = said.attributes.get_i64(attribute::STATISTICS_COUNT)?.unwrap_or_default();
        print!("{count:>6}");
        for name in [
            attribute::STATISTICS_MIN,
            attribute::STATISTICS_AVERAGE,
            attribute::STATISTICS_P50,
            attribute::STATISTICS_P99,
            attribute::STATISTICS_MAX,
        ] {
            print!(" {:>9.3}", said.attributes.get_f64(name)?.unwrap_or(f64::NAN));
        }
        println!();
    }
    Ok(())
}
