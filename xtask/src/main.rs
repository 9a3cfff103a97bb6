//! The project's own commands. `cargo xtask help` lists them; CONTRIBUTING.md says when to use
//! which.

mod collector;
mod conformance;
mod examples;
mod instructions;
mod loom;
mod process;
mod python;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

/// What a command has to say when it fails: lower case, and the way out.
type Result<T = ()> = std::result::Result<T, String>;

/// How a step of a command ended that did not fail.
enum Outcome {
    Passed,
    /// It could not run here, for this reason, and that is no failure.
    Skipped(String),
}

const HELP: &str = "\
usage: cargo xtask <command>

  test                               all that CI runs; stops at the first failure
  tidy                               the house rules that the compiler does not know
  loom                               the loom models of onelogger/src/sync
  examples                           every example, each in a directory of its own under target/
  instructions                       how many instructions each operation takes, counted by
                                     callgrind, against benches/instructions.toml
  instructions --write               counts, and writes that file anew
  instructions --peers               counts ours beside the peers
  conformance                        the shipped scenarios against what the Python library wrote
  conformance --random N [--seed S]  N random scenarios against the Python library (installs it
                                     from PyPI under target/)
  collector [--grpc-port P] [--http-port P]
                                     a real OpenTelemetry collector that prints what arrives
                                     (installs it from PyPI under target/); Ctrl-C ends it
  collector --test                   the tests that send through one
  help                               this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match *args {
        ["test"] => test::run(),
        ["tidy"] => tidy::run().map(drop),
        ["loom"] => loom::run().map(drop),
        ["examples"] => examples::run().map(report_skip),
        ["conformance"] => conformance::shipped().map(report_skip),
        ["instructions"] => instructions::check().map(report_skip),
        ["instructions", ref options @ ..] => instructions::run(options),
        ["collector", "--test"] => collector::tests().map(report_skip),
        ["collector", ref options @ ..] => collector::run(options),
        ["conformance", ref options @ ..] => conformance::random(options),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!(
            "unknown command `{}`; `cargo xtask help` lists what there is",
            args.join(" ")
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn report_skip(outcome: Outcome) {
    if let Outcome::Skipped(reason) = outcome {
        println!("skipped: {reason}");
    }
}
