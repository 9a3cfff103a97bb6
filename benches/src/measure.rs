//! Measures one contender in one scenario, in this process, which does nothing else.

use std::error::Error;
use std::fmt;
use std::fs;
use std::hint::black_box;
use std::str::FromStr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use onelogger_benches::contender::{Contender, Delivery, Driver, Loop, Ready, Setting};
use onelogger_benches::operation::{BURST, Operation};
use onelogger_benches::{Outcome, Unknown};
use rustix::time::{ClockId, clock_gettime};

use crate::scenario::Scenario;

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    bursts: usize,
    tree_bursts: u64,
    flood: Duration,
    /// Of [`Scenario::Many`], a tenth in quick runs.
    pub(crate) many: u64,
}

impl Size {
    pub(crate) const FULL: Size =
        Size { bursts: 101, tree_bursts: 200, flood: Duration::from_secs(1), many: 10_000_000 };
    pub(crate) const QUICK: Size =
        Size { bursts: 21, tree_bursts: 20, flood: Duration::from_millis(200), many: 1_000_000 };
}

/// What came out of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Nanoseconds for an operation, or spans per second.
    pub(crate) value: f64,
    /// Spans that arrived per second, the last flush included; of floods only.
    pub(crate) arrived: f64,
    pub(crate) delivery: Delivery,
    pub(crate) peak_bytes: u64,
}

/// Runs the contender; `None` if it has nothing of the kind.
pub(crate) fn run(
    contender: Contender,
    scenario: Scenario,
    size: Size,
) -> Outcome<Option<Figures>> {
    let setting = Setting { operation: scenario.operation(), is_quiet: false };
    let figures = match scenario {
        Scenario::Burst(operation) => contender.drive(setting, Bursts { operation, size })?,
        Scenario::Trees => contender.drive(setting, Trees { size })?,
        Scenario::Flood(threads) => {
            contender.drive(setting, Flood { threads, until: Until::Elapsed(size.flood) })?
        }
        Scenario::Many => {
            contender.drive(setting, Flood { threads: 1, until: Until::Spans(size.many) })?
        }
    };
    let Some(figures) = figures else { return Ok(None) };
    Ok(Some(Figures { peak_bytes: peak_bytes()?, ..figures }))
}

/// The operation on one thread, in bursts: the time of that thread alone.
struct Bursts {
    operation: Operation,
    size: Size,
}

impl Driver for Bursts {
    type Output = Option<Figures>;

    fn drive(self, contender: &impl Ready) -> Option<Figures> {
        let times = BURST / self.operation.load().total().max(1);
        let bursts = self.size.bursts;
        let nanos = contender.operate(self.operation, TimedBursts { contender, times, bursts })?;
        contender.flush();
        let load = self.operation.load().times(times).plus(contender.parent());
        let delivery = contender.delivery(load.times(bursts as u64));
        Some(Figures { value: nanos, arrived: 0.0, delivery, peak_bytes: 0 })
    }
}

struct TimedBursts<'a, C> {
    contender: &'a C,
    times: u64,
    bursts: usize,
}

impl<C: Ready> Loop for TimedBursts<'_, C> {
    type Output = f64;

    /// The median of the nanoseconds that an operation takes. The parent's are in it.
    fn run(self, repeat: impl Fn(u32) + Sync) -> f64 {
        let times = self.times as u32;
        let burst = |_| {
            self.contender.flush();
            let begin = Instant::now();
            self.contender.within_parent(|| repeat(times));
            begin.elapsed()
        };
        let mut durations: Vec<Duration> = (0..self.bursts).map(burst).collect();
        durations.sort_unstable();
        durations[self.bursts / 2].as_nanos() as f64 / self.times as f64
    }
}

/// Trees of spans from the first to the last step: the CPU time of all threads for each span that
/// arrived. A flush after each burst sees to it that nothing is lost.
struct Trees {
    size: Size,
}

impl Driver for Trees {
    type Output = Option<Figures>;

    fn drive(self, contender: &impl Ready) -> Option<Figures> {
        let bursts = self.size.tree_bursts;
        let per_burst = BURST / Operation::Tree.load().total();
        // Threads and memory are there afterwards.
        contender.operate(Operation::Tree, FlushedBursts { contender, bursts: 2, per_burst })?;
        let mut is_done = None;
        let cpu = cpu_time_of(|| {
            is_done =
                contender.operate(Operation::Tree, FlushedBursts { contender, bursts, per_burst });
        });
        is_done?;
        let trees = Operation::Tree.load().times((bursts + 2) * per_burst);
        let delivery = contender.delivery(trees);
        let share = delivery.delivered as f64 / delivery.sent as f64;
        let spans = (bursts * BURST) as f64 * share;
        let value = cpu.as_nanos() as f64 / spans;
        Some(Figures { value, arrived: 0.0, delivery, peak_bytes: 0 })
    }
}

struct FlushedBursts<'a, C> {
    contender: &'a C,
    bursts: u64,
    per_burst: u64,
}

impl<C: Ready> Loop for FlushedBursts<'_, C> {
    type Output = ();

    fn run(self, repeat: impl Fn(u32) + Sync) {
        for _ in 0..self.bursts {
            repeat(self.per_burst as u32);
            self.contender.flush();
        }
    }
}

/// Threads that do nothing but record trees.
struct Flood {
    threads: usize,
    until: Until,
}

#[derive(Clone, Copy)]
enum Until {
    Elapsed(Duration),
    /// So many, by all threads together.
    Spans(u64),
}

impl Driver for Flood {
    type Output = Option<Figures>;

    fn drive(self, contender: &impl Ready) -> Option<Figures> {
        let Flooded { trees, production, all } =
            contender.operate(Operation::Tree, Flooding { contender, flood: self })?;
        let load = Operation::Tree.load().times(trees);
        let delivery = contender.delivery(load);
        let sent = load.spans as f64;
        let share = delivery.delivered as f64 / delivery.sent as f64;
        Some(Figures {
            value: sent / production.as_secs_f64(),
            arrived: sent * share / all.as_secs_f64(),
            delivery,
            peak_bytes: 0,
        })
    }
}

struct Flooding<'a, C> {
    contender: &'a C,
    flood: Flood,
}

struct Flooded {
    trees: u64,
    /// Until all threads had recorded what they do.
    production: Duration,
    /// Until that had arrived.
    all: Duration,
}

impl<C: Ready> Loop for Flooding<'_, C> {
    type Output = Flooded;

    fn run(self, repeat: impl Fn(u32) + Sync) -> Flooded {
        let Flood { threads, until } = self.flood;
        let (trees, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let gate = Barrier::new(threads + 1);
        let produce = || {
            let most = match until {
                Until::Elapsed(_) => u64::MAX,
                Until::Spans(count) => count / Operation::Tree.load().total() / threads as u64,
            };
            gate.wait();
            let mut made = 0;
            while made < most && !is_over.load(Ordering::Relaxed) {
                repeat(1);
                made += 1;
            }
            trees.fetch_add(made, Ordering::Relaxed);
            gate.wait();
            // What a thread still has for itself is not to be lost because it ends.
            gate.wait();
        };
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(produce);
            }
            gate.wait();
            let begin = Instant::now();
            if let Until::Elapsed(duration) = until {
                thread::sleep(duration);
                is_over.store(true, Ordering::Relaxed);
            }
            gate.wait();
            let production = begin.elapsed();
            self.contender.flush();
            let all = begin.elapsed();
            gate.wait();
            Flooded { trees: trees.load(Ordering::Relaxed), production, all }
        })
    }
}

/// CPU time of all threads of this process, the system's share included.
fn cpu_time_of(body: impl FnOnce()) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let before = now();
    body();
    black_box(now()) - before
}

/// The most memory that this process had at any time.
fn peak_bytes() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// One line, from the process that measures to the one that compares.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delivery { sent, delivered, lost } = self.delivery;
        let Figures { value, arrived, peak_bytes, .. } = self;
        write!(f, "{value} {arrived} {sent} {delivered} {lost} {peak_bytes}")
    }
}

impl FromStr for Figures {
    type Err = Box<dyn Error>;

    fn from_str(line: &str) -> Outcome<Figures> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [value, arrived, sent, delivered, lost, peak_bytes] = words[..] else {
            return Err(Unknown(line.to_owned()).into());
        };
        let delivery =
            Delivery { sent: sent.parse()?, delivered: delivered.parse()?, lost: lost.parse()? };
        Ok(Figures {
            value: value.parse()?,
            arrived: arrived.parse()?,
            delivery,
            peak_bytes: peak_bytes.parse()?,
        })
    }
}
