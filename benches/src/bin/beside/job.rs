//! The process that is measured.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::read::{self, Verdict};
use onelogger::{DefaultRecorder, FileExporter, OneLoggerConfig, OneLoggerProvider, span};

use crate::{Result, fresh};

/// What the file exporter is beside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Nothing,
    Slow,
    Dead,
}

impl Case {
    pub(crate) const ALL: [Case; 3] = [Case::Nothing, Case::Slow, Case::Dead];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Case::Nothing => "nothing",
            Case::Slow => "slow",
            Case::Dead => "dead",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Case::Nothing => "nothing",
            Case::Slow => "one that sleeps 10 ms",
            Case::Dead => "one that fails each call",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Case> {
        Case::ALL.into_iter().find(|case| case.name() == name)
    }
}

struct Slow;

impl Exporter for Slow {
    fn name(&self) -> &str {
        "Slow"
    }

    fn export_batch(&mut self, _: Records<'_>) -> std::result::Result<(), ExportError> {
        thread::sleep(Duration::from_millis(10));
        Ok(())
    }
}

struct Dead;

impl Exporter for Dead {
    fn name(&self) -> &str {
        "Dead"
    }

    fn export_batch(&mut self, _: Records<'_>) -> std::result::Result<(), ExportError> {
        Err(ExportError::new("it is dead"))
    }
}

/// How many spans a loop has, and those whose latency is measured.
pub(crate) const LOOP: u64 = 10_000;
const MEASURED: u64 = 100_000;
/// A burst and a pause: 200,000 spans a second, which a file keeps up with.
const BURST: u64 = 1_000;
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn run(case: Case, what: &str, directory: &Path) -> Result {
    let file = fresh(directory);
    let exporter = FileExporter::new(&file);
    let path = exporter.path();
    let mut recorder = DefaultRecorder::builder().exporter(exporter);
    recorder = match case {
        Case::Nothing => recorder,
        Case::Slow => recorder.exporter(Slow),
        Case::Dead => recorder.exporter(Dead),
    };
    if what != "latency" {
        // Under a tool the pipeline is slow, and the loop does not wait for it.
        recorder = recorder.lane_bytes(16 << 20);
    }
    let config = OneLoggerConfig::builder("beside").session_tag("").world_size(1).build()?;
    let provider = OneLoggerProvider::instance();
    let _guard = provider.configure(config, recorder.build()?)?;
    let recorder = onelogger::recorder();
    // A thread's first records take its lane, and meet the callsite.
    instrumented_loop(100);
    let spans = match what {
        "latency" => {
            println!("{}", Latencies::measure());
            MEASURED
        }
        "marked" => {
            marked(|| instrumented_loop(LOOP));
            LOOP
        }
        "noticed" => {
            let before = noticed()?;
            instrumented_loop(LOOP);
            let after = noticed()?;
            let nothing = noticed()?;
            // What it takes to ask comes off.
            let own = |index: usize| after[index] - before[index] - (nothing[index] - after[index]);
            println!("{} {} {}", own(0), own(1), own(2));
            LOOP
        }
        "bare" => {
            instrumented_loop(LOOP);
            LOOP
        }
        _ => return Err(format!("nothing to do is called `{what}`").into()),
    };
    provider.close(Duration::from_secs(60))?;
    for exporter in recorder.health().exporters {
        let counts = exporter.counts;
        if !counts.is_balanced() || counts.recorded != 2 * (spans + 100) {
            return Err(format!("{}: {counts:?}", exporter.name).into());
        }
    }
    let path = path.get().ok_or("the file could not be opened")?;
    let log = read::file(&path)?;
    let run = log.runs().last().ok_or("the file is empty")?;
    let completeness = run.completeness();
    fs::remove_file(path)?;
    if completeness.verdict != Verdict::Complete || completeness.records != 2 * (spans + 100) {
        return Err(format!("beside {}: {completeness}", case.name()).into());
    }
    Ok(())
}

/// The name is what callgrind is told to look at.
#[inline(never)]
pub(crate) fn instrumented_loop(spans: u64) {
    for i in 0..spans {
        let _span = span!("span", i);
    }
}

/// Where `strace` sees it: between two files that there cannot be.
fn marked(work: impl FnOnce()) {
    let _ = black_box(fs::metadata("/beside/begin"));
    work();
    let _ = black_box(fs::metadata("/beside/end"));
}

/// Voluntary context switches of this thread, and its calls that read and write.
fn noticed() -> Result<[i64; 3]> {
    let status = fs::read_to_string("/proc/thread-self/status")?;
    let io = fs::read_to_string("/proc/thread-self/io")?;
    let value = |text: &str, key: &str| -> Result<i64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(key));
        Ok(rest.ok_or_else(|| format!("no `{key}`"))?.trim().parse()?)
    };
    Ok([value(&status, "voluntary_ctxt_switches:")?, value(&io, "syscr:")?, value(&io, "syscw:")?])
}

/// How long a span takes, in nanoseconds.
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latencies {
    fn measure() -> Latencies {
        let mut times = Vec::with_capacity(MEASURED as usize);
        for _ in 0..MEASURED / BURST {
            for i in 0..BURST {
                let begin = Instant::now();
                drop(span!("span", i));
                times.push(begin.elapsed().as_nanos() as u32);
            }
            thread::sleep(PAUSE);
        }
        times.sort_unstable();
        let at = |share: f64| f64::from(times[(times.len() as f64 * share) as usize]);
        Latencies { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }

    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Latencies> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Latencies { p50: next()?, p99: next()?, p999: next()? })
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.p50, self.p99, self.p999)
    }
}
