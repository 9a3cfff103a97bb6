//! The callbacks of a training, as a scenario names them.

use std::error::Error;

use onelogger::recorder::RecordError;
use onelogger::{ConfigError, Span, Timestamp};
use onelogger_training::{TrainStart, TrainingConfig, TrainingTelemetry};

use crate::scenario::{self, Arguments, Callback};

pub(super) fn config(given: &scenario::TrainingConfig) -> Result<TrainingConfig, ConfigError> {
    let mut builder = TrainingConfig::builder()
        .perf_tag(given.perf_tag_or_fn.clone())
        .global_batch_size(given.global_batch_size_or_fn);
    macro_rules! set {
        ($($field:ident: $method:ident),* $(,)?) => {
            $(if let Some(value) = given.$field.clone() {
                builder = builder.$method(value);
            })*
        };
    }
    set! {
        log_every_n_train_iterations: log_every_n_train_iterations,
        is_train_iterations_enabled_or_fn: is_train_iterations_enabled,
        is_validation_iterations_enabled_or_fn: is_validation_iterations_enabled,
        is_test_iterations_enabled_or_fn: is_test_iterations_enabled,
        is_save_checkpoint_enabled_or_fn: is_save_checkpoint_enabled,
        is_log_throughput_enabled_or_fn: is_log_throughput_enabled,
        flops_per_sample_or_fn: flops_per_sample,
        micro_batch_size_or_fn: micro_batch_size,
        seq_length_or_fn: seq_length,
        train_iterations_target_or_fn: train_iterations_target,
        train_samples_target_or_fn: train_samples_target,
        save_checkpoint_strategy: save_checkpoint_strategy,
        custom_metadata: custom_metadata,
    }
    builder.build()
}

/// The outer error is one of the scenario, the inner one of the library.
pub(super) fn callback(
    telemetry: &TrainingTelemetry,
    callback: &Callback,
) -> Result<Result<Option<Span>, RecordError>, Box<dyn Error>> {
    let Callback { op, args, .. } = callback;
    // As in the Python library, 0 is no time.
    let time = args.time_msec.filter(|&msec| msec != 0.0).map(at);
    let telemetry = &time.map_or_else(|| telemetry.clone(), |time| telemetry.at(time));
    let step = || args.global_step.ok_or("global_step is missing");
    let started = match op.as_str() {
        "on_app_start" => telemetry.on_app_start(),
        "on_distributed_init_start" => telemetry.on_distributed_init_start(),
        "on_dataloader_init_start" => telemetry.on_dataloader_init_start(),
        "on_model_init_start" => telemetry.on_model_init_start(),
        "on_optimizer_init_start" => telemetry.on_optimizer_init_start(),
        "on_load_checkpoint_start" => telemetry.on_load_checkpoint_start(),
        "on_train_start" => telemetry.on_train_start(train_start(args)?),
        "on_training_single_iteration_start" => telemetry.on_training_single_iteration_start(),
        "on_validation_start" => telemetry.on_validation_start(),
        "on_validation_single_iteration_start" => telemetry.on_validation_single_iteration_start(),
        "on_testing_start" => telemetry.on_testing_start(),
        "on_save_checkpoint_start" => telemetry.on_save_checkpoint_start(step()?),
        _ => {
            let ended = match op.as_str() {
                "on_app_end" => telemetry.on_app_end(),
                "on_distributed_init_end" => telemetry.on_distributed_init_end(),
                "on_dataloader_init_end" => telemetry.on_dataloader_init_end(),
                "on_model_init_end" => telemetry.on_model_init_end(),
                "on_optimizer_init_end" => telemetry.on_optimizer_init_end(),
                "on_load_checkpoint_end" => telemetry.on_load_checkpoint_end(),
                "on_train_end" => telemetry.on_train_end(),
                "on_training_single_iteration_end" => telemetry.on_training_single_iteration_end(),
                "on_validation_end" => telemetry.on_validation_end(),
                "on_validation_single_iteration_end" => {
                    telemetry.on_validation_single_iteration_end()
                }
                "on_testing_end" => telemetry.on_testing_end(),
                "on_save_checkpoint_success" => telemetry.on_save_checkpoint_success(step()?),
                "on_save_checkpoint_end" => telemetry.on_save_checkpoint_end(),
                _ => return Err(format!("there is no step `{op}`").into()),
            };
            return Ok(ended.map(|()| None));
        }
    };
    Ok(started.map(Some))
}

fn train_start(args: &Arguments) -> Result<TrainStart, Box<dyn Error>> {
    let start = args.train_iterations_start.ok_or("train_iterations_start is missing")?;
    let mut start = TrainStart::at_iteration(start);
    if let Some(samples) = args.train_samples_start {
        start = start.samples_start(samples);
    }
    if let Some(target) = args.train_iterations_target_or_fn {
        start = start.iterations_target(target);
    }
    if let Some(target) = args.train_samples_target_or_fn {
        start = start.samples_target(target);
    }
    Ok(start)
}

/// Whole microseconds, so that an eighth of a second is exact.
fn at(msec: f64) -> Timestamp {
    Timestamp::from_unix_nanos((msec * 1e3).round() as u64 * 1000)
}
