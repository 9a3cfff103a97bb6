//! A job that is killed has left its telemetry behind, all but that of its last second.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// So long the job runs, by its own clock.
const RUN_NANOS: u128 = 10_000_000_000;
/// So much may be missing.
const LAST_NANOS: u128 = 1_000_000_000;

/// The job; killed in any case when the test ends.
struct Job(Child);

impl Drop for Job {
    fn drop(&mut self) {
        // Fails where it is dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn p16_a_killed_job_leaves_all_but_its_last_second() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_endless_job"));
    // A rank or a log file of the environment is none of this job's.
    let child = command.arg(&path).env_remove("RANK").stdout(Stdio::piped()).spawn().unwrap();
    let mut job = Job(child);
    let mut lines = BufReader::new(job.0.stdout.take().unwrap()).lines().map(Result::unwrap);

    let first = lines.next().unwrap();
    let open: HashSet<&str> = first.split_whitespace().collect();
    assert_eq!(open.len(), 3);
    // What the job says it has recorded, up to its last moment: the numbers with their times.
    let mut recorded: Vec<(u64, u128)> = Vec::new();
    let mut is_killed = false;
    // After the kill come the lines that are still in the pipe, the last perhaps torn.
    for line in lines {
        let Some((number, time)) = line.split_once(' ') else { break };
        recorded.push((number.parse().unwrap(), time.parse().unwrap()));
        if !is_killed && recorded[recorded.len() - 1].1 - recorded[0].1 >= RUN_NANOS {
            job.0.kill().unwrap();
            is_killed = true;
        }
    }
    assert!(is_killed, "the job has ended by itself");
    assert_eq!(job.0.wait().unwrap().code(), None);
    let last_time = recorded[recorded.len() - 1].1;

    let text = std::fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (mut starts, mut events, mut leaves) = (HashMap::new(), HashSet::new(), HashSet::new());
    for (place, line) in lines.iter().enumerate() {
        let record: Value = match serde_json::from_str(line) {
            Ok(record) => record,
            Err(_) if place + 1 == lines.len() => break,
            Err(error) => panic!("line {place}: {error}: {line}"),
        };
        assert_eq!(record["count"], place + 1);
        let number = |attributes: &Value| attributes["number"].as_u64();
        match (record["type"].as_str().unwrap(), record["name"].as_str()) {
            // The lower half of an id is the span id, behind the last two dashes.
            ("start", Some(name)) if name != "leaf" => {
                let span_id = record["id"].as_str().unwrap()[19..].replace('-', "");
                starts.insert(span_id, name.to_owned());
            }
            ("complete" | "start", _) => leaves.extend(number(&record["attributes"])),
            ("stop", Some("leaf")) => {}
            ("event", _) => {
                let event = &record["event"];
                assert_ne!(event["name"], "onelogger.close");
                events.extend(number(&event["attributes"]));
            }
            _ => panic!("what is this: {line}"),
        }
    }
    assert_eq!(starts.len(), 3);
    assert!(open.iter().all(|&span| starts.contains_key(span)), "{open:?}, {starts:?}");
    let is_due = |time: u128| time + LAST_NANOS <= last_time;
    let due: Vec<u64> =
        recorded.iter().filter(|(_, time)| is_due(*time)).map(|(number, _)| *number).collect();
    assert!(due.len() > 100, "{} of {} events", due.len(), recorded.len());
    let missing = |found: &HashSet<u64>| -> Vec<u64> {
        due.iter().copied().filter(|number| !found.contains(number)).collect()
    };
    assert_eq!((missing(&events), missing(&leaves)), (vec![], vec![]));
    println!(
        "{} events recorded, {} of them in the file, {} due; {} lines",
        recorded.len(),
        events.len(),
        due.len(),
        lines.len()
    );
}
