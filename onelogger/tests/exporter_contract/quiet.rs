//! A program that records nothing for a long time.

use std::time::Duration;

use onelogger::exporter::RecordKind;
use onelogger::recorder::DefaultRecorderBuilder;
use onelogger::{DisableRule, ExporterState, LossReason};

use crate::scripted::*;

#[test]
fn an_exporter_that_asks_for_it_is_flushed_though_nothing_is_recorded() {
    let asks = Scripted::new(Script {
        next_flush_after: Some(Duration::from_millis(30)),
        ..Script::default()
    });
    let silent = Scripted::default();
    let job = Job::new(&asks, |builder| builder.exporter(silent.clone()));
    asks.wait_for(&Call::Flush, 5);
    // Nothing was recorded, so nobody else had a reason to call.
    assert_eq!(asks.count(&Call::Export(0)) + asks.count(&Call::Export(1)), 0);
    assert_eq!(silent.calls().len(), 1, "{:?}", silent.calls());

    job.event();
    let before = asks.count(&Call::Flush);
    asks.wait_for(&Call::Flush, before + 5);
    // One flush was asked for; another may have come for the batch.
    assert!(silent.count(&Call::Flush) <= 2, "{:?}", silent.calls());
    assert_eq!(job.close().counts.delivered, 1);
}

#[test]
fn an_exporter_that_would_always_be_called_leaves_time_for_others() {
    let exporter =
        Scripted::new(Script { next_flush_after: Some(Duration::ZERO), ..Script::default() });
    let job = Job::new(&exporter, |builder| builder);
    exporter.wait_for(&Call::Flush, 5);
    let calls = exporter.calls();
    job.close();
    let pauses = calls[1..].windows(2).map(|pair| pair[1].1 - pair[0].1);
    let shortest = pauses.min().expect("several flushes");
    assert!(shortest >= Duration::from_millis(10), "{shortest:?}");
}

#[test]
fn an_exporter_that_asks_is_called_by_nobody_in_synchronous_mode() {
    let exporter =
        Scripted::new(Script { next_flush_after: Some(Duration::ZERO), ..Script::default() });
    let job = Job::new(&exporter, DefaultRecorderBuilder::synchronous);
    job.recorder.event(None, "event").unwrap();
    let calls: Vec<Call> = exporter.calls().into_iter().map(|(call, _)| call).collect();
    assert_eq!(calls, [Call::Open, Call::Export(1), Call::Flush]);
    job.close();
}

#[test]
fn after_an_outage_the_loss_is_told_though_nothing_more_is_recorded() {
    let exporter = Scripted::new(Script {
        refuses: vec![RecordKind::Event, RecordKind::TelemetryDataError],
        ..Script::default()
    });
    let rule = DisableRule::AfterConsecutive(1);
    let job = Job::new(&exporter, |builder| builder.disable_rule(rule));
    job.event();
    job.event();
    assert_eq!(job.health().state, ExporterState::BackingOff);
    exporter.change(|script| script.refuses.clear());
    exporter.wait_for(&Call::Report("2 of 2 records are lost".to_owned()), 1);
    job.wait_until(|health| health.state == ExporterState::Ready);
    let counts = job.close().counts;
    let lost = [LossReason::ExportFailed, LossReason::ExporterDisabled].map(|why| counts.lost(why));
    assert_eq!(lost, [1, 1]);
}
