//! Iterations, and the figures that are made of them.

use onelogger::{SpanFilter, span};
use onelogger_training::{StandardSpan, TrainStart, TrainingTelemetryProvider};

use crate::support::{Job, small, strict, with_throughput};

const UPDATE: &str = "training_metrics_update";

#[test]
fn p52_an_iteration_without_length_is_an_iteration() {
    let job = Job::new(with_throughput());
    job.begin();
    job.iterate(0);
    job.iterate(0);
    job.iterate(2000);
    job.iterate(1000);
    let recorded = job.finish();
    let [none, update] = &recorded.told(UPDATE)[..] else { panic!() };
    assert_eq!(none.int("num_iterations"), Some(2));
    assert_eq!(none.float("train_throughput_per_gpu"), None);
    assert_eq!(none.int("total_flops"), Some(16_000_000_000_000));
    assert_eq!(update.int("num_iterations"), Some(4));
    assert_eq!(update.float("train_throughput_per_gpu_max"), Some(8.0));
    assert_eq!(update.float("train_throughput_per_gpu_min"), Some(4.0));
}

#[test]
fn p53_extremes_are_those_of_single_iterations() {
    let job = Job::new(with_throughput());
    job.begin();
    job.iterate(8000);
    job.iterate(1000);
    let recorded = job.finish();
    let update = &recorded.told(UPDATE)[0];
    assert_eq!(update.float("train_throughput_per_gpu"), Some(16.0 / 9.0));
    assert_eq!(update.float("train_throughput_per_gpu_max"), Some(8.0));
    assert_eq!(update.float("train_throughput_per_gpu_min"), Some(1.0));
}

#[test]
fn p54_the_interval_is_the_real_one() {
    let job = Job::new(small().log_every_n_train_iterations(4));
    job.telemetry.on_app_start().unwrap();
    job.telemetry.on_train_start(TrainStart::at_iteration(10)).unwrap();
    (0..7).for_each(|_| job.iterate(100));
    job.telemetry.on_train_end().unwrap();
    let recorded = job.finish();
    let intervals: Vec<_> =
        recorded.told(UPDATE).iter().map(|update| update.int("interval")).collect();
    assert_eq!(intervals, [Some(2), Some(4)]);
    assert!(recorded.told("onelogger.training.final_metrics").is_empty());
}

#[test]
fn p54_a_last_update_tells_of_what_came_after_the_others_if_asked_for() {
    let job = Job::new(small().log_every_n_train_iterations(1).additions(true));
    job.begin();
    job.iterate(100);
    job.telemetry.on_train_end().unwrap();
    let recorded = job.finish();
    // The reference never tells of the first iteration of all.
    assert!(recorded.told(UPDATE).is_empty());
    let last = &recorded.told("onelogger.training.final_metrics")[0];
    assert_eq!((last.int("num_iterations"), last.int("interval")), (Some(1), Some(1)));
    assert_eq!(last.span, "training_loop");

    let job = Job::new(small().additions(true));
    job.begin();
    job.iterate(100);
    job.iterate(100);
    job.telemetry.on_train_end().unwrap();
    assert!(job.finish().told("onelogger.training.final_metrics").is_empty());
}

#[test]
fn p55_a_switch_that_is_off_leaves_the_spans_out_and_the_figures_right() {
    let switched_off = small()
        .is_train_iterations_enabled(false)
        .is_validation_iterations_enabled(false)
        .is_test_iterations_enabled(false);
    for (is_on, training) in [(true, small()), (false, switched_off)] {
        let job = Job::showing_all(training);
        job.begin();
        job.iterate(100);
        job.iterate(300);
        job.telemetry.on_validation_start().unwrap();
        job.telemetry.on_validation_single_iteration_start().unwrap();
        job.pass(500);
        job.telemetry.on_validation_single_iteration_end().unwrap();
        job.telemetry.on_validation_end().unwrap();
        job.telemetry.on_testing_start().unwrap();
        job.telemetry.on_testing_single_iteration_start().unwrap();
        job.pass(600);
        job.telemetry.on_testing_single_iteration_end().unwrap();
        job.telemetry.on_testing_end().unwrap();
        let recorded = job.finish();
        let counts = |name: &str| recorded.spans(name).len();
        let spans = [
            counts("training_single_iteration"),
            counts("validation_single_iteration"),
            counts("TESTING_SINGLE_ITERATION"),
        ];
        assert_eq!(spans, if is_on { [2, 1, 1] } else { [0, 0, 0] });
        let update = &recorded.told(UPDATE)[0];
        assert_eq!(update.float("avg_iteration_time_sec"), Some(0.2));
        let validation = &recorded.told("validation_metrics_update")[0];
        assert_eq!(validation.float("max_iteration_time_sec"), Some(0.5));
    }
}

#[test]
fn p68_an_iteration_without_a_span_ends_at_an_impossible_time_too() {
    let job = Job::new(small().is_train_iterations_enabled(false));
    job.begin();
    job.telemetry.on_training_single_iteration_start().unwrap();
    job.pass(100);
    job.telemetry.at(Job::at(3_600_000)).on_training_single_iteration_end().unwrap_err();
    job.iterate(300);
    let recorded = job.finish();
    assert_eq!(recorded.told(UPDATE)[0].float("avg_iteration_time_sec"), Some(0.2));
}

#[test]
fn p56_no_throughput_is_no_figure() {
    let job = Job::new(small().flops_per_sample(7));
    job.begin();
    job.iterate(100);
    job.iterate(100);
    let recorded = job.finish();
    assert_eq!(recorded.told(UPDATE)[0].attributes.get("total_flops"), None);
}

#[test]
fn p57_metrics_bear_the_time_of_their_callback() {
    let job = Job::new(small());
    job.begin();
    job.iterate(1000);
    job.telemetry.on_training_single_iteration_start().unwrap();
    job.pass(1000);
    job.telemetry.on_validation_start().unwrap();
    job.pass(3000);
    job.telemetry.at(Job::at(2500)).on_validation_end().unwrap();
    job.telemetry.at(Job::at(3000)).on_training_single_iteration_end().unwrap();
    job.telemetry.at(Job::at(3500)).on_testing_start().unwrap();
    job.telemetry.at(Job::at(4000)).on_testing_end().unwrap();
    let recorded = job.finish();
    let update = &recorded.told(UPDATE)[0];
    assert_eq!(update.millis, 3000);
    assert_eq!(update.float("max_iteration_time_sec"), Some(2.0));
    assert_eq!(recorded.told("validation_metrics_update")[0].millis, 2500);
    assert_eq!(recorded.told("testing_metrics_update")[0].millis, 4000);
    assert_eq!(recorded.spans("testing_loop"), [(3500, 4000)]);
}

#[test]
fn p58_a_second_loop_is_measured_anew_and_the_job_goes_on() {
    let job = Job::new(with_throughput());
    job.begin();
    job.iterate(8000);
    job.iterate(8000);
    job.telemetry.on_train_end().unwrap();
    job.telemetry.on_train_start(TrainStart::at_iteration(2)).unwrap();
    job.iterate(1000);
    job.iterate(1000);
    job.telemetry.on_save_checkpoint_start(4).unwrap();
    job.telemetry.on_save_checkpoint_success(4).unwrap();
    job.telemetry.on_save_checkpoint_end().unwrap();
    let recorded = job.finish();
    let second = &recorded.told(UPDATE)[1];
    assert_eq!(second.int("num_iterations"), Some(2));
    assert_eq!(second.int("num_train_samples"), Some(16));
    assert_eq!(second.int("current_iteration"), Some(3));
    assert_eq!(second.float("total_iteration_time_sec"), Some(2.0));
    assert_eq!(second.float("train_throughput_per_gpu"), Some(8.0));
    assert_eq!(second.float("train_throughput_per_gpu_min"), Some(8.0));
    let first_finish = second.float("first_logged_train_iterations_finish_timestamp_sec");
    assert_eq!(first_finish, Some(1_700_000_017.0));
    let overall = second.int("completed_floating_point_operations_overall");
    assert_eq!(overall, Some(32_000_000_000_000));
    let saved = &recorded.told("save_checkpoint_success")[0];
    assert_eq!(saved.int("productive_train_iterations"), Some(4));
    assert_eq!(saved.int("productive_train_samples"), Some(32));
    assert_eq!(saved.float("productive_train_iterations_sec"), Some(18.0));
}

#[test]
fn p65_testing_has_iterations_with_times() {
    let job = Job::new(small());
    job.begin();
    job.iterate(100);
    job.telemetry.on_testing_start().unwrap();
    for millis in [250, 750] {
        let iteration = job.telemetry.testing_iteration().unwrap();
        job.pass(millis);
        iteration.end().unwrap();
    }
    job.telemetry.on_testing_end().unwrap();
    let recorded = job.finish();
    let metrics = &recorded.told("testing_metrics_update")[0];
    assert_eq!(metrics.float("avg_iteration_time_sec"), Some(0.5));
    assert_eq!(metrics.float("min_iteration_time_sec"), Some(0.25));
    assert_eq!((metrics.int("interval"), metrics.int("current_iteration")), (Some(1), Some(0)));
}

#[test]
fn p65_what_the_reference_never_fills_in_is_filled_in_if_asked_for() {
    for has_additions in [true, false] {
        let job = Job::new(with_throughput().seq_length(100).additions(has_additions));
        job.begin();
        for loss in [0.5, 0.25] {
            job.telemetry.on_training_single_iteration_start().unwrap();
            for (part, millis) in [
                (StandardSpan::DataLoading, 100),
                (StandardSpan::ModelForward, 300),
                (StandardSpan::ModelBackward, 600),
            ] {
                let part = job.telemetry.recorder().start(part.as_str()).unwrap();
                job.pass(millis);
                job.telemetry.recorder().stop(&part).unwrap();
            }
            job.telemetry.report_loss(loss).unwrap();
            job.telemetry.on_training_single_iteration_end().unwrap();
        }
        let recorded = job.finish();
        let update = &recorded.told(UPDATE)[0];
        let figures = [
            "avg_dataloader_time_sec",
            "avg_forward_time_sec",
            "avg_backward_time_sec",
            "avg_tflops",
            "avg_tokens_per_second",
            "avg_batch_size",
        ];
        let found = figures.map(|name| update.float(name));
        let expected =
            [0.1, 0.3, 0.6, 8.0, 800.0, 8.0].map(|figure| has_additions.then_some(figure));
        assert_eq!(found, expected);
        // The application has said it.
        assert_eq!(update.float("latest_loss"), Some(0.25));
    }
}

#[test]
fn p68_iterations_without_a_loop_do_not_get_stuck() {
    let job = Job::showing_all(small());
    job.telemetry.on_app_start().unwrap();
    job.iterate(100);
    job.telemetry.on_training_single_iteration_start().unwrap();
    let error = job.telemetry.on_training_single_iteration_end().unwrap_err();
    assert!(error.to_string().contains("no training loop is open"), "{error}");
    job.iterate(100);
    // Each has ended and counts, also the one whose metrics had no place.
    job.telemetry.checkpoint(3).save(|| Ok::<_, String>(())).unwrap();
    let recorded = job.finish();
    assert_eq!(recorded.spans("training_single_iteration").len(), 3);
    let saved = &recorded.told("save_checkpoint_success")[0];
    assert_eq!(saved.int("productive_train_iterations"), Some(3));
}

#[test]
fn p101_spans_of_macros_are_measured() {
    let provider = TrainingTelemetryProvider::new(strict()).training_config(small());
    let job = Job::of(provider.export(SpanFilter::all()));
    job.begin();
    for millis in [100, 300] {
        let _iteration = span!(StandardSpan::TrainingIteration);
        job.pass(millis);
    }
    let failed: Result<(), std::fmt::Error> = failing_step(&job);
    failed.unwrap_err();
    let recorded = job.finish();
    assert_eq!(recorded.spans("training_single_iteration").len(), 3);
    let update = &recorded.told(UPDATE)[0];
    assert_eq!(update.float("avg_iteration_time_sec"), Some(0.2));
    assert_eq!(update.int("num_iterations"), Some(2));
    assert_eq!(recorded.told("error").len(), 1);
}

#[onelogger::timed_span(name = "training_single_iteration")]
fn failing_step(job: &Job) -> Result<(), std::fmt::Error> {
    job.pass(50);
    Err(std::fmt::Error)
}

#[test]
fn a_failure_at_an_impossible_time_ends_the_iteration_all_the_same() {
    let job = Job::showing_all(small());
    job.begin();
    job.telemetry.on_training_single_iteration_start().unwrap();
    let too_late = job.telemetry.at(Job::at(3_600_000));
    let bad = std::io::Error::other("bad batch");
    too_late.fail_iteration(&bad).unwrap_err();
    job.iterate(100);
    job.iterate(300);
    // There is none: that is one fault, and not two.
    let before = job.telemetry.recorder().refused_calls();
    job.telemetry.fail_iteration(&bad).unwrap_err();
    assert_eq!(job.telemetry.recorder().refused_calls(), before + 1);
    let recorded = job.finish();
    let errors = recorded.told("error");
    assert_eq!((errors[0].span.as_str(), errors[0].millis), ("training_single_iteration", 0));
    assert_eq!(recorded.told(UPDATE)[0].float("avg_iteration_time_sec"), Some(0.2));
}

#[test]
fn a_failure_of_an_iteration_without_a_span_is_told_of_on_the_loop_s() {
    let job = Job::new(small().is_train_iterations_enabled(false));
    job.begin();
    job.telemetry.on_training_single_iteration_start().unwrap();
    job.telemetry.fail_iteration(&std::io::Error::other("bad batch")).unwrap();
    assert_eq!(job.finish().told("error")[0].span, "training_loop");
}

#[test]
fn figures_stop_at_the_largest_number() {
    let most = i64::MAX;
    let training =
        with_throughput().global_batch_size(most).flops_per_sample(most).seq_length(most);
    let job = Job::new(training.log_every_n_train_iterations(1));
    job.telemetry.on_app_start().unwrap();
    job.telemetry.on_train_start(TrainStart::at_iteration(most)).unwrap();
    job.iterate(1000);
    job.iterate(1000);
    job.save(most, 1);
    let recorded = job.finish();
    let update = &recorded.told(UPDATE)[1];
    assert_eq!(update.int("current_iteration"), Some(most - 1));
    assert_eq!(update.int("num_train_samples"), Some(most));
    assert_eq!(update.int("train_tokens"), Some(most));
    assert!(update.float("completed_floating_point_operations_overall").unwrap() > 1e38);
    assert_eq!(
        update.float("train_throughput_per_gpu"),
        update.float("train_throughput_per_gpu_max")
    );
}

/// A step whose macros are the same callsites each time: of standard spans and others.
fn annotated_step(pass: impl Fn(u64)) {
    let _iteration = span!("training_single_iteration");
    let _layer = span!("layer");
    let _forward = span!("model_forward");
    pass(100);
    drop(span!("kernel", n = 1));
}

#[test]
fn p101_macros_are_measured_whatever_was_configured_before() {
    let before = onelogger::testing::capture();
    annotated_step(|_| ());
    drop(before);
    let job = Job::showing_all(small().additions(true));
    job.begin();
    annotated_step(|millis| job.pass(millis));
    annotated_step(|millis| job.pass(millis));
    let recorded = job.finish();
    let update = &recorded.told(UPDATE)[0];
    assert_eq!(update.float("avg_iteration_time_sec"), Some(0.1));
    assert_eq!(update.float("avg_forward_time_sec"), Some(0.1));
    let step = ["kernel", "model_forward", "layer", "training_single_iteration"];
    assert_eq!(recorded.stops()[..8], [step, step].concat());
    for name in ["layer", "model_forward", "kernel"] {
        assert_eq!(
            recorded.parent_of(name).as_deref(),
            match name {
                "layer" => Some("training_single_iteration"),
                "model_forward" => Some("layer"),
                _ => Some("model_forward"),
            }
        );
    }
}
