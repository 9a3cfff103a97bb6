//! A job that is killed within a span of a day has left behind that the span is open, and all that
//! happened in it but what happened in the last instant.

use std::process::Command;

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Program, Received, Sink, over_both, until};

/// So much may be missing: a batch is sent ten times a second, and a machine may be busy.
const LAST_NANOS: u128 = 1_000_000_000;

fn start(mode: &str, protocol: Protocol, collector: &Collector, log: &std::path::Path) -> Program {
    let word = if protocol == Protocol::Grpc { "grpc" } else { "http" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_open_job"));
    command.args([mode, word, &collector.endpoint(protocol)]).env_remove("RANK");
    Program::start(&mut command, log)
}

/// What the job has printed, but a last line that is not whole: the id of its span, and the numbers
/// that it has recorded with their times.
fn printed(job: &Program) -> (String, Vec<(i64, u128)>) {
    let output = job.output();
    let mut lines = output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let span = lines.next().unwrap_or_default().to_owned();
    let number = |line: &str| {
        let (number, time) = line.split_once(' ').unwrap();
        (number.parse().unwrap(), time.parse().unwrap())
    };
    (span, lines.map(number).collect())
}

fn check_announcement(received: &Received, span: &str) {
    let open = received.events("onelogger.span.open");
    assert_eq!(open.len(), 1, "announced once");
    assert_eq!(
        (&*open[0].span_id, &open[0].attributes["onelogger.span.name"]),
        (span, &"day".into())
    );
    assert_eq!(received.events("onelogger.open").len(), 1);
    assert!(received.spans().is_empty() && received.events("onelogger.close").is_empty());
    assert_eq!(received.problems(), Vec::<&String>::new());
    assert_eq!(received.repeated(), 0);
}

#[test]
fn a_killed_job_has_left_its_open_span_and_its_events() {
    let seconds = if std::env::var_os("ONELOGGER_FULL").is_some() { 20 } else { 8 };
    over_both(|protocol| {
        let sink = Sink::start();
        let collector = Collector::start(&sink, protocol);
        let directory = tempfile::tempdir().unwrap();
        let mut job = start("busy", protocol, &collector, &directory.path().join("output"));
        until("the job's seconds", || {
            let (_, numbers) = printed(&job);
            let (first, last) = (numbers.first()?.1, numbers.last()?.1);
            (last - first >= seconds * 1_000_000_000).then_some(())
        });
        job.kill();
        let (span, numbers) = printed(&job);
        let last_time = numbers[numbers.len() - 1].1;
        let is_due = |time: u128| time + LAST_NANOS <= last_time;
        let due = numbers.iter().filter(|(_, time)| is_due(*time)).count();
        assert!(due >= usize::try_from(seconds).unwrap() / 2, "{due} events");
        let received =
            sink.until_received("the events", |received| received.numbers("progress").len() >= due);
        check_announcement(&received, &span);
        let arrived = received.numbers("progress");
        println!("{protocol:?}: {} recorded, {due} due, {} arrived", numbers.len(), arrived.len());
        assert_eq!(arrived, (0..arrived.len() as i64).collect::<Vec<_>>());
        assert!(received.events("progress").iter().all(|event| event.span_id == span));
    });
}

#[test]
fn a_job_that_records_nothing_more_has_left_its_open_span_too() {
    over_both(|protocol| {
        let sink = Sink::start();
        let collector = Collector::start(&sink, protocol);
        let directory = tempfile::tempdir().unwrap();
        let mut job = start("quiet", protocol, &collector, &directory.path().join("output"));
        let received = sink.until_received("the announcement", |received| {
            !received.events("onelogger.span.open").is_empty()
        });
        assert!(job.status().is_none(), "it runs for a day");
        job.kill();
        check_announcement(&received, &printed(&job).0);
    });
}
