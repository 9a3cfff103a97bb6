//! Saves of checkpoints, and what they make safe.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use onelogger::recorder::RecordError;
use onelogger::{Outcome, span, timed_span};
use onelogger_training::{Checkpoint, CheckpointStrategy};

use crate::support::{Job, small};

const SUCCESS: &str = "save_checkpoint_success";
const METRICS: &str = "sync_checkpoint_metrics_update";

fn asynchronous() -> Job {
    let job = Job::new(small().save_checkpoint_strategy(CheckpointStrategy::Async));
    job.begin();
    job
}

#[test]
fn p50_where_saves_are_not_recorded_their_callbacks_do_nothing() {
    for strategy in [CheckpointStrategy::Sync, CheckpointStrategy::Async] {
        let training = small().is_save_checkpoint_enabled(false);
        let job = Job::new(training.save_checkpoint_strategy(strategy));
        job.begin();
        let span = job.telemetry.on_save_checkpoint_start(1).unwrap();
        assert!(span.is_disabled());
        job.telemetry.on_save_checkpoint_success(1).unwrap();
        job.telemetry.on_save_checkpoint_failure(1, &io::Error::other("full")).unwrap();
        job.telemetry.on_save_checkpoint_end().unwrap();
        job.telemetry.checkpoint_save(2).unwrap().end().unwrap();
        job.iterate(100);
        job.telemetry.on_train_end().unwrap();
        job.telemetry.on_app_end().unwrap();
        let recorded = job.finish();
        assert_eq!(recorded.stops(), ["training_loop", "application"]);
        assert!(recorded.told(SUCCESS).is_empty() && recorded.told("error").is_empty());
        assert_eq!(recorded.data_errors(), 0);
    }
}

#[test]
fn p51_a_save_begins_when_it_is_said_to() {
    let job = Job::new(small());
    job.begin();
    job.pass(5000);
    job.telemetry.at(Job::at(2000)).on_save_checkpoint_start(1).unwrap();
    job.telemetry.at(Job::at(3000)).on_save_checkpoint_success(1).unwrap();
    job.telemetry.at(Job::at(3500)).on_save_checkpoint_end().unwrap();
    let recorded = job.finish();
    assert_eq!(recorded.spans("checkpoint_save_sync"), [(2000, 3500)]);
    let metrics = &recorded.told(METRICS)[0];
    assert_eq!(metrics.float("save_checkpoint_sync_time_total_sec"), Some(1.5));
    // P57: at the callback's time.
    assert_eq!(metrics.millis, 3500);
}

#[test]
fn p66_a_late_success_of_an_older_save_takes_nothing_back() {
    let job = asynchronous();
    job.iterate(1000);
    job.save(1, 100);
    job.iterate(1000);
    job.save(2, 100);
    job.telemetry.on_save_checkpoint_success(2).unwrap();
    job.telemetry.on_save_checkpoint_success(1).unwrap();
    let recorded = job.finish();
    let [second, first] = &recorded.told(SUCCESS)[..] else { panic!() };
    for success in [second, first] {
        assert_eq!(success.int("productive_train_iterations"), Some(2));
        assert_eq!(success.int("productive_train_samples"), Some(16));
        assert_eq!(success.float("productive_train_iterations_sec"), Some(2.0));
        assert_eq!(success.span, "application");
    }
    assert_eq!(first.int("current_iteration"), Some(1));
    assert_eq!(first.int("save_checkpoint_success_count"), Some(2));
}

#[test]
fn p66_two_saves_of_one_step_are_both_productive() {
    let job = asynchronous();
    job.iterate(1000);
    job.save(7, 100);
    job.save(7, 100);
    job.telemetry.on_save_checkpoint_success(7).unwrap();
    job.telemetry.on_save_checkpoint_success(7).unwrap();
    let recorded = job.finish();
    let productive: Vec<_> = recorded
        .told(SUCCESS)
        .iter()
        .map(|success| success.int("productive_train_iterations"))
        .collect();
    assert_eq!(productive, [Some(1), Some(1)]);
}

#[test]
fn p66_of_a_save_that_never_began_nothing_is_made_up() {
    let job = asynchronous();
    job.iterate(1000);
    job.telemetry.on_save_checkpoint_success(5).unwrap();
    let recorded = job.finish();
    let success = &recorded.told(SUCCESS)[0];
    assert_eq!(success.int("save_checkpoint_success_count"), Some(1));
    let names = ["productive_train_iterations", "productive_train_iterations_sec"];
    assert_eq!(names.map(|name| success.attributes.get(name)), [None, None]);
}

#[test]
fn p66_a_success_after_the_application_is_refused_and_nothing_else() {
    let job = asynchronous();
    job.save(1, 100);
    job.telemetry.on_train_end().unwrap();
    job.telemetry.on_app_end().unwrap();
    let refused = job.telemetry.on_save_checkpoint_success(1);
    assert_eq!(refused, Err(RecordError::Closed));
    assert_eq!(job.finish().told(SUCCESS).len(), 0);
}

#[test]
fn p67_a_save_whose_scope_is_left_without_an_end_is_not_safe() {
    fn save(job: &Job, step: i64) -> io::Result<()> {
        let save = job.telemetry.checkpoint_save(step).unwrap();
        job.pass(100);
        if step == 1 {
            Err(io::Error::other("no space left"))?;
        }
        save.end().unwrap();
        Ok(())
    }
    let job = Job::new(small().additions(true));
    job.begin();
    save(&job, 1).unwrap_err();
    save(&job, 2).unwrap();
    let recorded = job.finish();
    let steps = |name: &str| -> Vec<_> {
        recorded.told(name).iter().map(|told| told.int("current_iteration")).collect()
    };
    assert_eq!(steps(SUCCESS), [Some(2)]);
    assert_eq!(steps("error"), [Some(1)]);
    assert_eq!(steps("onelogger.training.save_checkpoint_failure"), [Some(1)]);
}

#[test]
fn p67_a_save_that_fails_is_told() {
    let job = Job::new(small().additions(true));
    job.begin();
    let save = job.telemetry.checkpoint_save(1).unwrap();
    job.pass(100);
    save.fail(&io::Error::other("no space left")).unwrap();
    // Without a word of why.
    job.save(2, 100);
    // And one that goes well.
    job.telemetry.checkpoint_save(3).unwrap().end().unwrap();
    let recorded = job.finish();
    let error = &recorded.told("error")[0];
    assert_eq!(error.attributes.get_str("exception_message"), Ok(Some("no space left")));
    assert_eq!(error.span, "checkpoint_save_sync");
    let failed: Vec<_> = recorded
        .told("onelogger.training.save_checkpoint_failure")
        .iter()
        .map(|failure| failure.int("current_iteration"))
        .collect();
    assert_eq!(failed, [Some(1), Some(2)]);
    let successes = recorded.told(SUCCESS);
    assert_eq!(successes.len(), 1);
    assert_eq!(successes[0].int("current_iteration"), Some(3));
    assert_eq!(recorded.told(METRICS).len(), 3);
}

#[test]
fn p67_a_failure_of_an_asynchronous_save_is_an_error_of_the_application() {
    let job = asynchronous();
    job.save(1, 100);
    job.telemetry.on_save_checkpoint_failure(1, &io::Error::other("timed out")).unwrap();
    // It can no longer succeed.
    job.telemetry.on_save_checkpoint_success(1).unwrap();
    let recorded = job.finish();
    let error = &recorded.told("error")[0];
    assert_eq!((error.span.as_str(), error.int("current_iteration")), ("application", Some(1)));
    let success = &recorded.told(SUCCESS)[0];
    assert_eq!(success.int("productive_train_iterations"), None);
}

#[test]
fn p65_size_and_place_are_told_where_they_are_known() {
    let job = asynchronous();
    job.save(1, 100);
    let saved = Checkpoint::of_step(1).size_bytes(4096).directory("/checkpoints/1");
    job.telemetry.on_save_checkpoint_success(saved).unwrap();
    let finalization = job.telemetry.checkpoint_save_finalization().unwrap();
    job.pass(50);
    finalization.end().unwrap();
    let recorded = job.finish();
    let success = &recorded.told(SUCCESS)[0];
    assert_eq!(success.int("checkpoint_size"), Some(4096));
    let directory = success.attributes.get_str("checkpoint_directory");
    assert_eq!(directory, Ok(Some("/checkpoints/1")));
    assert_eq!(recorded.spans("checkpoint_save_finalization"), [(100, 150)]);
}

#[test]
fn p67_a_failure_is_no_error_of_a_later_save() {
    let job = asynchronous();
    job.save(1, 100);
    job.telemetry.on_save_checkpoint_start(2).unwrap();
    let error = io::Error::other("timed out");
    job.telemetry.on_save_checkpoint_failure(1, &error).unwrap();
    job.telemetry.on_save_checkpoint_failure(2, &error).unwrap();
    job.telemetry.on_save_checkpoint_end().unwrap();
    let recorded = job.finish();
    let spans: Vec<_> = recorded
        .told("error")
        .iter()
        .map(|error| (error.int("current_iteration").unwrap(), error.span.clone()))
        .collect();
    let expected = [(1, "application"), (2, "checkpoint_save_async")];
    assert_eq!(spans, expected.map(|(step, span)| (step, span.to_owned())));
}

#[timed_span(name = "checkpoint_save_sync")]
fn annotated_save(job: &Job, result: io::Result<()>) -> io::Result<()> {
    job.pass(100);
    result
}

#[test]
fn p101_a_save_of_a_macro_has_succeeded_if_it_ends_well_and_nothing_else_was_said() {
    let job = Job::new(small().additions(true));
    job.begin();
    job.iterate(1000);
    annotated_save(&job, Ok(())).unwrap();
    drop(span!("checkpoint_save_sync", current_iteration = 2));
    annotated_save(&job, Err(io::Error::other("no space left"))).unwrap_err();
    span!("checkpoint_save_sync", current_iteration = 4).set_outcome(Outcome::Cancelled);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _save = span!("checkpoint_save_sync", current_iteration = 5);
        std::panic::panic_any("out of memory");
    }));
    panicked.unwrap_err();
    {
        let _save = span!("checkpoint_save_sync", current_iteration = 6);
        job.telemetry.on_save_checkpoint_success(6).unwrap();
    }
    {
        let _save = span!("checkpoint_save_sync", current_iteration = 7);
        job.telemetry.on_save_checkpoint_failure(7, &io::Error::other("short write")).unwrap();
    }
    // One that says itself whether it has succeeded.
    let span = job.telemetry.on_save_checkpoint_start(8).unwrap();
    job.telemetry.recorder().stop(&span).unwrap();
    let recorded = job.finish();
    let steps = |name: &str| -> Vec<_> {
        recorded.told(name).iter().filter_map(|told| told.int("current_iteration")).collect()
    };
    assert_eq!(steps(SUCCESS), [1, 2, 6]);
    let success = &recorded.told(SUCCESS)[0];
    assert_eq!((success.span.as_str(), success.millis), ("checkpoint_save_sync", 1100));
    assert_eq!(success.int("productive_train_iterations"), Some(1));
    assert_eq!(steps("onelogger.training.save_checkpoint_failure"), [1, 4, 5, 8]);
    assert_eq!(recorded.told(METRICS).len(), 8);
}
