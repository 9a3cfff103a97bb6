//! The examples, run and not only built.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::workspace::{build_programs, target};
use crate::{Outcome, Result};

/// Those of a backend stand in its own crate: who runs the first examples does not build its
/// dependencies.
const PACKAGES: [&str; 2] = ["onelogger-examples", "onelogger-otel"];

/// An example runs in seconds; one that does not end is a fault.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn run() -> Result<Outcome> {
    let mut programs = Vec::new();
    for package in PACKAGES {
        programs.extend(build_programs(package, &["--examples"])?);
    }
    for program in programs {
        let name = program.file_stem().unwrap_or_default().to_string_lossy();
        // Each in an empty directory, where its files are left for whoever wants to look.
        let directory = target().join("examples-run").join(&*name);
        process::fresh_directory(&directory)?;
        let log = directory.join("output.log");
        process::run_within(LIMIT, Command::new(&program).current_dir(&directory), &log).map_err(
            |error| {
                let output = fs::read_to_string(&log).unwrap_or_default();
                format!("the example `{name}` failed: {error}\n{output}")
            },
        )?;
        println!("{name}: ok");
    }
    Ok(Outcome::Passed)
}
