//! The loom models: every interleaving of the structures in `onelogger/src/sync`, up to a number of
//! preemptions.

use crate::process;
use crate::workspace::{cargo, target};
use crate::{Outcome, Result};

/// Loom's own advice: two or three preemptions find most mistakes, and each more multiplies the
/// time. With three all models take well under a second; the variable sets another bound.
const MAX_PREEMPTIONS: &str = "3";

const MODELS: &[&str] = &["test", "--package=onelogger", "--lib", "--release", "loom_"];

pub(crate) fn run() -> Result<Outcome> {
    // A filter that finds nothing is a success for cargo: see to it that there are models.
    let listed = process::output(with_loom().args(["--", "--list"]))?;
    let count = listed.lines().filter(|line| line.ends_with(": test")).count();
    if count == 0 {
        return Err("no loom model was found; their names begin with `loom_`".into());
    }
    process::run(&mut with_loom())?;
    Ok(Outcome::Passed)
}

fn with_loom() -> std::process::Command {
    let mut command = cargo(MODELS);
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" --cfg onelogger_loom");
    // A target directory of its own: other flags would else rebuild the world, and then again
    // without them.
    command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", target().join("loom"));
    if std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
        command.env("LOOM_MAX_PREEMPTIONS", MAX_PREEMPTIONS);
    }
    command
}
