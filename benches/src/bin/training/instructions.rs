//! Instructions of a step on the thread that trains, counted by callgrind.

use std::process::{Command, Stdio};
use std::{env, fs};

use super::job::{Outcome, Variant};

/// Steps that are counted; so few, because a step takes fifty times as long.
const STEPS: usize = 100;

/// The functions of `job.rs` in which is counted; no other thread is ever in one of them.
const COUNTED: [&str; 2] = ["--toggle-collect=*bare_steps*", "--toggle-collect=*recorded_steps*"];

pub(crate) struct Counted(Vec<(Variant, u64)>);

/// `None` if there is no valgrind.
pub(crate) fn count() -> Outcome<Option<Counted>> {
    let asked = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !asked.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let counts = Variant::ALL.into_iter().map(|variant| Ok((variant, count_one(variant)?)));
    Ok(Some(Counted(counts.collect::<Outcome<_>>()?)))
}

impl Counted {
    /// Instructions of a step.
    pub(crate) fn of(&self, variant: Variant) -> u64 {
        let found = self.0.iter().find(|(counted, _)| *counted == variant);
        found.map_or(0, |(_, count)| *count)
    }
}

/// The warm-up is counted as well, so the count is that of a longer run less that of a shorter one.
fn count_one(variant: Variant) -> Outcome<u64> {
    let (long, short) = (collected(variant, 2 * STEPS)?, collected(variant, STEPS)?);
    Ok((long - short) / STEPS as u64)
}

fn collected(variant: Variant, steps: usize) -> Outcome<u64> {
    let file = env::temp_dir().join(format!("onelogger-training-{}.callgrind", std::process::id()));
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .args(COUNTED)
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args(variant.arguments(steps))
        .env_remove("RANK")
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()?;
    if !status.success() {
        return Err(format!("`{}` has failed under valgrind: {status}", variant.title()).into());
    }
    let text = fs::read_to_string(&file)?;
    fs::remove_file(file)?;
    let sum = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(sum.ok_or("callgrind has counted nothing")?.trim().parse()?)
}
