//! What a result was measured with.

use std::fs;
use std::process::Command;
use std::thread;

use onelogger_benches::Outcome;

pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) commit: String,
    /// Whether the sources are those of the commit.
    pub(crate) is_clean: bool,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
}

impl Machine {
    pub(crate) fn look() -> Outcome<Machine> {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Machine {
            date: output("date", &["+%F"])?,
            commit: output("git", &["rev-parse", "--short", "HEAD"])?,
            is_clean: output("git", &["status", "--porcelain", "--untracked-files=no"])?.is_empty(),
            cpu: model.map_or("unknown", |(_, model)| model).to_owned(),
            cores: thread::available_parallelism()?.get(),
        })
    }

    pub(crate) fn title(&self) -> String {
        let Machine { date, commit, is_clean, cpu, cores } = self;
        let changes = if *is_clean { "" } else { " with changes" };
        format!("{date}, commit {commit}{changes}, {cpu}, {cores} cores")
    }
}

fn output(program: &str, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{program}` failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
