//! A real OpenTelemetry collector: the tests that send through it, and one to try things with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python::{environment, python};
use crate::workspace::{cargo, root, target};
use crate::{Outcome, Result, process};

const USAGE: &str = "usage: cargo xtask collector [--test | [--grpc-port P] [--http-port P]]";

/// Runs the tests of `onelogger-tests` that need a collector.
pub(crate) fn tests() -> Result<Outcome> {
    let Some(python) = python() else {
        return Ok(Outcome::Skipped(
            "there is no python3, through which the collector comes".into(),
        ));
    };
    install(&python)?;
    let package = ["test", "--package", "onelogger-tests", "--features", "collector"];
    process::run(cargo(&package).args(["--test", "collector"]))?;
    Ok(Outcome::Passed)
}

/// Starts a collector that prints all that it receives, and runs it until it is interrupted.
pub(crate) fn run(options: &[&str]) -> Result {
    let ports = Ports::parse(options)?;
    let python = python().ok_or("there is no python3, through which the collector comes")?;
    let collector = install(&python)?;
    let Ports { grpc, http } = ports;
    println!(
        "a collector prints what arrives at http://localhost:{http} (HTTP) and \
         http://localhost:{grpc} (gRPC); Ctrl-C ends it"
    );
    let mut command = Command::new(collector);
    command.args(["start", "--exporter", "blackhole", "--debug-log-verbosity", "detailed"]);
    for signal in ["traces", "metrics", "logs"] {
        command.args(["--debug-log", signal]);
    }
    command.arg("--otlp-grpc-endpoint").arg(format!("localhost:{grpc}"));
    command.arg("--otlp-http-endpoint").arg(format!("localhost:{http}"));
    process::run(&mut command)
}

/// Installs the collector and what the tests' receiver needs; returns the collector's program. The
/// tests look for both in the same place.
fn install(python: &Path) -> Result<PathBuf> {
    let file = root().join("tests/collector/requirements.txt");
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let directory = target().join("collector/venv");
    environment(python, &directory, &requirements(&text))?;
    program(&directory).ok_or_else(|| {
        let place = directory.display();
        format!("no collector was installed under `{place}`; remove it, and try again")
    })
}

/// The packages that a file of requirements names, without its comments.
fn requirements(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Where the package has put its program: its directory has the Python's version in its name.
fn program(environment: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(environment.join("lib")).ok()?;
    let mut programs = versions
        .filter_map(|version| Some(version.ok()?.path().join("site-packages/rotel/rotel-agent")));
    programs.find(|program| program.is_file())
}

#[derive(Debug, PartialEq)]
struct Ports {
    grpc: u16,
    http: u16,
}

impl Ports {
    fn parse(options: &[&str]) -> Result<Ports> {
        // Where OpenTelemetry's programs expect a collector.
        let mut ports = Ports { grpc: 4317, http: 4318 };
        let mut options = options.iter();
        while let Some(&option) = options.next() {
            let port = match option {
                "--grpc-port" => &mut ports.grpc,
                "--http-port" => &mut ports.http,
                _ => return Err(format!("unknown option `{option}`; {USAGE}")),
            };
            let given = options.next().and_then(|value| value.parse().ok());
            *port = given
                .filter(|&port| port > 0)
                .ok_or_else(|| format!("`{option}` needs a port, 1 to 65535; {USAGE}"))?;
        }
        Ok(ports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_the_usual_ones_unless_given() {
        let check = |options: &[&str], grpc, http| {
            assert_eq!(Ports::parse(options), Ok(Ports { grpc, http }));
        };
        check(&[], 4317, 4318);
        check(&["--http-port", "80"], 4317, 80);
        check(&["--http-port", "80", "--grpc-port", "81"], 81, 80);
    }

    #[test]
    fn a_wrong_option_is_refused_with_the_usage() {
        let check = |options: &[&str], reason: &str| {
            let error = Ports::parse(options).unwrap_err();
            assert!(error.starts_with(reason) && error.ends_with(USAGE), "{error}");
        };
        check(&["--port", "80"], "unknown option `--port`");
        check(&["--grpc-port"], "`--grpc-port` needs a port");
        check(&["--grpc-port", "0"], "`--grpc-port` needs a port");
        check(&["--grpc-port", "65536"], "`--grpc-port` needs a port");
    }

    #[test]
    fn comments_are_no_packages() {
        assert_eq!(requirements("# why\na==1\n\n  b==2 \n"), ["a==1", "b==2"]);
    }
}
