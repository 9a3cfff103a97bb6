//! However a process ends, its file says what it can.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs the job and returns the names of the lines in its file.
fn run(how: &str, file: &Path) -> Vec<String> {
    let job = Command::new(env!("CARGO_BIN_EXE_ending_job")).arg(how).arg(file).output().unwrap();
    if how != "panic-abort" {
        assert!(job.status.success(), "{how}: {}", String::from_utf8_lossy(&job.stderr));
    }
    names(file)
}

fn names(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let name = |line: Value| {
        let name = [&line["name"], &line["event"]["name"]].into_iter().find_map(Value::as_str);
        format!("{} {}", line["type"].as_str().unwrap(), name.unwrap_or_default())
    };
    lines.map(name).collect()
}

const WHOLE: [&str; 5] =
    ["event onelogger.open", "start work", "event at work", "stop work", "event onelogger.close"];

#[test]
fn p31_a_return_an_exit_and_a_forgotten_guard_close_the_file() {
    let directory = tempfile::tempdir().unwrap();
    for how in ["return", "exit", "forget"] {
        assert_eq!(run(how, &directory.path().join(how)), WHOLE, "{how}");
    }
}

#[test]
fn a_panic_that_aborts_has_flushed() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run("panic-abort", &directory.path().join("file")), WHOLE[..3]);
}

#[cfg(unix)]
#[test]
fn p47_a_forked_child_starts_clean() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let parent = run("fork", &file);
    assert_eq!(parent[..3], WHOLE[..3]);
    let ends = ["stop around", "stop work", "event onelogger.close"];
    assert_eq!(parent[3..], [&["start around", "event child has ended"], &ends[..]].concat());
    let of_child = directory.path().join("file.child");
    let own = ["complete child's work", "complete by a macro"];
    assert_eq!(names(&of_child), [&WHOLE[..1], &own, &WHOLE[4..]].concat());

    let ids = |file: &Path| -> Vec<String> {
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
    };
    assert!(ids(&of_child).iter().all(|id| !ids(&file).contains(id)));
}

/// Runs the job until it says that it is ready, sends it a SIGTERM, and waits for its end.
#[cfg(target_os = "linux")]
fn ask_to_end(how: &str, file: &Path) -> std::process::ExitStatus {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let mut job = Command::new(env!("CARGO_BIN_EXE_ending_job"));
    let mut job = job.arg(how).arg(file).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(job.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{how}");
    // SAFETY: sends a signal to a process of ours, which nobody has waited for yet.
    unsafe { libc::kill(job.id().try_into().unwrap(), libc::SIGTERM) };
    job.wait().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_sigterm_closes_the_file_and_ends_the_process_as_before() {
    use std::os::unix::process::ExitStatusExt as _;

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let status = ask_to_end("sigterm-close", &file);
    assert_eq!(status.signal(), Some(libc::SIGTERM));
    assert_eq!(names(&file), WHOLE);
    // Without a call it ends as it did, and the file is not closed.
    let file = directory.path().join("unasked");
    let status = ask_to_end("sigterm-unasked", &file);
    assert_eq!(status.signal(), Some(libc::SIGTERM));
    assert!(!names(&file).contains(&WHOLE[4].to_owned()));
}

#[cfg(target_os = "linux")]
#[test]
fn an_application_that_handles_sigterm_ends_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    for how in ["sigterm-before", "sigterm-after"] {
        let file = directory.path().join(how);
        assert!(ask_to_end(how, &file).success(), "{how}");
        let names = names(&file);
        assert_eq!(names[..3], WHOLE[..3], "{how}");
        assert_eq!(names[3..], ["event asked to end", WHOLE[3], WHOLE[4]], "{how}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_sigterm_that_is_ignored_or_a_child_s_ends_nothing_here() {
    let directory = tempfile::tempdir().unwrap();
    for how in ["sigterm-ignored", "sigterm-fork"] {
        let file = directory.path().join(how);
        let names = run(how, &file);
        assert_eq!(names[..3], WHOLE[..3], "{how}");
        assert_eq!(names[3..], ["event still here", WHOLE[3], WHOLE[4]], "{how}");
    }
    let of_child = names(&directory.path().join("sigterm-fork.child"));
    assert_eq!(of_child, [WHOLE[0], WHOLE[4]]);
}
