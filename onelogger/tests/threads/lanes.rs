//! Lanes and queues that are full, threads that come and go, spans that change threads.

use std::sync::atomic::Ordering;
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use onelogger::{Event, LossReason, RecordId, Span, SpanBuilder, SpanStop};
use serde_json::Value;

use crate::probe::*;
use crate::trial::*;

#[test]
fn p10_with_blocking_policies_eight_threads_lose_nothing() {
    let (threads, each) = (8, size(100_000, 5_000));
    let trial = Trial::new("blocking", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    on_threads(&trial, threads, |thread| grow_tree(&trial, thread, each));
    let outcome = trial.finish();
    outcome.print("blocking");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (threads * (3 * each + 2)) as u64);
    outcome.contents.check_trees(threads, each);
}

/// Lets the probe go when each thread has recorded half of its spans.
fn record_past_a_held_probe(trial: &Trial, probe: &Probe, threads: usize, each: usize) {
    let half = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let opener = scope.spawn(|| {
            half.wait();
            probe.let_go();
        });
        on_threads(trial, threads, |thread| {
            for number in 0..each {
                if number == each / 2 {
                    half.wait();
                }
                trial.span_with_event(thread, number).unwrap();
            }
        });
        opener.join().unwrap();
    });
}

#[test]
fn a_full_lane_drops_whole_spans_and_counts_them() {
    let (threads, each) = (8, size(100_000, 5_000));
    // The pipeline waits for the probe, and the lanes fill up for certain.
    let probe = Probe::new("probe", Behavior::Accept);
    probe.hold();
    let trial = Trial::new("tiny-lane", |builder| {
        builder.lane_bytes(1 << 12).queue_policy(WAIT).queue_bytes(1).exporter(probe.clone())
    });
    record_past_a_held_probe(&trial, &probe, threads, each);
    let outcome = trial.finish();
    outcome.print("tiny lane");
    assert_eq!(outcome.recorded, (threads * 3 * each) as u64);
    let lost = outcome.lost(0, LossReason::LaneFull);
    assert!(lost > 0 && outcome.contents.reports > 0);
    assert_eq!(outcome.contents.records + lost, outcome.recorded);
    assert_eq!(probe.accepted(), outcome.health.exporters[1].counts.delivered);
    assert_eq!(probe.accepted(), outcome.contents.records);
}

#[test]
fn a_full_queue_drops_whole_spans_and_counts_them() {
    let (threads, each) = (8, size(50_000, 4_000));
    let probe = Probe::new("probe", Behavior::Slow(Duration::from_millis(1)));
    probe.hold();
    let trial = Trial::new("tiny-queue", |builder| {
        // Lanes that make the pipeline take many batches.
        let builder = builder.lane_policy(WAIT).lane_bytes(1 << 14);
        builder.queue_bytes(1 << 12).exporter(probe.clone())
    });
    // The probe's queue is full for certain before the half: one batch is with the probe, one in
    // the queue, and more than two batches' worth has gone through the lanes.
    record_past_a_held_probe(&trial, &probe, threads, each);
    let outcome = trial.finish();
    outcome.print("tiny queue");
    assert_eq!(outcome.recorded, (threads * 3 * each) as u64);
    assert!(outcome.lost(1, LossReason::QueueFull) > 0);
    for exporter in &outcome.health.exporters {
        let lost = exporter.counts.lost(LossReason::QueueFull);
        assert_eq!(exporter.counts.delivered + lost, outcome.recorded, "{}", exporter.name);
    }
    assert_eq!(outcome.contents.reports > 0, outcome.lost(0, LossReason::QueueFull) > 0);
    assert_eq!(probe.accepted(), outcome.health.exporters[1].counts.delivered);
}

#[test]
fn thousands_of_short_threads_leave_nothing_behind_unrecorded() {
    let (at_a_time, rounds) = (8, size(1_000, 250));
    let trial = Trial::new("short", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    for round in 0..rounds {
        on_threads(&trial, at_a_time, |thread| {
            trial.span_with_event(thread, round).unwrap();
        });
    }
    let outcome = trial.finish();
    outcome.print("short threads");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * at_a_time * rounds) as u64);
    assert_eq!(outcome.contents.spans.len(), at_a_time * rounds);
}

#[test]
fn a_span_may_be_stopped_on_another_thread_than_it_was_started_on() {
    let (starters, each) = (4, size(100_000, 5_000));
    let trial = Trial::new("handover", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    thread::scope(|scope| {
        let trial = &trial;
        for thread in 0..starters {
            let (sender, receiver) = mpsc::channel::<Span>();
            scope.spawn(move || {
                for number in 0..each {
                    let span = SpanBuilder::new("work").with("thread", thread);
                    let span = trial.start(span.with("number", number)).unwrap();
                    sender.send(span).unwrap();
                }
            });
            scope.spawn(move || {
                for (number, span) in receiver.iter().enumerate() {
                    trial.event(&span, Event::new("tick").with("number", number)).unwrap();
                    trial.stop(&span).unwrap();
                }
            });
        }
    });
    let outcome = trial.finish();
    outcome.print("handover");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * starters * each) as u64);
    let right =
        |(span, number): &(RecordId, Option<u64>)| outcome.contents.spans[span].number == *number;
    assert!(outcome.contents.events.iter().all(right));
}

#[test]
fn stops_that_find_no_room_in_their_lane_take_another_way() {
    let probe = Probe::new("probe", Behavior::Accept);
    let trial = Trial::new("overflow", |builder| {
        let builder = builder.lane_bytes(TINY_LANE).queue_policy(WAIT).queue_bytes(1);
        builder.exporter(probe.clone())
    });
    let spans: Vec<_> = (0..8)
        .map(|number| {
            let span = trial.start(SpanBuilder::new("work").with("number", number)).unwrap();
            trial.recorder.force_flush(PATIENCE).unwrap();
            span
        })
        .collect();
    // The pipeline stands still after three batches: one is with the exporter, one in the queue, and the
    // next one finds no room there.
    probe.hold();
    for _ in 0..4 {
        trial.event(&spans[0], Event::new("a batch of its own")).unwrap();
        thread::sleep(Duration::from_millis(150));
    }
    on_threads(&trial, 1, |_| {
        (0..500).for_each(|_| trial.event(&spans[0], Event::new("fills the lane")).unwrap());
        spans.iter().for_each(|span| trial.stop(span).unwrap());
        probe.let_go();
    });
    let outcome = trial.finish();
    outcome.print("overflow");
    assert_eq!((outcome.recorded, outcome.contents.truncated), (520, 0));
    assert!(outcome.lost(0, LossReason::LaneFull) > 0);
    assert_eq!(outcome.contents.spans.len(), 8);
}

#[test]
fn attributes_that_are_added_by_many_threads_are_all_there() {
    let (threads, each) = (8, size(2_000, 300));
    let trial = Trial::new("attributes", |builder| builder.lane_policy(WAIT).queue_policy(WAIT));
    let span = trial.start("shared").unwrap();
    on_threads(&trial, threads, |thread| {
        for number in 0..each {
            let attributes = [(format!("{thread}.{}", number % 10), number)];
            trial.recorder.set_attributes(&span, attributes).unwrap();
        }
    });
    trial.recorder.stop_with(&span, SpanStop::new()).unwrap();
    trial.provider.close(PATIENCE).unwrap();
    let counts = trial.recorder.health().exporters[0].counts;
    assert!(counts.is_balanced());
    let updates = (threads * each) as u64;
    assert_eq!(
        (counts.recorded, counts.delivered, counts.delivered_updates),
        (updates + 2, updates + 2, updates)
    );
    let text = std::fs::read_to_string(trial.path.get().unwrap()).unwrap();
    let mut stop = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let stop = stop.find(|line| line["type"] != "event" && line["type"] != "start").unwrap();
    for thread in 0..threads {
        for number in 0..10 {
            assert_eq!(stop["attributes"][format!("{thread}.{number}")], each - 10 + number);
        }
    }
    std::fs::remove_dir_all(&trial.directory).unwrap();
}

#[test]
fn a_lane_that_fills_up_again_and_again_makes_few_batches() {
    let probe = Probe::new("probe", Behavior::Accept);
    let calls = || probe.0.calls.load(Ordering::Relaxed);
    let trial = Trial::new("few-batches", |builder| {
        let builder = builder.lane_bytes(1 << 14).lane_policy(WAIT).exporter(probe.clone());
        builder.drain_interval(PATIENCE)
    });
    trial.recorder.force_flush(PATIENCE).unwrap();
    let before = calls();
    (0..10_000).for_each(|number| trial.span_with_event(0, number).unwrap());
    let outcome = trial.finish();
    outcome.check_complete();
    // Some 7 MB, that were never more than 16 KiB at a time.
    assert!((3..=10).contains(&(calls() - before)), "{before} {}", calls());
}

#[test]
fn a_report_of_losses_knows_how_much_was_recorded() {
    // One drain of several batches, of which the queue takes the first.
    let (exporter, memory) = onelogger::MemoryExporter::new();
    let trial = Trial::new("report", |builder| {
        let builder = builder.lane_bytes(64 << 20).queue_bytes(1).exporter(exporter);
        builder.drain_interval(PATIENCE)
    });
    trial.recorder.force_flush(PATIENCE).unwrap();
    let span = trial.start("span").unwrap();
    (0..60_000).for_each(|_| trial.event(&span, Event::new("e")).unwrap());
    trial.stop(&span).unwrap();
    trial.finish();
    for record in memory.take() {
        if let onelogger::Record::TelemetryDataError(report) = record {
            let message = report.attributes.get_str("error_message").unwrap().unwrap();
            let counts: Vec<u64> =
                message.split(' ').filter_map(|word| word.parse().ok()).collect();
            assert!(counts.len() == 2 && counts[0] <= counts[1], "{message}");
        }
    }
}
