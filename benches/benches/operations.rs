//! The operations one by one, by criterion: what a change has done to ours or to a peer, with
//! confidence intervals and against a baseline that was saved.
//!
//! ```text
//! cargo bench --manifest-path benches/Cargo.toml
//! … -- onelogger/span --save-baseline before
//! … -- onelogger/span --baseline before
//! ```
//!
//! Contenders put themselves in force for their process, most of them once and for all; so each
//! contender has a process of its own for each operation, which this program starts with its own
//! arguments.

use std::env;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::Criterion;
use onelogger_benches::Outcome;
use onelogger_benches::contender::{Contender, Driver, Loop, Ready, Setting};
use onelogger_benches::operation::{BURST, Operation};

/// What a process of one contender and one operation is told by.
const CONTENDER: &str = "ONELOGGER_BENCH_CONTENDER";
const OPERATION: &str = "ONELOGGER_BENCH_OPERATION";

fn main() -> Outcome<()> {
    if let (Ok(contender), Ok(operation)) = (env::var(CONTENDER), env::var(OPERATION)) {
        return measure(contender.parse()?, operation.parse()?);
    }
    let this = env::current_exe()?;
    for operation in Operation::ALL {
        for contender in Contender::ALL {
            let (contender, operation) = (contender.name(), operation.name());
            let child = Command::new(&this)
                .args(env::args_os().skip(1))
                .envs([(CONTENDER, contender), (OPERATION, operation)])
                .status()?;
            if !child.success() {
                return Err(format!("{contender} has failed in {operation}").into());
            }
        }
    }
    Ok(())
}

fn measure(contender: Contender, operation: Operation) -> Outcome<()> {
    let name = format!("{}/{}", contender.name(), operation.name());
    let mut criterion = Criterion::default().configure_from_args();
    let setting = Setting { operation, is_quiet: false };
    contender.drive(setting, Measured { operation, name, criterion: &mut criterion })?;
    Ok(())
}

struct Measured<'a> {
    operation: Operation,
    name: String,
    criterion: &'a mut Criterion,
}

impl Driver for Measured<'_> {
    type Output = Option<()>;

    fn drive(self, contender: &impl Ready) -> Option<()> {
        let Measured { operation, name, criterion } = self;
        let times = BURST / operation.load().total().max(1);
        contender.operate(operation, Bursts { contender, times, name, criterion })
    }
}

struct Bursts<'a, C> {
    contender: &'a C,
    times: u64,
    name: String,
    criterion: &'a mut Criterion,
}

impl<C: Ready> Loop for Bursts<'_, C> {
    type Output = ();

    /// The time of the thread that records: what it has recorded is flushed between two bursts, untimed.
    fn run(self, repeat: impl Fn(u32) + Sync) {
        let Bursts { contender, times, name, criterion } = self;
        criterion.bench_function(&name, |bencher| {
            bencher.iter_custom(|wanted| {
                let mut taken = Duration::ZERO;
                let mut left = wanted;
                while left > 0 {
                    let burst = left.min(times);
                    left -= burst;
                    contender.flush();
                    let begin = Instant::now();
                    contender.within_parent(|| repeat(burst as u32));
                    taken += begin.elapsed();
                }
                taken
            });
        });
        contender.flush();
    }
}
