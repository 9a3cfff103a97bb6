//! Running other programs, and saying what went wrong.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::iter;
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
                return Err(format!("`{}` did not end within {limit:?}", line(command)));
            }
            Err(error) => return Err(format!("cannot wait for `{}`: {error}", line(command))),
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
    Err(format!("`{}` failed: {status}", line(command)))
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("cannot run `{}`: {error}; is it installed?", line(command))
}

/// A command as one would type it: without the way to the program, and the environment.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words: Vec<_> = iter::once(program).chain(command.get_args()).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_as_one_would_type_it() {
        let mut command = Command::new("/a/b/cargo");
        command.args(["fmt", "--all"]).env("A", "b").current_dir("/");
        assert_eq!(line(&command), "cargo fmt --all");
    }
}
