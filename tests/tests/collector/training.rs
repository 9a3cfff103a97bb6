//! The training example: what stands in its file is what a collector gets, and a second start goes on where a
//! killed one has left off.

use std::path::Path;

use onelogger::read::{self, LineKind, Log, Run};
use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Received, Sink};

use super::service::Service;

#[path = "../../../examples/show.rs"]
#[allow(dead_code, reason = "its `main`")]
mod show;

const INTERVAL: &str = "onelogger.training.checkpoint_interval";

/// The example, as the one rank of its world, with few steps: a test is not optimized.
fn example(arguments: &[&str]) -> Service {
    let usual = ["--directory", "run", "--steps", "30", "--save-every", "10"];
    let program = Service::program(env!("CARGO_BIN_EXE_train"));
    program.with("RANK", "0").with("WORLD_SIZE", "1").arguments(&usual).arguments(arguments)
}

/// What `show --check` says of a file, and whether it is content.
fn check(file: &Path) -> (String, bool) {
    let mut out = Vec::new();
    let options = ["--check".into(), file.as_os_str().to_owned()];
    let is_complete = show::show(options.into_iter(), &mut out).is_ok();
    (String::from_utf8(out).unwrap(), is_complete)
}

fn names_of_spans(log: &Log) -> Vec<String> {
    let spans = log.runs().iter().flat_map(Run::lines);
    let spans = spans.filter(|line| line.holds_start()).map(|line| line.name.to_string());
    sorted(spans)
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn check_traces(received: &Received) {
    let training = received.span("training_loop");
    let mut traces = vec![training.trace_id.clone()];
    for item in received.items("traces").filter(|item| item.body["name"] == INTERVAL) {
        let link = &item.body["links"][0];
        assert_eq!(link["span_id"], training.span_id.as_str(), "{link}");
        assert_eq!(item.body["parent_span_id"], "");
        traces.push(item.body["trace_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(traces.len(), 4, "the loop's, and one for each interval");
    traces.dedup();
    assert_eq!(traces.len(), 4);
    for (name, count) in
        [("training_single_iteration", 30), ("checkpoint_save_async", 2), ("model_forward", 30)]
    {
        let spans = received.spans().into_iter().filter(|span| span.name == name);
        let of_intervals = spans.filter(|span| traces[1..].contains(&span.trace_id));
        assert_eq!(of_intervals.count(), count, "{name}");
    }
}

#[test]
fn a_collector_gets_what_stands_in_the_file_of_a_training() {
    let sink = Sink::start();
    let protocol = Protocol::HttpProtobuf;
    let collector = Collector::start(&sink, protocol);
    let mut example = example(&["--export-steps"]).to(protocol, &collector.endpoint(protocol));
    let table = example.run();
    assert!(table.contains("0-30"), "{table}");

    let file = example.file("run/run-0.jsonl");
    let (said, is_complete) = check(&file);
    assert!(is_complete, "{said}");
    let log = read::file(&file).unwrap();
    let spans = names_of_spans(&log);
    assert!(spans.len() > 150, "{}", spans.len());
    let told = |line: &&read::Line| matches!(line.kind, LineKind::Event | LineKind::Error);
    let events =
        sorted(log.runs()[0].lines().iter().filter(told).map(|line| line.name.to_string()));

    let received = sink.until_received("all of the file", |received| {
        received.spans().len() >= spans.len() && !received.events("onelogger.close").is_empty()
    });
    assert_eq!(received.problems(), Vec::<&String>::new());
    assert_eq!(received.repeated(), 0);
    assert_eq!(sorted(received.spans().into_iter().map(|span| span.name)), spans);
    assert_eq!(sorted(received.logs().into_iter().map(|log| log.event_name)), events);
    check_traces(&received);
}

#[test]
fn a_second_start_goes_on_from_the_last_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let arguments = |more: &[&str]| {
        let directory = ["--directory", run.to_str().unwrap()];
        example(&directory).arguments(more)
    };
    let (said, end) = arguments(&["--fail-at", "15"]).run_to_any_end();
    assert!(!end.success() && said.contains("dies in step 15"), "{said}");
    let file = run.join("run-0.jsonl");
    assert!(!check(&file).1, "what was killed is not complete");

    let said = arguments(&[]).run();
    assert!(said.contains("goes on from step 10"), "{said}");
    let log = read::file(&file).unwrap();
    let [killed, second] = log.runs() else { panic!("{}", log.runs().len()) };
    assert!(second.completeness().is_complete());
    assert!(!killed.completeness().is_complete());
    let statistics = second.statistics();
    assert_eq!(statistics.get("checkpoint_load").map(|load| load.count), Some(1));
    let metrics = second.events().filter(|line| line.name == "onelogger.training.final_metrics");
    let metrics = &metrics.last().unwrap().attributes;
    assert_eq!(metrics.get_i64("train_iterations_start").unwrap(), Some(10));
    assert_eq!(metrics.get_i64("num_iterations").unwrap(), Some(20));
}
