//! What `ONELOGGER_DEBUG` shows. Each test runs itself as a process of its own: the variable is read
//! once, and the standard error is the process's.

use std::process::Command;

use onelogger::{DefaultRecorder, OneLoggerConfig, OneLoggerProvider, event, timed_span};

/// Says to the process that a test starts that it is that, and not the test.
const ROLE: &str = "DEBUGGING_TEST_ROLE";

fn is_the_job() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// What the library says on the standard error of a process that does what `test` does as a job.
fn said(test: &str, debug: Option<&str>) -> Vec<String> {
    let mut job = Command::new(std::env::current_exe().unwrap());
    job.args(["--exact", test, "--nocapture"]).env(ROLE, "job").env_remove("ONELOGGER_DEBUG");
    job.envs(debug.map(|value| ("ONELOGGER_DEBUG", value)));
    let output = job.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    text.lines().filter_map(|line| line.strip_prefix("onelogger: ")).map(str::to_owned).collect()
}

#[timed_span(name = "work")]
fn work() {}

macro_rules! events {
    ($($name:literal)*) => { $(event!($name);)* };
}

fn many_callsites() {
    events!("1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19");
    events!("20" "21" "22" "23" "24" "25");
}

#[test]
fn a_callsite_says_once_that_nothing_is_configured() {
    if is_the_job() {
        work();
        work();
        many_callsites();
        many_callsites();
        return;
    }
    let test = "a_callsite_says_once_that_nothing_is_configured";
    for silent in [None, Some(""), Some("0"), Some("false")] {
        assert_eq!(said(test, silent), [""; 0], "{silent:?}");
    }
    let said = said(test, Some("1"));
    assert_eq!(said.len(), 21, "{said:#?}");
    let file = file!();
    assert!(said[0].starts_with(&format!("`work` ({file}:")), "{}", said[0]);
    assert!(said[0].contains("`OneLoggerProvider::instance().configure(config, recorder)`"));
    assert!(said[1..20].iter().all(|line| line.contains("is met while no provider records")));
    assert_eq!(said[20], "further callsites that record nothing are not named");
}

#[test]
fn nothing_is_said_of_callsites_while_a_provider_records() {
    if is_the_job() {
        let config = OneLoggerConfig::builder("debugging").session_tag("test").world_size(1);
        let recorder = DefaultRecorder::builder().build().unwrap();
        let provider = OneLoggerProvider::instance();
        let guard = provider.configure(config.build().unwrap(), recorder).unwrap();
        work();
        drop(guard);
        // Switched off again, and known by now.
        work();
        onelogger::diagnostics::debug(format_args!("what an exporter has to say"));
        return;
    }
    let test = "nothing_is_said_of_callsites_while_a_provider_records";
    assert_eq!(said(test, Some("1")), ["what an exporter has to say"]);
    assert_eq!(said(test, None), [""; 0]);
}
