//! What an instrumented thread notices of an exporter that is slow or dead:
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml --bin beside
//! … -- --rounds 3      (11 if nothing is said)
//! ```
//!
//! A file exporter beside nothing, beside an exporter that sleeps 10 ms with each batch, and beside
//! one that fails each call. Each run is a process of its own, and they take turns, so that what else
//! the machine does hits all alike. A run fails unless its file is complete and each exporter's
//! ledger balances.
//!
//! - **ns**: from before the start of a span with an attribute to after its stop, two readings of the
//!   clock included, at 200,000 spans a second: the percentiles of a run, the median of the runs. The
//!   ratio is that of the 99.9th percentile to the run beside nothing that came right before it.
//! - **system calls** of the instrumented thread in a loop of 10,000 such spans, under `strace -f`
//!   (Debian: `strace`): those that wake the pipeline, and others. And what `/proc/thread-self` says of
//!   the loop without `strace`: voluntary context switches, calls that read, calls that write.
//! - **instructions** of the same loop, for each span, on the instrumented thread alone, under
//!   `valgrind --tool=callgrind` (Debian: `valgrind`).
//!
//! What a tool is missing for is left out.

mod job;
mod tools;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use job::{Case, Latencies};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *arguments {
        [] => compare(11),
        ["--rounds", rounds] => rounds.parse().map_err(Into::into).and_then(compare),
        // What the processes are started with that are measured.
        ["--case", case, what, directory] => Case::from_name(case)
            .ok_or_else(|| format!("no case `{case}`").into())
            .and_then(|case| job::run(case, what, Path::new(directory))),
        _ => Err("unknown arguments; see the source's first lines".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// All runs of a case.
struct Row {
    case: Case,
    latencies: Vec<Latencies>,
    ratios: Vec<f64>,
}

fn compare(rounds: usize) -> Result {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/beside");
    std::fs::create_dir_all(&directory)?;
    let mut rows = Case::ALL.map(|case| Row { case, latencies: Vec::new(), ratios: Vec::new() });
    for _ in 0..rounds.max(1) {
        let [alone, beside @ ..] = &mut rows;
        for row in beside {
            let reference = latencies(alone.case, &directory)?;
            let found = latencies(row.case, &directory)?;
            row.ratios.push(found.p999 / reference.p999);
            row.latencies.push(found);
            alone.latencies.push(reference);
        }
    }
    println!(
        "{:<26} {:>7} {:>7} {:>8} {:>8}  {:>6} {:>7}  {:>9} {:>6} {:>7}  {:>8}",
        "a file exporter beside",
        "p50 ns",
        "p99 ns",
        "p99.9 ns",
        "ratio",
        "wakes",
        "others",
        "switches",
        "reads",
        "writes",
        "instr."
    );
    for row in &rows {
        let column = |of: fn(&Latencies) -> f64| median(row.latencies.iter().map(of).collect());
        let (wakes, others) = tools::system_calls(row.case, &directory)?;
        let noticed = tools::noticed(row.case, &directory)?;
        println!(
            "{:<26} {:>7.0} {:>7.0} {:>8.0} {:>8}  {:>6} {:>7}  {:>9} {:>6} {:>7}  {:>8}",
            row.case.title(),
            column(|it| it.p50),
            column(|it| it.p99),
            column(|it| it.p999),
            match row.ratios.is_empty() {
                true => "1".to_owned(),
                false => format!("{:.2}", median(row.ratios.clone())),
            },
            wakes,
            others,
            noticed[0],
            noticed[1],
            noticed[2],
            tools::instructions(row.case, &directory)?,
        );
    }
    println!("in each run the file was complete, and each ledger balanced");
    Ok(())
}

fn latencies(case: Case, directory: &Path) -> Result<Latencies> {
    let output = tools::output(&mut tools::job(case, "latency", directory)?)?;
    Latencies::parse(&output).ok_or_else(|| format!("not understood: {output}").into())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A place for the file of a run, which is not there before and not there after it.
fn fresh(directory: &Path) -> PathBuf {
    directory.join(format!("{}.jsonl", std::process::id()))
}
