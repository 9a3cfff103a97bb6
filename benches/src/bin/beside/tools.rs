//! Runs the process that is measured, alone or under a tool.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::job::{Case, LOOP};

/// What stands where a tool is missing.
const NONE: &str = "-";

/// The process itself.
pub(crate) fn job(case: Case, what: &str, directory: &Path) -> Result<Command> {
    under(&[], case, what, directory)
}

/// The process as a tool's argument.
fn under(tool: &[&str], case: Case, what: &str, directory: &Path) -> Result<Command> {
    let this = std::env::current_exe()?;
    let mut command = match tool {
        [] => Command::new(this),
        [tool, arguments @ ..] => {
            let mut command = Command::new(tool);
            command.args(arguments).arg(this);
            command
        }
    };
    command.args(["--case", case.name(), what]).arg(directory).stdin(Stdio::null());
    // That an exporter is dead is said by the library as well.
    command.stderr(Stdio::piped());
    Ok(command)
}

/// What it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{text}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs it unless there is no such tool; whether it ran.
fn succeeds(command: &mut Command) -> Result<bool> {
    match output(command) {
        Ok(_) => Ok(true),
        Err(error) => match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(ErrorKind::NotFound) => Ok(false),
            _ => Err(error),
        },
    }
}

/// What the thread itself can see of the loop: switches, reads, writes.
pub(crate) fn noticed(case: Case, directory: &Path) -> Result<[String; 3]> {
    let output = output(&mut job(case, "noticed", directory)?)?;
    let mut words = output.split_whitespace().map(str::to_owned);
    Ok(std::array::from_fn(|_| words.next().unwrap_or_else(|| NONE.to_owned())))
}

/// The system calls of the instrumented thread in the loop: those that wake another thread, and all
/// others.
pub(crate) fn system_calls(case: Case, directory: &Path) -> Result<(String, String)> {
    let trace = directory.join("strace.txt");
    let path = trace.to_string_lossy();
    // Each line begins with the number of the thread that makes the call.
    let tool = ["strace", "-f", "-o", &*path];
    if !succeeds(&mut under(&tool, case, "marked", directory)?)? {
        return Ok((NONE.to_owned(), NONE.to_owned()));
    }
    let text = fs::read_to_string(&trace)?;
    fs::remove_file(&trace)?;
    let (mut wakes, mut others) = (0, HashMap::<&str, u32>::new());
    let mut instrumented = None;
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.contains("\"/beside/begin\"") {
            instrumented = Some(thread);
        } else if call.contains("\"/beside/end\"") {
            let list: Vec<String> = others.iter().map(|(name, n)| format!("{name} {n}")).collect();
            let list = if list.is_empty() { "0".to_owned() } else { list.join(", ") };
            return Ok((wakes.to_string(), list));
        } else if instrumented == Some(thread) && !call.starts_with("<...") {
            match call.split_once('(') {
                Some(("futex", rest)) if rest.contains("FUTEX_WAKE") => wakes += 1,
                Some((name, _)) => *others.entry(name).or_default() += 1,
                None => {}
            }
        }
    }
    Err("the marks of the loop are not in what `strace` has written".into())
}

/// The instructions of the instrumented thread in the loop, for each span.
pub(crate) fn instructions(case: Case, directory: &Path) -> Result<String> {
    let directory = directory.join("callgrind");
    fs::create_dir_all(&directory)?;
    let counts = directory.join("counts.out");
    let file = format!("--callgrind-out-file={}", counts.display());
    let tool = [
        "valgrind",
        "--tool=callgrind",
        "--separate-threads=yes",
        "--collect-atstart=no",
        "--toggle-collect=*instrumented_loop*",
        &*file,
    ];
    if !succeeds(&mut under(&tool, case, "bare", &directory)?)? {
        return Ok(NONE.to_owned());
    }
    // A file for each thread; the first thread is the instrumented one.
    let text = fs::read_to_string(counts.with_extension("out-01"))?;
    fs::remove_dir_all(&directory)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    let total: u64 = total.ok_or("callgrind has counted nothing")?.trim().parse()?;
    // The loop ran for 100 spans before.
    Ok(format!("{:.1}", total as f64 / (LOOP + 100) as f64))
}
