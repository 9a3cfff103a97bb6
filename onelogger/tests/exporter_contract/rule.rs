//! When an exporter is switched off.

use onelogger::exporter::RecordKind;
use onelogger::{DisableRule, ExporterState, LossReason, SpanStop};

use crate::scripted::*;

const RULE: DisableRule = DisableRule::AfterConsecutive(3);

fn states_after_failing_stops(exporter: &Scripted) -> Vec<ExporterState> {
    let job = Job::new(exporter, |builder| builder.disable_rule(RULE));
    let states = (0..4).map(|_| {
        let span = job.recorder.start("span").unwrap();
        job.flush();
        job.recorder.stop_with(&span, SpanStop::new()).unwrap();
        job.flush();
        job.health().state
    });
    let states = states.collect();
    let health = job.close();
    // At the close there is one more attempt, which finds nothing to send.
    assert_eq!(health.counts.recorded, 8);
    states
}

#[test]
fn what_is_only_taken_over_is_no_success() {
    use ExporterState::{BackingOff, Ready};
    let refuses = || vec![RecordKind::Stop];
    let takes_over = Script { has_sent: Some(false), refuses: refuses(), ..Script::default() };
    let states = states_after_failing_stops(&Scripted::new(takes_over));
    assert_eq!(states, [Ready, Ready, BackingOff, BackingOff]);
    // The same answers of one that has sent the starts.
    let sends = Script { refuses: refuses(), ..Script::default() };
    assert_eq!(states_after_failing_stops(&Scripted::new(sends)), [Ready; 4]);
}

#[test]
fn a_flush_that_fails_counts_and_one_that_has_sent_something_ends_the_row() {
    let exporter =
        Scripted::new(Script { has_sent: Some(false), fails_to_flush: true, ..Script::default() });
    let job = Job::new(&exporter, |builder| builder.disable_rule(RULE));
    job.flush();
    job.flush();
    exporter.change(|script| (script.has_sent, script.fails_to_flush) = (Some(true), false));
    job.flush();
    exporter.change(|script| (script.has_sent, script.fails_to_flush) = (Some(false), true));
    job.flush();
    job.flush();
    assert_eq!(job.health().state, ExporterState::Ready);
    job.flush();
    let health = job.health();
    assert_eq!((health.state, health.failures), (ExporterState::BackingOff, 5));

    // While it is backing off nothing is taken over, and what comes through ends that.
    job.event();
    assert_eq!(job.health().counts.lost(LossReason::ExporterDisabled), 1);
    exporter.change(|script| (script.has_sent, script.fails_to_flush) = (Some(true), false));
    job.wait_until(|health| health.state == ExporterState::Ready);
    job.event();
    assert_eq!(job.close().counts.delivered, 1);
}

#[test]
fn what_cannot_be_opened_is_switched_off_by_the_total() {
    let exporter = Scripted::new(Script { is_unopenable: true, ..Script::default() });
    let rule = DisableRule::AfterTotal(2);
    let job = Job::new(&exporter, |builder| builder.disable_rule(rule));
    assert_eq!(job.health().state, ExporterState::BackingOff);
    // It is opened again when there is something to say: that a record was lost.
    job.event();
    job.wait_until(|health| health.state == ExporterState::Disabled);
    assert_eq!(exporter.count(&Call::Open), 2);
    assert_eq!(job.close().counts.lost(LossReason::ExporterDisabled), 1);
}

#[test]
fn one_that_panics_when_it_is_asked_whether_it_has_sent_is_switched_off() {
    let exporter = Scripted::new(Script { has_sent_panics: true, ..Script::default() });
    let job = Job::new(&exporter, |builder| builder.disable_rule(RULE));
    job.event();
    assert_eq!(job.health().state, ExporterState::Disabled);
    job.event();
    let health = job.close();
    // The panic came after the export, which had taken all.
    assert_eq!((health.counts.delivered, health.counts.lost(LossReason::ExporterDisabled)), (1, 1));
    assert_eq!(health.failures, 1);
}
