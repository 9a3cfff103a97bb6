//! Figures of the time since the last update, beside those of the whole loop.

use onelogger::Attributes;

use crate::support::{Job, small, with_throughput};

const PREFIX: &str = "onelogger.training.window.";

fn in_window(attributes: &Attributes) -> Vec<(String, f64)> {
    let figures = attributes.iter().filter_map(|(name, _)| {
        let short = name.as_str().strip_prefix(PREFIX)?;
        Some((short.to_owned(), attributes.get_f64(name.as_str()).unwrap()?))
    });
    figures.collect()
}

#[test]
fn p100_an_update_tells_of_the_window_as_well_if_asked_for() {
    for has_additions in [true, false] {
        let job = Job::new(with_throughput().seq_length(100).additions(has_additions));
        job.begin();
        for millis in [100, 300, 400, 1600] {
            job.telemetry.work("frames", millis).unwrap();
            drop(job.telemetry.forward().unwrap());
            job.iterate(millis);
        }
        job.iterate(250);
        job.telemetry.on_train_end().unwrap();
        let recorded = job.finish();
        let update = &recorded.told("training_metrics_update")[1];
        assert_eq!(update.float("avg_iteration_time_sec"), Some(0.6));
        assert_eq!(update.float("total_iteration_time_sec"), Some(2.4));
        if !has_additions {
            assert!(in_window(update.attributes).is_empty());
            continue;
        }
        let expected = [
            ("avg_iteration_time_sec", 1.0),
            ("min_iteration_time_sec", 0.4),
            ("max_iteration_time_sec", 1.6),
            ("total_iteration_time_sec", 2.0),
            ("avg_forward_time_sec", 0.0),
            ("avg_tflops", 8.0),
            ("avg_tokens_per_second", 800.0),
            ("train_throughput_per_gpu", 8.0),
            ("train_throughput_per_gpu_max", 20.0),
            ("train_throughput_per_gpu_min", 5.0),
            ("work.frames", 2000.0),
            ("rate.frames", 1000.0),
        ];
        let expected = expected.map(|(name, figure)| (name.to_owned(), figure));
        assert_eq!(in_window(update.attributes), expected);
        let last = &recorded.told("onelogger.training.final_metrics")[0];
        assert_eq!(last.float("avg_iteration_time_sec"), Some(0.53));
        assert_eq!(in_window(last.attributes)[0].1, 0.25);
    }
}

#[test]
fn p100_a_validation_tells_of_its_own_iterations_as_well_if_asked_for() {
    let job = Job::new(small().additions(true));
    job.begin();
    for millis in [100, 300] {
        let validation = job.telemetry.validation_loop().unwrap();
        let iteration = job.telemetry.validation_iteration().unwrap();
        job.pass(millis);
        iteration.end().unwrap();
        validation.end().unwrap();
    }
    let recorded = job.finish();
    let second = &recorded.told("validation_metrics_update")[1];
    assert_eq!(second.float("avg_iteration_time_sec"), Some(0.2));
    assert_eq!(second.float(&format!("{PREFIX}avg_iteration_time_sec")), Some(0.3));
    assert_eq!(second.float(&format!("{PREFIX}min_iteration_time_sec")), Some(0.3));
}
