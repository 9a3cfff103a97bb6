//! Running other programs, and saying what went wrong.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

/// Runs a command on our own terminal.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    succeeded(command, status)
}

/// Runs a command and returns what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdout(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .map_err(|error| cannot_start(command, &error))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command that must end by itself, and leaves what it prints in a file.
///
/// A deadlock in what we test would else hold up the whole run, and nobody would learn where.
pub(crate) fn run_within(limit: Duration, command: &mut Command, log: &Path) -> Result {
    let (out, err) = File::create(log)
        .and_then(|out| Ok((out.try_clone()?, out)))
        .map_err(|error| format!("cannot write `{}`: {error}", log.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return succeeded(command, status),
            Ok(None) if began.elapsed() < limit => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                // Whether or not the kill works, there is nothing else to be done.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{command:?} did not end within {limit:?}"));
            }
            Err(error) => return Err(format!("cannot wait for {command:?}: {error}")),
        }
    }
}

/// An empty directory.
pub(crate) fn fresh_directory(path: &Path) -> Result {
    if path.exists() {
        fs::remove_dir_all(path)
            .map_err(|error| format!("cannot remove `{}`: {error}", path.display()))?;
    }
    fs::create_dir_all(path).map_err(|error| format!("cannot make `{}`: {error}", path.display()))
}

fn succeeded(command: &Command, status: ExitStatus) -> Result {
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {status}"))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    format!("cannot run `{program}`: {error}; is it installed?")
}
