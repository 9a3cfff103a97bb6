//! The queries of the guide's page "Is my data complete?" on what a collector has received. Tables are made
//! of that as the page says, in a database that Python brings along.

use std::io::Write as _;
use std::process::Stdio;

use onelogger::{Event, TelemetryDataError};
use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Job, Received, Sink, exporter, python, until};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../onelogger/guide/09_is_my_data_complete.md");

/// Reads tables and queries, prints the answers.
const SCRIPT: &str = r#"
import json, sqlite3, sys
given = json.load(sys.stdin)
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE logs(instance, event_name, attributes)")
db.execute("CREATE TABLE spans(instance, name, duration_ns, attributes)")
db.executemany("INSERT INTO logs VALUES (?, ?, ?)", given["logs"])
db.executemany("INSERT INTO spans VALUES (?, ?, ?, ?)", given["spans"])
print(json.dumps([db.execute(query).fetchall() for query in given["queries"]]))
"#;

/// The rows of both tables.
fn tables(received: &Received) -> (Vec<Value>, Vec<Value>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let instance = |resource: &Value| text(&resource["attributes"]["service.name"]);
    let logs = received.items("logs").map(|item| {
        let attributes = item.body["attributes"].to_string();
        json!([instance(&item.resource), text(&item.body["event_name"]), attributes])
    });
    let spans = received.items("traces").map(|item| {
        let attributes = item.body["attributes"].to_string();
        json!([instance(&item.resource), text(&item.body["name"]), 0, attributes])
    });
    (logs.collect(), spans.collect())
}

/// The answers to all queries of the page, in its order.
fn answers(received: &Received) -> Vec<Value> {
    let blocks = PAGE.split("```sql\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    let (logs, spans) = tables(received);
    let queries: Vec<&str> = blocks.collect();
    let given = json!({ "logs": logs, "spans": spans, "queries": queries });
    let mut python = python();
    python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_missing_is_found_in_what_has_arrived() {
    let sink = Sink::start();
    let protocol = Protocol::HttpProtobuf;
    let collector = Collector::start(&sink, protocol);
    let start = |name: &str| {
        let job = Job::start(name, exporter(protocol, &collector.endpoint(protocol)));
        let span = job.recorder.start_detached("work").unwrap();
        let event = Event::new("progress");
        job.recorder.event(&span, event).unwrap();
        (job, span)
    };
    let (job, span) = start("complete");
    job.recorder.stop(&span).unwrap();
    job.close();

    let (killed, span) = start("killed");
    killed.recorder.stop(&span).unwrap();
    killed.flush();

    let (job, span) = start("loses");
    let large = Event::new("large").with("text", "x".repeat(2 << 20));
    job.recorder.event(&span, large).unwrap();
    job.recorder.stop(&span).unwrap();
    job.close();

    let (job, _open) = start("cut off");
    job.close();

    let (job, span) = start("reported");
    job.recorder.telemetry_data_error(TelemetryDataError::new("sensor missing")).unwrap();
    job.recorder.stop(&span).unwrap();
    job.close();

    let received = until("all spans and the ends of the jobs", || {
        let received = sink.received();
        (received.spans().len() == 5 && received.events("onelogger.close").len() == 4)
            .then_some(received)
    });
    let expected = [
        json!([["killed"]]),
        json!([["loses", 1]]),
        json!([["loses", "1 of 4 records are lost"], ["reported", "sensor missing"]]),
        json!([["complete", "work"]]),
    ];
    assert_eq!(answers(&received), expected);
    drop(killed);
}
