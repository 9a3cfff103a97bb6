//! `ONELOGGER_FILTER` decides what a program records.

use std::process::Command;

use onelogger::read;

/// The names of the spans and events that the program records under this filter, and what it says on
/// the standard error.
fn run(filter: Option<&str>) -> (Vec<String>, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let mut program = Command::new(env!("CARGO_BIN_EXE_filtered_job"));
    program.arg(&path).env_remove("ONELOGGER_FILTER");
    program.envs(filter.map(|filter| ("ONELOGGER_FILTER", filter)));
    let output = program.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = read::file(&path).unwrap();
    let run = &log.runs()[0];
    assert!(run.completeness().is_complete(), "{}", run.completeness());
    let mut names: Vec<String> = run.spans().iter().map(|span| span.name().to_string()).collect();
    let own = |event: &&read::Line| !event.is_own;
    names.extend(run.events().filter(own).map(|event| event.name.to_string()));
    (names, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn levels_modules_and_groups_are_switched_by_the_environment() {
    for (filter, expected) in [
        (None, &["job", "inner info", "step"][..]),
        (Some("warn"), &["job"]),
        (Some("debug"), &["job", "inner info", "inner debug", "debug", "step"]),
        (Some("warn,filtered_job::inner=debug"), &["job", "inner info", "inner debug"]),
        (Some("filtered_job=debug,per_step=off"), &["job", "inner info", "inner debug", "debug"]),
        (Some("off,per_step=on"), &["step"]),
        (
            Some("filtered_job=trace"),
            &["job", "inner info", "inner debug", "debug", "step", "detail"],
        ),
        (Some("off"), &[]),
    ] {
        let (names, said) = run(filter);
        assert_eq!(names, expected, "under {filter:?}");
        assert_eq!(said, "", "under {filter:?}");
    }
}

#[test]
fn a_filter_that_is_none_is_said_and_ignored() {
    let (names, said) = run(Some("per_step=fo"));
    assert_eq!(names, ["job", "inner info", "step"]);
    let expected = "onelogger: ONELOGGER_FILTER is ignored: `fo` in `per_step=fo` is no level; expected \
         off, error, warn, info, debug, trace or on\n";
    assert_eq!(said, expected);
}
