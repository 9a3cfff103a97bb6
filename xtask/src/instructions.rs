//! How many instructions an operation takes on the thread that records, counted by callgrind: exact,
//! and the same on a busy machine.
//!
//! `benches/instructions.toml` holds what was counted last. The test command fails where more is
//! counted than the row allows, so that what makes the hot path longer is seen in the commit that
//! does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::workspace::{cargo, programs_of, relative, root, target};
use crate::{Outcome, Result, process};

/// The function of `benches/src/bin/instructions.rs` in which callgrind counts.
const COUNTED: &str = "--toggle-collect=*counted_operations*";

/// Ours, as the program calls it.
const OURS: &str = "onelogger";

/// The operation by which we see which clock is read.
const TIMED: &str = "span";

/// One count takes less than a second.
const LIMIT: Duration = Duration::from_secs(60);

const USAGE: &str = "usage: cargo xtask instructions [--write | --peers]";

const WRITE: &str = "`cargo xtask instructions --write`";

/// Compares ours with what is committed.
pub(crate) fn check() -> Result<Outcome> {
    if let Some(reason) = hindrance() {
        return Ok(Outcome::Skipped(reason));
    }
    let counter = Counter::build(false)?;
    let counts = counter.count_ours()?;
    let committed = committed()?;
    print!("{}", beside_committed(&counts, &committed));
    if counter.tell_clock()? == Clock::System {
        let reason =
            "the committed counts are those of the CPU's counter, which is not trusted here";
        return Ok(Outcome::Skipped(reason.into()));
    }
    let failures = failures(&counts, &committed);
    if failures.is_empty() {
        return Ok(Outcome::Passed);
    }
    Err(format!(
        "{}; if it is worth that, say so in the commit, and {WRITE} writes the file anew",
        failures.join("; ")
    ))
}

pub(crate) fn run(options: &[&str]) -> Result {
    if let Some(reason) = hindrance() {
        return Err(format!("cannot count: {reason}"));
    }
    let counter = match *options {
        ["--write"] => {
            let counter = Counter::build(false)?;
            let counts = counter.count_ours()?;
            let text = file(&counts, &committed().unwrap_or_default());
            fs::write(path(), text)
                .map_err(|error| format!("cannot write `{}`: {error}", path().display()))?;
            print!("{}", beside_committed(&counts, &committed()?));
            counter
        }
        ["--peers"] => {
            let counter = Counter::build(true)?;
            counter.print_with_peers()?;
            counter
        }
        _ => return Err(USAGE.into()),
    };
    counter.tell_clock().map(drop)
}

/// Why nothing can be counted here.
fn hindrance() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("the committed counts are those of Linux on x86_64".into());
    }
    let asked = process::output(Command::new("valgrind").arg("--version"));
    asked.is_err().then(|| "there is no valgrind".into())
}

/// The program that does the operations, and what it can do.
struct Counter {
    program: PathBuf,
    times: u64,
    contenders: Vec<String>,
    operations: Vec<String>,
}

#[derive(PartialEq)]
enum Clock {
    Counter,
    System,
}

/// An operation, and the instructions it takes.
type Counts = Vec<(String, u64)>;

impl Counter {
    fn build(with_peers: bool) -> Result<Counter> {
        let manifest = root().join("benches/Cargo.toml");
        let mut build = cargo(&["build", "--release", "--bin", "instructions"]);
        build.arg("--manifest-path").arg(manifest);
        if !with_peers {
            build.arg("--no-default-features");
        }
        if std::env::var_os("CARGO_TARGET_DIR").is_none() {
            // The benchmarks' own, where the table is built.
            build.env_remove("CARGO_TARGET_DIR");
        }
        let program = programs_of(&mut build)?.pop().ok_or("cargo has built no program")?;
        let said = process::output(&mut Command::new(&program))?;
        let all = |kind: &str| -> Vec<String> {
            let lines = said.lines().filter_map(|line| line.split_once(' '));
            lines.filter(|(it, _)| *it == kind).map(|(_, value)| value.to_owned()).collect()
        };
        let times = all("times").first().and_then(|times| times.parse().ok());
        Ok(Counter {
            times: times.ok_or("the program does not say how often it does an operation")?,
            contenders: all("contender"),
            operations: all("operation"),
            program,
        })
    }

    fn count_ours(&self) -> Result<Counts> {
        let mut counts = Counts::new();
        for operation in &self.operations {
            let count = self.count(OURS, operation)?;
            counts.push((operation.clone(), count.ok_or("ours does everything")?));
        }
        Ok(counts)
    }

    /// `None` if the contender has nothing of the kind.
    fn count(&self, contender: &str, operation: &str) -> Result<Option<u64>> {
        let output = output(contender, operation)?;
        let log = output.with_extension("log");
        let mut command = Command::new("valgrind");
        command
            .args(["--quiet", "--tool=callgrind", "--collect-atstart=no", COUNTED])
            .arg(format!("--callgrind-out-file={}", output.display()))
            .arg(&self.program)
            .args([contender, operation]);
        process::run_within(LIMIT, &mut command, &log)?;
        if read(&log)?.lines().any(|line| line == "none") {
            return Ok(None);
        }
        let instructions = collected(&read(&output)?)
            .ok_or_else(|| format!("callgrind has counted nothing in `{}`", output.display()))?;
        Ok(Some((instructions + self.times / 2) / self.times))
    }

    /// Which clock ours has read. The CPU's counter is an instruction; the system's clock is a
    /// function, which callgrind has seen.
    fn tell_clock(&self) -> Result<Clock> {
        let is_system = read(&output(OURS, TIMED)?)?.contains("clock_gettime");
        let (clock, name) = match is_system {
            false => (Clock::Counter, "the CPU's counter"),
            true => (Clock::System, "the system's clock, whose instructions are in the counts"),
        };
        println!("ours has read {name}; callgrind's files are in `{}`", directory().display());
        Ok(clock)
    }

    fn print_with_peers(&self) -> Result {
        print!("{:<12}", "");
        self.contenders.iter().for_each(|name| print!(" {name:>width$}", width = width(name)));
        println!();
        for operation in &self.operations {
            print!("{operation:<12}");
            for contender in &self.contenders {
                let count = self.count(contender, operation)?;
                let count = count.map_or_else(|| "-".to_owned(), |count| count.to_string());
                print!(" {count:>width$}", width = width(contender));
            }
            println!();
        }
        Ok(())
    }
}

fn width(name: &str) -> usize {
    name.len().max(8)
}

fn directory() -> PathBuf {
    target().join("instructions")
}

/// Where callgrind's findings are left for whoever wants to look, with `callgrind_annotate`.
fn output(contender: &str, operation: &str) -> Result<PathBuf> {
    let directory = directory();
    fs::create_dir_all(&directory)
        .map_err(|error| format!("cannot make `{}`: {error}", directory.display()))?;
    Ok(directory.join(format!("{contender}-{operation}.out")))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// The sum in a file of callgrind; `None` if it never counted.
fn collected(text: &str) -> Option<u64> {
    let sum = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    sum.trim().parse().ok().filter(|sum| *sum > 0)
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    operation: String,
    count: u64,
    allowance: u64,
}

const HEADER: &str = "\
# Instructions that each operation of ours takes on the thread that records, the loop around it
# included, and how many more are let pass. `cargo xtask instructions` counts, and with --write it
# writes this file: a new count gets an allowance of 2 %, an old one keeps its own.

";

impl Row {
    fn new(operation: &str, count: u64) -> Row {
        Row { operation: operation.to_owned(), count, allowance: (count / 50).max(2) }
    }

    fn to_line(&self) -> String {
        let Row { operation, count, allowance } = self;
        format!("{operation} = {{ count = {count}, allowance = {allowance} }}\n")
    }

    /// The inverse. A scan for one form, because a TOML parser would be the only dependency of this
    /// crate.
    fn parse(line: &str) -> Option<Row> {
        let (operation, values) = line.split_once(" = { count = ")?;
        let (count, allowance) = values.strip_suffix(" }")?.split_once(", allowance = ")?;
        let operation = operation.to_owned();
        Some(Row { operation, count: count.parse().ok()?, allowance: allowance.parse().ok()? })
    }
}

fn path() -> PathBuf {
    root().join("benches/instructions.toml")
}

fn committed() -> Result<Vec<Row>> {
    let text = read(&path())?;
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            Row::parse(line)
                .ok_or_else(|| format!("`{}` has no row `{line}`; {WRITE}", relative(&path())))
        })
        .collect()
}

fn file(counts: &Counts, committed: &[Row]) -> String {
    let rows = counts.iter().map(|(operation, count)| {
        let new = Row::new(operation, *count);
        let old = committed.iter().find(|row| row.operation == *operation && row.count == *count);
        old.unwrap_or(&new).to_line()
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

fn beside_committed(counts: &Counts, committed: &[Row]) -> String {
    let mut text = format!("{:<12} {:>8} {:>10} {:>10}\n", "", "counted", "committed", "allowance");
    for (operation, count) in counts {
        let row = committed.iter().find(|row| row.operation == *operation);
        let [was, allowance] = row.map_or_else(
            || [String::new(), String::new()],
            |row| [row.count.to_string(), row.allowance.to_string()],
        );
        text += &format!("{operation:<12} {count:>8} {was:>10} {allowance:>10}\n");
    }
    text
}

/// Every row that takes more than it may, and every one that one side does not know.
fn failures(counts: &Counts, committed: &[Row]) -> Vec<String> {
    let mut failures = Vec::new();
    for (operation, counted) in counts {
        match committed.iter().find(|row| row.operation == *operation) {
            None => failures.push(format!("`{operation}` is not committed")),
            Some(Row { count, allowance, .. }) if *counted > count + allowance => failures.push(
                format!("`{operation}` takes {counted} instructions, {count} + {allowance} may be"),
            ),
            Some(_) => {}
        }
    }
    for Row { operation, .. } in committed {
        if counts.iter().all(|(known, _)| known != operation) {
            failures.push(format!("`{operation}` is committed, and nobody counts it"));
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(operation: &str, count: u64, allowance: u64) -> Row {
        Row { operation: operation.into(), count, allowance }
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let row = row("span-3", 1669, 33);
        assert_eq!(Row::new("span-3", 1669), row);
        assert_eq!(Row::parse(row.to_line().trim_end()), Some(row));
        for line in ["span = 5", "span = { count = x, allowance = 2 }", "span"] {
            assert_eq!(Row::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_row_fails_above_its_allowance() {
        let committed = [row("span", 100, 2), row("event", 50, 2)];
        let check = |span, event| {
            failures(&vec![("span".into(), span), ("event".into(), event)], &committed).len()
        };
        assert_eq!(check(102, 10), 0);
        assert_eq!(check(103, 52), 1);
        assert_eq!(check(103, 53), 2);
    }

    #[test]
    fn rows_that_one_side_does_not_know_fail() {
        let counts = vec![("span".into(), 100)];
        assert_eq!(failures(&counts, &[row("event", 50, 2)]).len(), 2);
    }

    #[test]
    fn an_old_count_keeps_its_allowance() {
        let counts = vec![("span".into(), 100), ("event".into(), 51)];
        let text = file(&counts, &[row("span", 100, 9), row("event", 50, 9)]);
        let rows: Vec<Row> = text.lines().filter_map(Row::parse).collect();
        assert_eq!(rows, [row("span", 100, 9), row("event", 51, 2)]);
    }

    #[test]
    fn the_sum_of_callgrind_is_found() {
        assert_eq!(collected("events: Ir\nsummary: 7\n\ntotals: 5024\n"), Some(5024));
        assert_eq!(collected("totals: 0\n"), None);
    }
}
