//! Slow, failing, panicking and recording exporters beside the file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::recorder::{DefaultRecorderBuilder, RecordError};
use onelogger::{DisableRule, ExporterState, LossReason, RecorderHandle, Span};

use crate::probe::*;
use crate::trial::*;

#[test]
fn slow_and_failing_exporters_cost_the_file_nothing() {
    let (threads, each) = (8, size(20_000, 2_000));
    let probes = [
        Probe::new("slow", Behavior::Slow(Duration::from_millis(2))),
        Probe::new("refuses some", Behavior::RefuseEvery(1_000)),
        Probe::new("refuses all", Behavior::RefuseAll),
        Probe::new("loses", Behavior::LoseOnFlush),
        Probe::new("panics", Behavior::PanicOnCall(3)),
    ];
    let trial = Trial::new("failing", |builder| {
        let builder = builder.lane_policy(WAIT).queue_policy(WAIT);
        probes.iter().fold(builder, |builder, probe| builder.exporter(probe.clone()))
    });
    // A flush for each part: the exporter that panics gets three batches, the one that loses gets
    // as many opportunities.
    for part in 0..4 {
        on_threads(&trial, threads, |thread| {
            for number in 0..each / 4 {
                trial.span_with_event(thread, part * each / 4 + number).unwrap();
            }
        });
        trial.recorder.force_flush(PATIENCE).unwrap();
    }
    let outcome = trial.finish();
    outcome.print("beside failing ones");
    outcome.check_complete();
    assert_eq!(outcome.recorded, (3 * threads * each) as u64);
    for (probe, health) in probes.iter().zip(&outcome.health.exporters[1..]) {
        assert_eq!(probe.accepted(), health.counts.delivered, "{}: {health:?}", health.name);
    }
    let lost: Vec<_> = outcome.health.exporters.iter().map(|one| one.counts.lost_total()).collect();
    assert_eq!(lost[..2], [0, 0]);
    assert!(lost[2..].iter().all(|&lost| lost > 0), "{lost:?}");
    assert_eq!(lost[3], outcome.recorded);
}

#[test]
fn an_exporter_that_panicked_is_not_used_again() {
    let probe = Probe::new("panics", Behavior::PanicOnCall(1));
    let trial = Trial::new("panic", |builder| builder.exporter(probe.clone()));
    for number in 0..3 {
        trial.span_with_event(0, number).unwrap();
        trial.recorder.force_flush(PATIENCE).unwrap();
        let health = trial.recorder.health();
        assert_eq!(health.exporters[1].state, ExporterState::Disabled);
    }
    let outcome = trial.finish();
    outcome.check_complete();
    assert_eq!(probe.0.calls.load(Ordering::Relaxed), 1);
    let counts = outcome.health.exporters[1].counts;
    // The first three records, or those of them that came in the first batch, were in that call.
    let [failed, disabled] =
        [LossReason::ExportFailed, LossReason::ExporterDisabled].map(|reason| counts.lost(reason));
    assert!((1..=3).contains(&failed));
    assert_eq!((failed + disabled, counts.delivered), (9, 0));
}

/// An exporter that records with the recorder that it exports for, and stops a span of it.
struct Recording {
    recorder: Arc<OnceLock<RecorderHandle>>,
    span: Arc<Mutex<Option<Span>>>,
    delivered: Arc<AtomicU64>,
}

impl Exporter for Recording {
    fn name(&self) -> &str {
        "records"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let Some(recorder) = self.recorder.get() else {
            return Ok(());
        };
        let own = |name: &str| name.starts_with("onelogger.");
        let counted = records.iter().filter(|record| !own(record.name()));
        self.delivered.fetch_add(counted.count() as u64, Ordering::Relaxed);
        // The last records come while the recorder is being closed, and then it refuses.
        let Ok(span) = recorder.start("of the exporter") else {
            return Ok(());
        };
        let is_accepted = |result| matches!(result, Ok(()) | Err(RecordError::Closed));
        assert!(is_accepted(recorder.event(&span, "of the exporter")));
        assert!(is_accepted(recorder.event(None, "of the exporter")));
        assert!(is_accepted(recorder.stop(&span)));
        if let Some(span) = self.span.lock().unwrap().take() {
            recorder.stop(&span).unwrap();
        }
        // An exporter that waited for itself would do so for ten minutes.
        let _ = recorder.force_flush(PATIENCE);
        Ok(())
    }
}

fn check_recording_exporter(
    name: &str,
    settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
) {
    let exporter =
        Recording { recorder: Arc::default(), span: Arc::default(), delivered: Arc::default() };
    let (recorder, span) = (Arc::clone(&exporter.recorder), Arc::clone(&exporter.span));
    let delivered = Arc::clone(&exporter.delivered);
    let trial = Trial::new(name, |builder| settings(builder).exporter(exporter));
    let open = trial.start("stopped by the exporter").unwrap();
    recorder.set(trial.recorder.clone()).unwrap();
    for number in 0..100 {
        trial.span_with_event(0, number).unwrap();
    }
    trial.recorder.force_flush(PATIENCE).unwrap();
    *span.lock().unwrap() = Some(open.clone());
    trial.span_with_event(0, 100).unwrap();
    trial.recorder.force_flush(PATIENCE).unwrap();
    assert!(open.is_stopped());
    // The stop that the exporter made.
    trial.stops.fetch_add(1, Ordering::Relaxed);
    let outcome = trial.finish();
    outcome.check_complete();
    assert_eq!(outcome.recorded, 305);
    assert_eq!(outcome.contents.truncated, 0);
    // In synchronous mode the first start came before the exporter knew the recorder.
    let early = 305 - delivered.load(Ordering::Relaxed);
    assert!(early <= 1, "{early} records are missing");
}

#[test]
fn an_exporter_that_records_does_not_feed_itself() {
    check_recording_exporter("recording", |builder| builder);
}

#[test]
fn an_exporter_that_records_does_not_feed_itself_in_synchronous_mode() {
    check_recording_exporter("recording-synchronous", DefaultRecorderBuilder::synchronous);
}

#[test]
fn an_exporter_that_was_switched_off_by_the_rule_stays_off_and_is_counted() {
    let probe = Probe::new("refuses all", Behavior::RefuseAll);
    let trial = Trial::new("rule", |builder| {
        builder.lane_policy(WAIT).disable_rule(DisableRule::AfterTotal(3)).exporter(probe.clone())
    });
    on_threads(&trial, 4, |thread| {
        (0..500).for_each(|number| trial.span_with_event(thread, number).unwrap());
    });
    trial.recorder.force_flush(PATIENCE).unwrap();
    assert_eq!(trial.recorder.health().exporters[1].state, ExporterState::Disabled);
    let outcome = trial.finish();
    outcome.print("rule");
    outcome.check_complete();
    let disabled = &outcome.health.exporters[1].counts;
    let lost =
        [LossReason::ExportFailed, LossReason::ExporterDisabled].map(|why| disabled.lost(why));
    assert_eq!(lost, [3, outcome.recorded - 3]);
}
