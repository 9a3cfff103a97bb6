//! Flushes and closes while others record.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use onelogger::exporter::Run;
use onelogger::recorder::{DefaultRecorderBuilder, FlushError, RecordError};
use onelogger::{DefaultRecorder, Event, LossReason, Recorder, SpanBuilder, SpanFilter};

use crate::probe::*;
use crate::trial::*;

/// Records until the recorder refuses; whether nothing else went wrong.
fn record_until_closed(trial: &Trial, thread: usize, progress: &AtomicUsize) {
    let refusal = loop {
        let root = match trial.start(SpanBuilder::new("root").with("thread", thread)) {
            Ok(root) => root,
            Err(error) => break error,
        };
        let round = (0..3).try_for_each(|number| trial.span_with_event(thread, number));
        // One span in a few stays open, for the close to stop.
        let stopped = round.and_then(|()| {
            if progress.load(Ordering::Relaxed).is_multiple_of(7) {
                Ok(())
            } else {
                trial.stop(&root)
            }
        });
        progress.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = stopped {
            break error;
        }
    };
    assert_eq!(refusal, RecordError::Closed);
}

/// Closes while threads record, many times over.
fn check_close_under_load(
    name: &str,
    settings: impl Fn(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
) {
    let (mut recorded, mut truncated, mut lost) = (0, 0, 0);
    for round in 0..size(200, 20) {
        // What a queue drops is not in the file, also the stops that the close adds: then nobody
        // could say from outside how many there were.
        let trial =
            Trial::new(&format!("{name}-{round}"), |builder| settings(builder.queue_policy(WAIT)));
        let progress = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                on_threads(&trial, 8, |thread| record_until_closed(&trial, thread, &progress));
            });
            while progress.load(Ordering::Relaxed) < 100 + 10 * round {
                thread::yield_now();
            }
            trial.provider.close(PATIENCE).unwrap();
        });
        // A stop that came too late is none: the close had stopped that span.
        let late = trial.recorder.health().stopped_after_close;
        let outcome = trial.finish();
        assert!(late <= outcome.contents.truncated + outcome.recorded);
        let counts = outcome.health.exporters[0].counts;
        (recorded, truncated) =
            (recorded + outcome.recorded, truncated + outcome.contents.truncated);
        lost += counts.lost_total() + counts.withheld;
    }
    println!("{name}: {recorded} recorded, {truncated} truncated, {lost} lost or withheld");
    assert!(truncated > 0);
}

#[test]
fn whatever_was_accepted_before_a_close_is_accounted_for() {
    check_close_under_load("close", |builder| builder);
}

#[test]
fn whatever_was_accepted_before_a_close_is_accounted_for_in_synchronous_mode() {
    check_close_under_load("close-synchronous", DefaultRecorderBuilder::synchronous);
}

#[test]
fn what_full_lanes_lose_while_closing_is_counted() {
    check_close_under_load("close-tiny-lane", |builder| builder.lane_bytes(TINY_LANE));
}

#[test]
fn what_the_filter_holds_back_while_closing_is_counted() {
    let filter = SpanFilter::except(["work"]);
    check_close_under_load("close-filter", |builder| builder.filter(filter.clone()));
}

#[test]
fn a_thread_that_waits_for_room_is_not_held_by_a_close() {
    let probe = Probe::new("probe", Behavior::Accept);
    probe.hold();
    let trial = Trial::new("close-waiting", |builder| {
        let builder = builder.lane_bytes(TINY_LANE).lane_policy(WAIT);
        builder.queue_policy(WAIT).queue_bytes(1).exporter(probe.clone())
    });
    let progress = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            on_threads(&trial, 4, |thread| record_until_closed(&trial, thread, &progress));
        });
        // The pipeline stands still with the probe, and so do the threads in the end. (If they do
        // not yet, this test shows less, and does not fail.)
        let count =
            || [&trial.starts, &trial.stops, &trial.events].map(|all| all.load(Ordering::Relaxed));
        let mut before = [0; 3];
        while before == [0; 3] || before != count() {
            before = count();
            (0..1_000).for_each(|_| thread::yield_now());
        }
        // The close asks the pipeline to go on, and times out.
        assert!(trial.provider.close(Duration::ZERO).is_err());
        probe.let_go();
    });
    // The close goes on; whoever asks again waits for it.
    trial.provider.close(PATIENCE).unwrap();
    let outcome = trial.finish();
    outcome.print("close while waiting");
    outcome.check_complete();
    assert!(outcome.recorded > 0);
}

#[test]
fn what_was_recorded_before_a_flush_is_in_the_file_after_it() {
    let (threads, flushes) = (4, size(500, 50));
    // Small lanes and queues: else each flush waits for megabytes that stand before it.
    let trial = Trial::new("flush", |builder| {
        let builder = builder.lane_policy(WAIT).lane_bytes(1 << 12);
        builder.queue_policy(WAIT).queue_bytes(1 << 16)
    });
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            on_threads(&trial, threads, |thread| {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    trial.span_with_event(thread, number).unwrap();
                    number += 1;
                }
            });
        });
        let path = trial.path.get().unwrap();
        let _attached = trial.provider.attach();
        let mut file = BufReader::new(File::open(path).unwrap());
        for flush in 0..flushes {
            let span = trial.start(SpanBuilder::new(format!("before flush {flush}."))).unwrap();
            trial.stop(&span).unwrap();
            trial.recorder.force_flush(PATIENCE).unwrap();
            // What an earlier flush has left unread comes first.
            let wanted = format!("\"name\":\"before flush {flush}.\"");
            let (mut line, mut is_there) = (String::new(), false);
            while !is_there && file.read_line(&mut line).unwrap() > 0 {
                is_there = line.contains(&wanted);
                line.clear();
            }
            assert!(is_there, "flush {flush}");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let outcome = trial.finish();
    outcome.print("flush");
    outcome.check_complete();
}

/// Records when the thread ends.
struct Farewell {
    trial: Arc<Trial>,
    thread: usize,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.trial.span_with_event(self.thread, 1).unwrap();
    }
}

thread_local! {
    static FAREWELL: Mutex<Option<Farewell>> = const { Mutex::new(None) };
}

#[test]
fn a_thread_may_record_while_its_thread_local_state_is_destroyed() {
    let trial = Arc::new(Trial::new("destructor", |builder| builder.lane_policy(WAIT)));
    let threads = size(2_000, 200);
    for thread in 0..threads {
        let trial = Arc::clone(&trial);
        let bid = move || {
            let farewell = Farewell { trial: Arc::clone(&trial), thread };
            // Destructors run in the reverse order of first use: with odd numbers that of the
            // library's own state comes first, with even ones ours.
            if thread % 2 == 0 {
                trial.span_with_event(thread, 0).unwrap();
            }
            FAREWELL.with(|place| *place.lock().unwrap() = Some(farewell));
            if thread % 2 != 0 {
                trial.span_with_event(thread, 0).unwrap();
            }
        };
        thread::spawn(bid).join().unwrap();
    }
    let outcome = Arc::into_inner(trial).unwrap().finish();
    outcome.check_complete();
    assert_eq!(outcome.recorded, (6 * threads) as u64);
}

#[test]
fn a_recorder_that_nobody_closed_delivers_what_it_has_and_ends() {
    let probe = Probe::new("probe", Behavior::Accept);
    let recorder = DefaultRecorder::builder().exporter(probe.clone()).build().unwrap();
    recorder.open(&Run::new("dropped", 1)).unwrap();
    let span = recorder.start("open".into()).unwrap();
    recorder.event(Some(&span), "tick".into()).unwrap();
    drop(recorder);
    // The exporter's thread owns the other probe until it ends.
    while Arc::strong_count(&probe.0) > 1 {
        thread::yield_now();
    }
    // The third record is the stop, which is the library's.
    assert_eq!(probe.accepted(), 3);
    // The handle outlives its recorder, and does no harm.
    assert_eq!((span.name(), span.is_recording()), ("open", false));
}

#[test]
fn a_recorder_that_was_never_opened_refuses_and_may_be_dropped() {
    let recorder = DefaultRecorder::builder().build().unwrap();
    assert_eq!(recorder.start("span".into()).unwrap_err(), RecordError::NotConfigured);
    assert_eq!(recorder.event(None, "event".into()), Err(RecordError::NotConfigured));
}

#[test]
fn a_second_close_does_nothing() {
    let trial = Trial::new("twice", |builder| builder);
    let span = trial.start("open").unwrap();
    trial.provider.close(PATIENCE).unwrap();
    let before = trial.recorder.health();
    assert_eq!(trial.stop(&span), Err(RecordError::Closed));
    assert_eq!(trial.start("late").unwrap_err(), RecordError::Closed);
    assert!(trial.recorder.force_flush(PATIENCE).is_err());
    trial.provider.close(PATIENCE).unwrap();
    let after = trial.recorder.health();
    assert_eq!(before.exporters[0].counts, after.exporters[0].counts);
    assert_eq!((before.stopped_after_close, after.stopped_after_close), (0, 1));
    let outcome = trial.finish();
    assert_eq!((outcome.recorded, outcome.contents.truncated), (2, 1));
}

#[test]
fn a_provider_that_was_closed_may_be_configured_again() {
    let first = Trial::new("again-1", |builder| builder);
    let provider = first.provider.clone();
    let open = first.start("of the first").unwrap();
    let outcome = first.finish();
    assert_eq!(outcome.recorded, 2);

    let second = Trial::configure(provider, "again-2", |builder| builder);
    let span = second.start(SpanBuilder::new("of the second").root()).unwrap();
    second.stop(&span).unwrap();
    // A span of the closed recorder is not this one's.
    let refused = second.recorder.event(&open, "late");
    assert!(matches!(refused, Err(RecordError::ForeignSpan { .. })), "{refused:?}");
    let outcome = second.finish();
    assert_eq!((outcome.recorded, outcome.contents.truncated), (2, 0));
    // The refusal was reported.
    assert_eq!(outcome.contents.reports, 1);
}

#[test]
fn a_report_of_the_library_that_finds_no_room_is_not_counted() {
    let probe = Probe::new("probe", Behavior::Accept);
    let trial = Trial::new("own-report", |builder| {
        let builder = builder.lane_bytes(TINY_LANE).queue_policy(WAIT).queue_bytes(1);
        builder.exporter(probe.clone())
    });
    let (open, stopped) = (trial.start("open").unwrap(), trial.start("stopped").unwrap());
    trial.stop(&stopped).unwrap();
    trial.recorder.force_flush(PATIENCE).unwrap();
    // The pipeline stands still after three batches, and each is a handful of events.
    probe.hold();
    (0..500).for_each(|_| trial.event(&open, Event::new("fills the lane")).unwrap());
    // A misuse, of which the library tells the exporters in a record of its own.
    assert!(matches!(trial.stop(&stopped), Err(RecordError::SpanStopped { .. })));
    probe.let_go();
    trial.stop(&open).unwrap();
    let outcome = trial.finish();
    assert!(outcome.lost(0, LossReason::LaneFull) > 0);
}

#[test]
fn a_flush_that_races_with_a_close_is_done_or_refused() {
    // What is looked for is rare: a request that comes after the pipeline has looked for the last
    // time. Many threads make it likely that one of them is held up between check and request.
    let flushers = 16;
    for round in 0..size(3_000, 300) {
        let trial = Trial::new(&format!("flush-close-{round}"), |builder| builder);
        trial.span_with_event(0, round).unwrap();
        let begin = Barrier::new(flushers + 1);
        thread::scope(|scope| {
            for _ in 0..flushers {
                scope.spawn(|| {
                    begin.wait();
                    let error = loop {
                        // Nothing here takes so long, unless nobody looks at the request.
                        if let Err(error) = trial.recorder.force_flush(Duration::from_secs(60)) {
                            break error;
                        }
                    };
                    assert_eq!(error, FlushError::NotOpen, "round {round}");
                });
            }
            begin.wait();
            for _ in 0..round % 50 {
                thread::yield_now();
            }
            trial.provider.close(PATIENCE).unwrap();
        });
        trial.finish();
    }
}
