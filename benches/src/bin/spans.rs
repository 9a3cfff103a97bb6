//! What a span and an event cost, from the macro to a batch in front of an exporter that drops
//! everything: `cargo run --release --manifest-path benches/Cargo.toml --bin spans`.
//!
//! Two figures each. *producer* is the median time of a burst that fits into a lane, on the
//! instrumented thread alone. *process* is the CPU time of all threads, while as much is recorded as
//! is drained, and nothing is lost. With the argument `count` the rounds are few and small, for
//! `valgrind --tool=callgrind`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::{DefaultRecorder, FullPolicy, OneLoggerConfig, OneLoggerProvider, event, span};

struct Null;

impl Exporter for Null {
    fn name(&self) -> &str {
        "Null"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        black_box(records);
        Ok(())
    }
}

/// How much is recorded.
#[derive(Clone, Copy)]
struct Size {
    bursts: u32,
    burst: u32,
    long: u32,
}

const FULL: Size = Size { bursts: 201, burst: 2_000, long: 2_000_000 };
const SMALL: Size = Size { bursts: 1, burst: 2_000, long: 20_000 };

#[onelogger::timed_span]
fn annotated() -> u32 {
    black_box(1)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_counting = std::env::args().any(|argument| argument == "count");
    let size = if is_counting { SMALL } else { FULL };
    let config = OneLoggerConfig::builder("bench").session_tag("").world_size(1).build()?;
    let patience = FullPolicy::Block(Duration::from_secs(60));
    let recorder = DefaultRecorder::builder()
        .exporter(Null)
        .lane_policy(patience)
        .queue_policy(patience)
        .build()?;
    let _guard = OneLoggerProvider::instance().configure(config, recorder)?;
    println!("{:<28} {:>9} {:>9}", "ns each", "producer", "process");
    let _root = span!("root");
    measure("span", size, |_| drop(span!("span")));
    measure("annotated function", size, |_| drop(annotated()));
    measure("span, 3 attributes", size, |i| {
        drop(span!("span", a = i as i64, b = 0.5, c = "8-bytes!"));
    });
    measure("event, 2 attributes", size, |i| event!("event", a = i, b = 0.5));
    let health = onelogger::recorder().health();
    let lost: u64 = health.exporters.iter().map(|exporter| exporter.counts.lost_total()).sum();
    println!("lost: {lost}");
    Ok(())
}

fn measure(name: &str, size: Size, one: impl Fn(u32)) {
    let flush = || onelogger::recorder().force_flush(Duration::from_secs(60));
    let mut times: Vec<Duration> = (0..size.bursts)
        .map(|_| {
            let _ = flush();
            let begin = Instant::now();
            (0..size.burst).for_each(&one);
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    let producer = times[times.len() / 2].as_nanos() as f64 / f64::from(size.burst);
    let _ = flush();
    let before = cpu_nanos();
    (0..size.long).for_each(&one);
    let _ = flush();
    let process = (cpu_nanos() - before) as f64 / f64::from(size.long);
    println!("{name:<28} {producer:>9.1} {process:>9.1}");
}

/// CPU time of all threads that live, in nanoseconds; 0 where the system does not say.
fn cpu_nanos() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.filter_map(of_thread).sum()
}
