//! The test command: all that CI runs, from a clean clone.

use std::time::{Duration, Instant};

use crate::workspace::cargo;
use crate::{Outcome, Result, collector, conformance, examples, instructions, loom, process, tidy};

struct Step {
    name: &'static str,
    run: fn() -> Result<Outcome>,
}

/// What fails soonest comes first. Builds share one target directory, but for the loom models,
/// whose flags would rebuild it, and the benchmarks, which are a workspace of their own.
const STEPS: &[Step] = &[
    Step { name: "format", run: || passes(&["fmt", "--all", "--", "--check"]) },
    Step { name: "tidy", run: tidy::run },
    Step {
        name: "clippy",
        run: || {
            // With what only the step `collector` builds.
            let scope = ["clippy", "--workspace", "--all-targets"];
            let scope = [&scope[..], &["--features", "onelogger-tests/collector"]].concat();
            passes(&[&scope[..], &["--", "-D", "warnings"]].concat())
        },
    },
    Step { name: "tests", run: || passes(&["test", "--workspace"]) },
    Step {
        name: "compiled out",
        run: || {
            let package = ["test", "-p", "onelogger", "--features", "off"];
            // Without the formats that the tests of the workspace switch on.
            passes(&[&package[..], &["--test", "off", "--test", "without_formats"]].concat())
        },
    },
    Step { name: "loom models", run: loom::run },
    Step {
        name: "docs",
        run: || {
            let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
            process::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
            Ok(Outcome::Passed)
        },
    },
    Step { name: "examples", run: examples::run },
    Step { name: "instructions", run: instructions::check },
    Step { name: "conformance", run: conformance::shipped },
    Step { name: "collector", run: collector::tests },
];

pub(crate) fn run() -> Result {
    let began = Instant::now();
    let mut summary = String::new();
    for (number, Step { name, run }) in (1..).zip(STEPS) {
        println!("\n== {number}/{}: {name}", STEPS.len());
        let step_began = Instant::now();
        let outcome = run();
        let seconds = in_seconds(step_began.elapsed());
        let (verdict, failure) = match outcome {
            Ok(Outcome::Passed) => ("passed".into(), None),
            Ok(Outcome::Skipped(reason)) => (format!("skipped: {reason}"), None),
            Err(error) => ("FAILED".into(), Some(error)),
        };
        println!("== {name}: {verdict}, {seconds}");
        summary.push_str(&format!("{name:<12} {seconds:>9}  {verdict}\n"));
        if let Some(error) = failure {
            println!("\n{summary}");
            return Err(format!("{name}: {error}"));
        }
    }
    println!("\n{summary}{:<12} {:>9}", "in all", in_seconds(began.elapsed()));
    Ok(())
}

fn passes(args: &[&str]) -> Result<Outcome> {
    process::run(&mut cargo(args))?;
    Ok(Outcome::Passed)
}

fn in_seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
