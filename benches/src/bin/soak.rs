//! Flat out for a long time, on threads that begin and end all the time:
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml --bin soak
//! … -- --seconds 120 --mode drop      (600 seconds, and both modes in turn, if nothing is said)
//! ```
//!
//! Four instrumented threads at a time, each of which lives for some milliseconds; spans nested three
//! deep with attributes, events, an error now and then. In mode `drop` full lanes and queues drop, in
//! mode `block` they let the application wait. Every ten seconds a line says what the process holds
//! and what was lost.
//!
//! For a tenth of the time the exporter is too slow, so that the lanes and its queue are full and everything
//! is held that may be held by the settings: what comes on top of it later is a leak, and not a queue that
//! was never so full before.
//!
//! At the end the calls that the threads have made are what the recorder has counted, `recorded +
//! added = delivered + lost + withheld`, the exporter has counted what the ledger calls delivered, with
//! a stop for each start, and in mode `block` nothing is lost. Otherwise the program fails.

use std::error::Error;
use std::fs;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, RecordKind, Records};
use onelogger::{
    Counts, DefaultRecorder, FullPolicy, LossReason, OneLoggerConfig, OneLoggerProvider, error,
    event, span, timed_span,
};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const THREADS: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// What the exporter waits with each batch while it is slow: some 100 MB/s, a quarter of what is recorded.
const SLOWNESS: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let mut seconds = 600;
    let mut mode = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{option}` takes a value"))?;
        match (option.as_str(), value.as_str()) {
            ("--seconds", number) => seconds = number.parse()?,
            ("--mode", "drop") => mode = Some(FullPolicy::DropNewest),
            ("--mode", "block") => mode = Some(FullPolicy::Block(PATIENCE)),
            _ => return Err(format!("unknown option `{option} {value}`").into()),
        }
    }
    let duration = Duration::from_secs(seconds);
    match mode {
        Some(policy) => soak(duration, policy),
        // A process for each, so that neither has the other's memory.
        None => {
            for mode in ["drop", "block"] {
                let this = std::env::current_exe()?;
                let seconds = seconds.to_string();
                let child =
                    Command::new(this).args(["--seconds", &seconds, "--mode", mode]).status()?;
                if !child.success() {
                    return Err(format!("mode {mode} has failed").into());
                }
            }
            Ok(())
        }
    }
}

fn soak(duration: Duration, policy: FullPolicy) -> Result {
    let is_patient = policy != FullPolicy::DropNewest;
    println!("{policy:?}, {} s", duration.as_secs());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let slow_until = Instant::now() + duration / 10;
    let recorder = DefaultRecorder::builder()
        .exporter(Counter { seen: Arc::clone(&seen), slow_until })
        .lane_policy(policy)
        .queue_policy(policy)
        .build()?;
    let config = OneLoggerConfig::builder("soak").session_tag("").world_size(1).build()?;
    let provider = OneLoggerProvider::instance();
    let _guard = provider.configure(config, recorder)?;
    let recorder = onelogger::recorder();

    let calls = AtomicU64::new(0);
    let threads = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let counts = || recorder.health().exporters[0].counts;
    let held = thread::scope(|scope| -> Result<_> {
        for place in 0..THREADS {
            let (calls, threads, is_over) = (&calls, &threads, &is_over);
            scope.spawn(move || {
                let mut seed = place + 1;
                while !is_over.load(Ordering::Relaxed) {
                    seed = next(seed);
                    let lives = Duration::from_micros(1_000 + seed % 9_000);
                    let worker = thread::Builder::new().spawn(move || work(seed, lives));
                    let made = worker.ok().and_then(|worker| worker.join().ok());
                    calls.fetch_add(made.unwrap_or_default(), Ordering::Relaxed);
                    threads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let watched = watch(duration, &calls, &threads, counts);
        is_over.store(true, Ordering::Relaxed);
        watched
    })?;
    provider.close(PATIENCE)?;
    let counts = counts();
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = calls.into_inner();
    println!("calls {calls}, {counts:?}");
    let more = |late: u64, early: u64| 100.0 * (late as f64 / early as f64 - 1.0);
    println!(
        "resident: {} KiB in the second tenth of the time, {} KiB in the last, {:+.1} %",
        held.early,
        held.late,
        more(held.late, held.early),
    );
    let most = most_resident_kib()?;
    println!(
        "at most: {} KiB by the end of the second tenth, {most} KiB by now, {:+.1} %",
        held.most_early,
        more(most, held.most_early),
    );
    check("the recorder has counted the calls", calls, counts.recorded)?;
    check("the ledger balances", true, counts.is_balanced())?;
    check("the exporter has what was delivered", counts.delivered, seen.records)?;
    check("each start has its stop", (seen.starts, seen.started), (seen.stops, seen.stopped))?;
    if is_patient {
        check("nothing is lost", 0, counts.lost_total())?;
    }
    println!();
    Ok(())
}

fn check<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, found: T) -> Result {
    if expected == found {
        println!("{what}: {expected:?}");
        return Ok(());
    }
    Err(format!("{what}: not so, {expected:?} and {found:?}").into())
}

/// What was resident, in KiB.
struct Resident {
    /// In the second tenth of the time, and in the last: medians, because what is queued at a moment
    /// differs by megabytes.
    early: u64,
    late: u64,
    /// The most until the end of the second tenth.
    most_early: u64,
}

/// Says what the process holds, until the time is over.
fn watch(
    duration: Duration,
    calls: &AtomicU64,
    threads: &AtomicU64,
    counts: impl Fn() -> Counts,
) -> Result<Resident> {
    let begin = Instant::now();
    let mut resident = Vec::new();
    let mut most_early = 0;
    let mut reported = (Duration::ZERO, 0, 0);
    println!("     s   RSS KiB  threads  fds  begun/s   calls/s  lost, by reason");
    loop {
        let step = (duration / 100).min(REPORT_EVERY).min(duration.saturating_sub(begin.elapsed()));
        thread::sleep(step);
        let now = begin.elapsed();
        let held = Held::now()?;
        resident.push(held.resident_kib);
        if now <= duration / 5 {
            most_early = most_resident_kib()?;
        }
        let is_over = now >= duration;
        if is_over || now - reported.0 >= REPORT_EVERY {
            let (calls, threads) = (calls.load(Ordering::Relaxed), threads.load(Ordering::Relaxed));
            let seconds = (now - reported.0).as_secs_f64();
            let rate = |now: u64, before: u64| (now - before) as f64 / seconds;
            println!(
                "{:>6.0} {:>9} {:>8} {:>4} {:>8.0} {:>9.0}  {}",
                now.as_secs_f64(),
                held.resident_kib,
                held.threads,
                held.descriptors,
                rate(threads, reported.2),
                rate(calls, reported.1),
                losses(&counts()),
            );
            reported = (now, calls, threads);
        }
        if is_over {
            let tenth = resident.len() / 10;
            let late = median(&mut resident.split_off(resident.len() - tenth));
            let early = median(&mut resident[tenth..2 * tenth]);
            return Ok(Resident { early, late, most_early });
        }
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn losses(counts: &Counts) -> String {
    let lost = LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0);
    let lost: Vec<String> = lost.map(|it| format!("{it} {}", counts.lost(it))).collect();
    if lost.is_empty() { "none".to_owned() } else { lost.join(", ") }
}

/// What the system says of this process.
struct Held {
    resident_kib: u64,
    threads: u64,
    descriptors: usize,
}

impl Held {
    fn now() -> Result<Held> {
        // The directory itself is open while it is read.
        let descriptors = fs::read_dir("/proc/self/fd")?.count() - 1;
        Ok(Held { resident_kib: status("VmRSS:")?, threads: status("Threads:")?, descriptors })
    }
}

fn most_resident_kib() -> Result<u64> {
    status("VmHWM:")
}

fn status(key: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    Ok(word.ok_or_else(|| format!("no `{key}`"))?.parse()?)
}

/// What a thread does for as long as it lives; how many calls that were. A start, a stop, an event,
/// an error and an addition of attributes are a call each.
fn work(mut seed: u64, lives: Duration) -> u64 {
    let end = Instant::now() + lives;
    let mut calls = 0;
    while Instant::now() < end {
        for _ in 0..16 {
            seed = next(seed);
            let mut outer = span!("outer", seed = seed as i64, share = 0.5);
            {
                let _middle = span!("middle", kind = "8-bytes!", seed = seed as i64);
                event!("begun", step = seed as i64);
                let inner = inner(seed);
                event!("done", is_fine = inner.is_ok());
                // The inner span with its start and stop, and perhaps the error that leaves it.
                calls += 2 + u64::from(inner.is_err());
            }
            calls += 4 + 2;
            if seed.is_multiple_of(61) {
                outer.set("late", seed as i64);
                error!("something is wrong with {seed}", step = seed as i64);
                calls += 2;
            }
        }
    }
    calls
}

#[timed_span(name = "inner", attrs(seed = seed as i64))]
fn inner(seed: u64) -> std::result::Result<u64, std::num::TryFromIntError> {
    let small = u8::try_from(seed % 257)?;
    Ok(u64::from(small))
}

fn next(seed: u64) -> u64 {
    // A linear congruential generator: its upper bits are good enough here.
    let seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    seed ^ (seed >> 33)
}

/// What has reached the exporter.
#[derive(Default)]
struct Seen {
    records: u64,
    starts: u64,
    stops: u64,
    /// The sums of the span ids: they agree if each start has its stop.
    started: u64,
    stopped: u64,
}

struct Counter {
    seen: Arc<Mutex<Seen>>,
    slow_until: Instant,
}

impl Exporter for Counter {
    fn name(&self) -> &str {
        "Counter"
    }

    fn export_batch(&mut self, records: Records<'_>) -> std::result::Result<(), ExportError> {
        if Instant::now() < self.slow_until {
            thread::sleep(SLOWNESS);
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // The library's own: what it says of the run and of losses is not counted.
        for record in records.iter().filter(|record| !record.is_own()) {
            let id = record.span_id().to_u64();
            match record.kind() {
                RecordKind::Start => {
                    seen.starts += 1;
                    seen.started = seen.started.wrapping_add(id);
                }
                RecordKind::Stop => {
                    seen.stops += 1;
                    seen.stopped = seen.stopped.wrapping_add(id);
                }
                _ => {}
            }
            seen.records += 1;
        }
        Ok(())
    }
}
