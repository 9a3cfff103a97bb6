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
fn a_return_an_exit_and_a_forgotten_guard_close_the_file() {
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
fn a_forked_child_starts_clean() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let parent = run("fork", &file);
    assert_eq!(parent[..3], WHOLE[..3]);
    assert_eq!(parent[3..], ["event child has ended", "stop work", "event onelogger.close"]);
    let of_child = directory.path().join("file.child");
    let open_and_close = ["event onelogger.open", "complete child's work", "event onelogger.close"];
    assert_eq!(names(&of_child), open_and_close);

    let ids = |file: &Path| -> Vec<String> {
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line["id"].as_str().map(str::to_owned)).collect()
    };
    assert!(ids(&of_child).iter().all(|id| !ids(&file).contains(id)));
}
