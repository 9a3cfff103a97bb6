//! An exporter without a recorder: records are made by hand and handed over.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example exporter_alone
//! ```
//!
//! This is for records that exist already, such as those of another system that are converted. For
//! a program's own telemetry it is discouraged, because everything is missing that a recorder adds:
//!
//! - Losses are not counted. A refused record is an error here, with the caller, and nothing in the
//!   file tells of it: there is no closing record with totals.
//! - Nothing is put in order, neither the records of several threads nor a stop that comes before
//!   its start; and nobody completes a stop with what its start has said.
//! - The caller waits for the disk.
//! - Nothing is flushed at exit, and no open span is stopped.
//! - Ids are made by hand; two that are equal make one span of two.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use onelogger::exporter::{Batch, Exporter, Run};
use onelogger::{
    Attributes, EventRecord, FileExporter, Parent, Record, SpanId, SpanRecord, TraceId, read,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut exporter = FileExporter::new(std::env::temp_dir().join("exporter_alone.jsonl"));
    let path = exporter.path();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;

    // The number should be random, and the same for the whole process.
    exporter.open(&Run::new("converter", now))?;
    let batch: Batch = records(now).into_iter().collect();
    exporter.export_batch(batch.records())?;
    exporter.close()?;

    let path = path.get().ok_or("the file is not open")?;
    let log = read::file(&path)?;
    let run = log.runs().last().ok_or("the file is empty")?;
    print!("{}", run.tree());
    println!("{}\nrecords: {}", run.completeness(), path.display());
    Ok(())
}

/// A job that loads something, in the order in which it happened.
fn records(now: u64) -> Vec<Record> {
    const MILLISECOND: u64 = 1_000_000;
    let trace_id = TraceId::from_u128(now.into());
    let job = SpanRecord {
        trace_id,
        span_id: SpanId::from_u64(1),
        name: "job".into(),
        time_unix_nanos: now,
        ..SpanRecord::default()
    };
    let load = SpanRecord {
        span_id: SpanId::from_u64(2),
        parent: Some(Parent { span_id: job.span_id, is_remote: false }),
        name: "load".into(),
        time_unix_nanos: now + MILLISECOND,
        ..job.clone()
    };
    let progress = EventRecord {
        trace_id,
        span_id: load.span_id,
        name: "progress".into(),
        attributes: Attributes::new().with("rows", 64),
        time_unix_nanos: now + 2 * MILLISECOND,
        ..EventRecord::default()
    };
    vec![
        Record::Start(job.clone()),
        Record::Start(load.clone()),
        Record::Event(progress),
        Record::Stop(stopped(load, 3 * MILLISECOND)),
        Record::Stop(stopped(job, 5 * MILLISECOND)),
    ]
}

/// The record of the stop of a span. It holds all that is known of the span, the start included.
fn stopped(start: SpanRecord, duration_nanos: u64) -> SpanRecord {
    SpanRecord {
        start_time_unix_nanos: start.time_unix_nanos,
        time_unix_nanos: start.time_unix_nanos + duration_nanos,
        duration_nanos,
        ..start
    }
}
