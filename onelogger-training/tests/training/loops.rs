//! Loops of one's own: wrapped iterators, saves as closures, work in the application's units.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use onelogger::OneLoggerProvider;
use onelogger_training::{
    Checkpoint, CheckpointStrategy, TrainingTelemetry, TrainingTelemetryProvider,
};

use crate::support::{Job, lenient, small};

const UPDATE: &str = "training_metrics_update";
const SUCCESS: &str = "save_checkpoint_success";

/// Batches that each take a while to come.
fn loader(job: &Job, batches: usize) -> impl Iterator<Item = usize> {
    (0..batches).inspect(|_| job.pass(40))
}

#[test]
fn a_wrapped_loader_tells_waits_and_iterations_apart() {
    let job = Job::showing_all(small().additions(true));
    job.begin();
    let mut batches = Vec::new();
    for batch in job.telemetry.train_iter(loader(&job, 4)) {
        job.pass(60);
        batches.push(batch);
    }
    job.telemetry.on_train_end().unwrap();
    let recorded = job.finish();
    assert_eq!(batches, [0, 1, 2, 3]);
    assert_eq!(
        recorded.spans("training_single_iteration"),
        [(40, 100), (140, 200), (240, 300), (340, 400)]
    );
    let waits = recorded.spans("data_loading");
    assert_eq!(waits, [(0, 40), (100, 140), (200, 240), (300, 340), (400, 400)]);
    let updates = recorded.told(UPDATE);
    assert_eq!(updates.len(), 2);
    assert_eq!(updates[1].float("avg_iteration_time_sec"), Some(0.06));
    assert_eq!(updates[1].float("avg_dataloader_time_sec"), Some(0.04));
    assert_eq!(recorded.data_errors(), 0);
}

#[test]
fn what_follows_a_step_need_not_be_part_of_it() {
    let job = Job::showing_all(small());
    job.begin();
    for step in job.telemetry.train_iter(0..4) {
        job.pass(100);
        if step == 1 {
            job.telemetry.on_training_single_iteration_end().unwrap();
            let saved = job.telemetry.checkpoint(2).save(|| {
                job.pass(700);
                Ok::<_, String>(2)
            });
            assert_eq!(saved, Ok(2));
        }
    }
    assert_eq!(job.telemetry.recorder().refused_calls(), 0);
    let recorded = job.finish();
    let lengths: Vec<_> = recorded
        .spans("training_single_iteration")
        .iter()
        .map(|(start, stop)| stop - start)
        .collect();
    assert_eq!(lengths, [100; 4]);
    assert_eq!(recorded.told(SUCCESS)[0].int("productive_train_iterations"), Some(2));
}

#[test]
fn an_iteration_that_is_left_by_a_break_is_completed_and_one_that_has_failed_is_not() {
    let job = Job::new(small());
    job.begin();
    for batch in job.telemetry.train_iter(0..10) {
        job.pass(100);
        if batch == 1 {
            break;
        }
    }
    for batch in job.telemetry.train_iter(0..10) {
        job.pass(100);
        if batch == 0 {
            job.telemetry.fail_iteration(&io::Error::other("bad batch")).unwrap();
            break;
        }
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut data = job.telemetry.train_iter(0..10);
        assert_eq!(data.next(), Some(0));
        std::panic::panic_any(7);
    }));
    panicked.unwrap_err();
    job.iterate(100);
    job.iterate(100);
    assert_eq!(job.telemetry.recorder().refused_calls(), 0);
    let recorded = job.finish();
    let counts: Vec<_> =
        recorded.told(UPDATE).iter().map(|update| update.int("num_iterations")).collect();
    assert_eq!(counts, [Some(2), Some(4)]);
}

#[test]
fn work_is_told_in_the_units_of_the_application() {
    let job = Job::new(small());
    job.begin();
    for _ in job.telemetry.train_iter(0..2) {
        job.pass(500);
        job.telemetry.work("tokens", 300).unwrap();
        job.telemetry.work("frames", u64::MAX).unwrap();
    }
    for unit in 0..14 {
        job.telemetry.work(format!("unit {unit}"), 1).unwrap();
    }
    let error = job.telemetry.work("one more", 1).unwrap_err();
    assert!(error.to_string().contains("16 units"), "{error}");
    let recorded = job.finish();
    let update = &recorded.told(UPDATE)[0];
    assert_eq!(update.int("onelogger.training.work.tokens"), Some(600));
    assert_eq!(update.float("onelogger.training.rate.tokens"), Some(600.0));
    // As everywhere, what is beyond 64 bits with a sign is a text.
    let frames = update.attributes.get_str("onelogger.training.work.frames");
    assert_eq!(frames, Ok(Some("18446744073709551615")));
}

#[test]
fn a_save_gives_back_what_it_gave_and_is_told() {
    let job = Job::new(small().additions(true));
    job.begin();
    let written = job.telemetry.checkpoint(Checkpoint::of_step(1).directory("/c")).save(|| {
        job.pass(100);
        Ok::<_, io::Error>(4096)
    });
    assert_eq!(written.unwrap(), 4096);
    let failed = job.telemetry.checkpoint(2).save(|| Err::<(), _>("no space left"));
    assert_eq!(failed, Err("no space left"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        job.telemetry.checkpoint(3).save(|| -> Result<(), String> { std::panic::panic_any(7) })
    }));
    panicked.unwrap_err();
    assert_eq!(job.telemetry.recorder().refused_calls(), 0);
    let recorded = job.finish();
    let [success] = &recorded.told(SUCCESS)[..] else { panic!() };
    assert_eq!(success.attributes.get_str("checkpoint_directory"), Ok(Some("/c")));
    assert_eq!((success.int("current_iteration"), success.millis), (Some(1), 100));
    let errors = recorded.told("error");
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[0].attributes.get_str("exception_message"), Ok(Some("no space left")));
    assert_eq!(errors[0].int("current_iteration"), Some(2));
    let failures: Vec<_> = recorded
        .told("onelogger.training.save_checkpoint_failure")
        .iter()
        .map(|failure| failure.int("current_iteration"))
        .collect();
    assert_eq!(failures, [Some(2), Some(3)]);
    assert_eq!(recorded.spans("checkpoint_save_sync").len(), 3);
}

#[test]
fn p66_a_finalizer_knows_its_own_save() {
    let job = Job::new(small().save_checkpoint_strategy(CheckpointStrategy::Async));
    job.begin();
    job.iterate(1000);
    let (copy, first) = job.telemetry.checkpoint(7).save_async(|| {
        job.pass(50);
        "weights"
    });
    assert_eq!(copy, "weights");
    job.iterate(1000);
    let ((), second) = job.telemetry.checkpoint(7).save_async(|| ());
    let ((), lost) = job.telemetry.checkpoint(8).save_async(|| ());
    let ((), broken) = job.telemetry.checkpoint(9).save_async(|| ());
    std::thread::spawn(move || first.size_bytes(7).succeed()).join().unwrap();
    second.succeed();
    drop(lost);
    broken.fail(&io::Error::other("timed out"));
    assert_eq!(job.telemetry.recorder().refused_calls(), 0);
    let recorded = job.finish();
    let told: Vec<_> = recorded
        .told(SUCCESS)
        .iter()
        .map(|told| (told.int("productive_train_iterations"), told.int("checkpoint_size")))
        .collect();
    assert_eq!(told, [(Some(1), Some(7)), (Some(2), None)]);
    let errors = recorded.told("error");
    let steps: Vec<_> = errors.iter().map(|error| error.int("current_iteration")).collect();
    assert_eq!(steps, [Some(8), Some(9)]);
    assert_eq!(errors[0].attributes.get_str("exception_message"), Ok(Some("it was given up")));
    assert_eq!(recorded.spans("checkpoint_save_async")[0], (1000, 1050));
}

#[test]
fn a_save_begins_when_it_was_said_to_and_succeeds_when_it_does() {
    let job = Job::new(small().save_checkpoint_strategy(CheckpointStrategy::Async));
    job.begin();
    job.iterate(1000);
    let earlier = job.telemetry.at(Job::at(900));
    let ((), finalizer) = earlier.checkpoint(1).save_async(|| job.pass(50));
    job.pass(500);
    finalizer.succeed();
    let ((), finalizer) = job.telemetry.at(Job::at(1540)).checkpoint(2).save_async(|| ());
    job.pass(100);
    finalizer.fail(&io::Error::other("timed out"));
    let recorded = job.finish();
    assert_eq!(recorded.spans("checkpoint_save_async")[0], (900, 1050));
    assert_eq!(recorded.told(SUCCESS)[0].millis, 1550);
    assert_eq!(recorded.told("error")[0].millis, 1650);
}

#[test]
fn p66_a_save_that_was_refused_or_has_panicked_makes_nothing_safe() {
    let training = small().save_checkpoint_strategy(CheckpointStrategy::Async);
    let job = Job::of(TrainingTelemetryProvider::new(lenient()).training_config(training));
    job.begin();
    job.iterate(100);
    let (inner, outer) = job.telemetry.checkpoint(1).save_async(|| {
        // There is one at a time: this one is saved, and not recorded.
        job.telemetry.checkpoint(2).save_async(|| ()).1
    });
    assert_eq!(job.telemetry.recorder().refused_calls(), 1);
    inner.succeed();
    outer.succeed();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        job.telemetry.checkpoint(3).save_async(|| std::panic::panic_any(7))
    }));
    panicked.unwrap_err();
    job.telemetry.on_save_checkpoint_success(3).unwrap();
    let recorded = job.finish();
    let told: Vec<_> = recorded
        .told(SUCCESS)
        .iter()
        .map(|told| (told.int("current_iteration"), told.int("productive_train_iterations")))
        .collect();
    assert_eq!(told, [(Some(1), Some(1)), (Some(3), None)]);
}

/// Everything at once, in an order that makes no sense to the telemetry.
fn train_and_save(telemetry: &TrainingTelemetry) {
    let done = Cell::new(0);
    let mut steps = 0;
    for _ in telemetry.train_iter(0..3) {
        steps += 1;
        let _forward = telemetry.forward();
        for _ in telemetry.train_iter(0..2) {
            done.set(done.get() + 1);
        }
        let saved = telemetry.checkpoint(1).save(|| {
            let (inner, finalizer) = telemetry.checkpoint(2).save_async(|| 5);
            finalizer.succeed();
            telemetry.checkpoint(3).save(|| {
                done.set(done.get() + inner);
                Ok::<_, String>(inner)
            })
        });
        assert_eq!(saved, Ok(5));
    }
    assert_eq!((steps, done.get()), (3, 3 * (2 + 5)));
}

#[test]
fn p90_telemetry_never_stops_a_step_or_a_save() {
    train_and_save(&TrainingTelemetry::of(OneLoggerProvider::new().recorder()));
    // Misused: nothing has begun, and everything is within itself.
    let job = Job::of(TrainingTelemetryProvider::new(lenient()));
    train_and_save(&job.telemetry);
    drop(job.finish());
    let job = Job::new(small());
    job.begin();
    train_and_save(&job.telemetry);
    job.telemetry.on_app_end().unwrap();
    // Closed.
    train_and_save(&job.telemetry);
    drop(job.finish());
    let job =
        Job::new(small().is_save_checkpoint_enabled(false).is_train_iterations_enabled(false));
    job.begin();
    train_and_save(&job.telemetry);
    drop(job.finish());
}
