//! A job may run for months: what is kept of it does not grow with its steps. A process of its own,
//! because memory is the whole process's.
#![cfg(target_os = "linux")]

use onelogger::exporter::{ExportError, Exporter, Records};
use onelogger::{DefaultRecorder, OneLoggerConfig, SpanFilter};
use onelogger_training::{
    CheckpointStrategy, TrainStart, TrainingConfig, TrainingTelemetryProvider, telemetry,
};

struct Null;

impl Exporter for Null {
    fn name(&self) -> &str {
        "Null"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Memory of this process in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Steps as they come in a long job; saves of which nobody says that they have succeeded.
fn train(steps: std::ops::Range<i64>) {
    let telemetry = telemetry();
    for step in steps {
        let iteration = telemetry.training_iteration().unwrap();
        telemetry.report_loss(1.0 / step as f64).unwrap();
        iteration.end().unwrap();
        if step % 50 == 0 {
            drop(telemetry.checkpoint_save(step).unwrap());
        }
        if step % 500 == 0 {
            let validation = telemetry.validation_loop().unwrap();
            drop(telemetry.validation_iteration().unwrap());
            validation.end().unwrap();
        }
    }
}

#[test]
fn a_million_steps_take_no_more_memory_than_some() {
    let steps = if std::env::var_os("ONELOGGER_FULL").is_some() { 1_000_000 } else { 100_000 };
    let config = OneLoggerConfig::builder("memory").session_tag("").world_size(1);
    let training = TrainingConfig::builder()
        .perf_tag("")
        .global_batch_size(1)
        .log_every_n_train_iterations(10)
        .save_checkpoint_strategy(CheckpointStrategy::Async)
        .additions(true);
    // Without queues, whose memory depends on how busy the machine is.
    let recorder = DefaultRecorder::builder().synchronous();
    let guard = TrainingTelemetryProvider::new(config)
        .training_config(training)
        .recorder(recorder)
        .export(SpanFilter::all())
        .exporter(Null)
        .configure()
        .unwrap();
    let telemetry = telemetry();
    telemetry.on_app_start().unwrap();
    telemetry.on_train_start(TrainStart::default()).unwrap();
    // The lane is used whole by then, and the saves that are remembered are as many as ever will be.
    let warm = 60_000;
    train(1..warm);
    let before = resident();
    train(warm..steps + warm);
    let grown = resident() - before;
    assert!(grown < 1024, "{grown} KiB after {steps} steps");
    telemetry.on_train_end().unwrap();
    telemetry.on_app_end().unwrap();
    let health = telemetry.recorder().health();
    assert_eq!(telemetry.recorder().refused_calls(), 0);
    assert_eq!(health.exporters[0].counts.lost_total(), 0);
    drop(guard);
}
