//! The same job, the same records: scenarios are played by our player and compared with what the
//! Python reference library wrote. `tests/conformance/README.md` has the rules.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::process;
use crate::python::{environment, python};
use crate::workspace::{build_programs, root, target};
use crate::{Outcome, Result};

/// What the player can play. A scenario of another kind is not played, and the count says so.
const KINDS: &[&str] = &["core", "training"];

/// The reference. `generate.py` refuses other versions.
const PACKAGES: &[&str] =
    &["nv-one-logger-core==2.3.1", "nv-one-logger-training-telemetry==2.3.1", "pyyaml"];

/// One scenario takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);

const USAGE: &str = "usage: cargo xtask conformance [--random N [--seed S] [--kind core|training]]";

/// Plays the scenarios of `tests/conformance`.
pub(crate) fn shipped() -> Result<Outcome> {
    let Some(python) = python() else {
        return Ok(Outcome::Skipped("there is no python3".into()));
    };
    play_and_compare(&python, &scripts(), &target().join("conformance/shipped"))?;
    Ok(Outcome::Passed)
}

/// Makes random scenarios, plays them on the reference and on ours.
pub(crate) fn random(options: &[&str]) -> Result {
    let Random { count, seed, kind } = Random::parse(options)?;
    let python = python().ok_or("there is no python3; the reference library is written in it")?;
    let python = reference(&python)?;
    let directory = target().join("conformance/random");
    process::fresh_directory(&directory)?;
    println!("{count} random scenarios; `--seed {seed} --kind {kind}` makes them again");
    let mut generate = Command::new(&python);
    generate
        .arg(scripts().join("generate.py"))
        .args(["--count", &count.to_string(), "--seed", &seed.to_string(), "--kind", kind])
        .arg("--out")
        .arg(&directory);
    process::run(&mut generate)?;
    play_and_compare(&python, &directory, &directory)
}

#[derive(Debug, PartialEq)]
struct Random {
    count: u32,
    seed: u64,
    kind: &'static str,
}

impl Random {
    fn parse(options: &[&str]) -> Result<Random> {
        let (mut count, mut seed, mut kind) = (None, None, KINDS[0]);
        let mut options = options.iter();
        while let Some(&option) = options.next() {
            if option == "--kind" {
                let known = KINDS.iter().find(|known| options.as_slice().first() == Some(*known));
                kind = known.ok_or_else(|| format!("which kind? {USAGE}"))?;
                options.next();
                continue;
            }
            let number = options.next().and_then(|value| value.parse::<u64>().ok());
            let number = number.ok_or_else(|| format!("`{option}` needs a number; {USAGE}"))?;
            match option {
                "--random" => count = u32::try_from(number).ok().filter(|&count| count > 0),
                "--seed" => seed = Some(number),
                _ => return Err(format!("unknown option `{option}`; {USAGE}")),
            }
        }
        let count = count.ok_or_else(|| format!("how many scenarios? {USAGE}"))?;
        let seed = seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap_or_default().as_secs()
        });
        Ok(Random { count, seed, kind })
    }
}

fn scripts() -> PathBuf {
    root().join("tests/conformance")
}

/// The Python of an environment in which the reference library is installed.
fn reference(python: &Path) -> Result<PathBuf> {
    environment(python, &target().join("reference-venv"), PACKAGES)
}

/// Plays `FROM/cases` and compares with `FROM/expected`; what we write is left in `TO/actual`.
fn play_and_compare(python: &Path, from: &Path, to: &Path) -> Result {
    let (playable, others) = scenarios(&from.join("cases"))?;
    if others > 0 {
        let kinds = KINDS.join(", ");
        println!("{others} scenarios are not played: the player knows only the kind {kinds}");
    }
    let player = build_programs("onelogger-tests", &["--bin=play"])?
        .pop()
        .ok_or("cargo has built no player")?;
    let actual = to.join("actual");
    process::fresh_directory(&actual)?;
    play_all(&player, &playable, &actual);
    compare_all(python, &playable, &from.join("expected"), &actual)
}

/// The scenarios that the player can play, in order, and how many others there are.
fn scenarios(directory: &Path) -> Result<(Vec<PathBuf>, usize)> {
    let unreadable = |error| format!("cannot read `{}`: {error}", directory.display());
    let (mut playable, mut others) = (Vec::new(), 0);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        if kind(&text).is_some_and(|kind| KINDS.contains(&kind)) {
            playable.push(path);
        } else {
            others += 1;
        }
    }
    playable.sort();
    Ok((playable, others))
}

/// A scenario's kind. The key stands before all that could be mistaken for it.
fn kind(scenario: &str) -> Option<&str> {
    let (_, value) = scenario.split_once(r#""kind""#)?;
    value.split('"').nth(1)
}

/// Plays each scenario in a process of its own: it sets environment variables and configures the
/// provider of the process. A player that fails leaves no records, only its log.
fn play_all(player: &Path, scenarios: &[PathBuf], actual: &Path) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(scenarios.iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(scenario) = next() {
                    play(player, scenario, actual);
                }
            });
        }
    });
}

fn play(player: &Path, scenario: &Path, actual: &Path) {
    let out = actual.join(name(scenario)).with_extension("jsonl");
    let log = out.with_extension("log");
    let mut command = Command::new(player);
    command.arg(scenario).arg(&out).current_dir(actual);
    if let Err(error) = process::run_within(LIMIT, &mut command, &log) {
        // `compare_all.py` takes a missing file for a failure and shows the end of the log. If the
        // log cannot be written either, the failure still counts.
        let _ = fs::remove_file(&out);
        let said = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::write(&log, format!("{error}\n{said}"));
    }
}

/// One Python for all of them: starting it takes longer than comparing.
fn compare_all(python: &Path, scenarios: &[PathBuf], expected: &Path, actual: &Path) -> Result {
    let names: Vec<String> = scenarios.iter().map(|scenario| name(scenario)).collect();
    let mut command = Command::new(python);
    command.arg(scripts().join("compare_all.py")).args([expected, actual]).stdin(Stdio::piped());
    let cannot = |error| format!("cannot run compare_all.py: {error}");
    let mut child = command.spawn().map_err(cannot)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(names.join("\n").as_bytes()).map_err(cannot)?;
    }
    if child.wait().map_err(cannot)?.success() {
        return Ok(());
    }
    Err(format!(
        "records differ from the reference's; what was written is in `{}`",
        actual.display()
    ))
}

fn name(scenario: &Path) -> String {
    let stem = scenario.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() {
        let expected = Random { count: 3, seed: 7, kind: "training" };
        let check = |options: &[&str]| assert_eq!(Random::parse(options).unwrap(), expected);
        check(&["--random", "3", "--seed", "7", "--kind", "training"]);
        check(&["--kind", "training", "--seed", "7", "--random", "3"]);
    }

    #[test]
    fn a_wrong_option_is_refused_with_the_usage() {
        let check = |options: &[&str], reason: &str| {
            let error = Random::parse(options).unwrap_err();
            assert!(error.starts_with(reason) && error.ends_with(USAGE), "{error}");
        };
        check(&["--random"], "`--random` needs a number");
        check(&["--random", "many"], "`--random` needs a number");
        check(&["--random", "0"], "how many");
        check(&["--seed", "7"], "how many");
        check(&["--random", "1", "--kind", "other"], "which kind");
        check(&["--number", "7"], "unknown option `--number`");
    }

    #[test]
    fn the_kind_is_found_in_a_scenario() {
        assert_eq!(kind(r#"{"name": "a", "kind" : "core", "x": 1}"#), Some("core"));
        assert_eq!(kind(r#"{"name": "a"}"#), None);
    }
}
