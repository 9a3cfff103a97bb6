//! Jobs with a runtime of their own, and without: in processes of their own, as their users start
//! them, through the real collector.

use std::process::Command;

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Program, Sink, over_both};

/// A span `job`, with 100 spans in it and an event in each.
const RECORDS: u64 = 2 + 100 * 3;

fn check(kind: &str) {
    over_both(|protocol| {
        let sink = Sink::start();
        let collector = Collector::start(&sink, protocol);
        let directory = tempfile::tempdir().unwrap();
        let word = if protocol == Protocol::Grpc { "grpc" } else { "http" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_runtime_job"));
        command.args([kind, word, &collector.endpoint(protocol)]).env_remove("RANK");
        let mut job = Program::start(&mut command, directory.path().join("output"));
        let status = job.wait();
        let output = job.output();
        assert!(status.success(), "{kind} {protocol:?}: {status}\n{output}");
        // No panic, and not a word of the library's.
        assert_eq!(output, format!("delivered {RECORDS} lost 0\n"), "{kind} {protocol:?}");

        let received = sink.until_received("the job", |received| {
            received.record_count() >= RECORDS && !received.events("onelogger.close").is_empty()
        });
        assert_eq!((received.record_count(), received.repeated()), (RECORDS, 0));
        assert_eq!(received.problems(), Vec::<&String>::new());
        let root = received.span("job");
        let spans = received.spans();
        let tasks = spans.iter().filter(|span| span.name == "task");
        let mut ids = std::collections::HashSet::new();
        for task in tasks {
            assert_eq!((&task.trace_id, &task.parent_span_id), (&root.trace_id, &root.span_id));
            ids.insert(&task.span_id);
        }
        let events = received.events("progress");
        assert!(events.iter().all(|event| ids.remove(&event.span_id)), "one event in each");
        assert!(ids.is_empty());
    });
}

#[test]
fn a_job_without_a_runtime() {
    check("none");
}

#[test]
fn a_job_within_an_async_main_of_many_threads() {
    check("multi-thread");
}

#[test]
fn a_job_within_an_async_main_of_one_thread() {
    check("current-thread");
}

#[test]
fn a_job_whose_runtime_ends_while_the_exporter_sends() {
    check("ended");
}

#[test]
fn a_job_that_outlives_the_runtime_in_which_it_was_configured() {
    check("inherited");
}
