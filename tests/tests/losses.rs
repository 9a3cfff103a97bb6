//! Whatever the macros record is delivered, or counted as lost: recorded + added = delivered + lost +
//! withheld, also where there is no room.

use std::thread;
use std::time::Duration;

use onelogger::exporter::MemoryExporter;
use onelogger::{
    DefaultRecorder, FullPolicy, OneLoggerConfig, OneLoggerProvider, Record, SpanFilter, context,
    error, event, span, timed_span,
};

const THREADS: usize = 4;
const ROUNDS: usize = 2_000;
/// Of a round: two spans of two records, an event, an error of ours and one of an `Err`.
const RECORDS: usize = 7;

#[timed_span(name = "round", attrs(thread, round))]
fn round(thread: usize, round: usize) -> Result<(), String> {
    let _inner = span!("inner", text = "some text that takes a little room");
    event!("event", round);
    error!("error {round}");
    Err("each fails".into())
}

/// Records, and gives how many records were delivered, lost and withheld.
fn run(policy: FullPolicy, lane_bytes: usize, filter: SpanFilter) -> (u64, u64, u64) {
    let (memory, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder()
        .exporter(memory)
        .filter(filter)
        .lane_bytes(lane_bytes)
        .lane_policy(policy)
        .queue_policy(FullPolicy::Block(Duration::from_secs(60)))
        .build()
        .unwrap();
    let config = OneLoggerConfig::builder("losses").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    let handle = provider.recorder();
    let attached = provider.attach();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = move || (0..ROUNDS).for_each(|n| drop(round(number, n)));
            scope.spawn(context::wrap(work));
        }
    });
    drop((attached, guard));
    let counts = handle.health().exporters[0].counts;
    let lost = counts.recorded + counts.added - counts.delivered - counts.withheld;
    assert_eq!(counts.recorded, (THREADS * ROUNDS * RECORDS) as u64, "each call is counted");
    assert_eq!(counts.lost_total(), lost);
    let is_own = |record: &&Record| match record {
        Record::Event(event) => event.name.as_str().starts_with("onelogger."),
        Record::TelemetryDataError(_) => true,
        _ => false,
    };
    let records = records.take();
    let delivered = records.iter().filter(|record| !is_own(record)).count() as u64;
    assert_eq!(delivered, counts.delivered);
    // A start without its stop there is none.
    let count = |is: fn(&Record) -> bool| records.iter().filter(|record| is(record)).count();
    let starts = count(|record| matches!(record, Record::Start(_)));
    assert_eq!(starts, count(|record| matches!(record, Record::Stop(_))));
    (counts.delivered, lost, counts.withheld)
}

#[test]
fn nothing_is_lost_where_threads_wait() {
    let wait = FullPolicy::Block(Duration::from_secs(60));
    let (delivered, lost, withheld) = run(wait, 1 << 20, SpanFilter::all());
    assert_eq!((delivered, lost, withheld), ((THREADS * ROUNDS * RECORDS) as u64, 0, 0));
}

#[test]
fn what_finds_no_room_is_counted() {
    let (delivered, lost, withheld) = run(FullPolicy::DropNewest, 4 << 10, SpanFilter::all());
    assert_eq!(delivered + lost, (THREADS * ROUNDS * RECORDS) as u64);
    assert!(lost > 0 && delivered > 0 && withheld == 0, "{lost} lost, {delivered} delivered");
}

#[test]
fn what_the_filter_holds_back_is_counted() {
    let wait = FullPolicy::Block(Duration::from_secs(60));
    let (delivered, lost, withheld) = run(wait, 1 << 20, SpanFilter::except(["round"]));
    assert_eq!(lost, 0);
    assert_eq!(delivered + withheld, (THREADS * ROUNDS * RECORDS) as u64);
    assert_eq!(delivered, (THREADS * ROUNDS * 4) as u64, "the inner span, its event, its error");
}
