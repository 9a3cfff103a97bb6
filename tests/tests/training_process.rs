//! What a training does to a process, and a process to its training. In a process of its own, because the
//! library's own messages, and forks, are the whole process's.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use onelogger::exporter::MemoryExporter;
use onelogger::{LoggerConfig, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerProvider};
use onelogger_training::{TrainingConfig, TrainingConfigBuilder, TrainingTelemetryProvider};

/// The tests share what is the process's.
static ALONE: Mutex<()> = Mutex::new(());

fn config() -> OneLoggerConfigBuilder {
    OneLoggerConfig::builder("process").session_tag("").world_size(1)
}

fn training() -> TrainingConfigBuilder {
    TrainingConfig::builder().perf_tag("").global_batch_size(1)
}

/// The library's own messages while a training is configured and closed.
fn messages(file: &Path, is_enabled: bool, exporters: usize) -> String {
    let messages = LoggerConfig { log_file_path_for_info: Some(file.into()), ..Default::default() };
    let config = config().logger_config(messages).enable_for_current_rank(is_enabled);
    let mut provider = TrainingTelemetryProvider::new(config).training_config(training());
    for _ in 0..exporters {
        provider = provider.exporter(MemoryExporter::new().0);
    }
    drop(provider.configure_on(&OneLoggerProvider::new()).unwrap());
    std::fs::read_to_string(file).unwrap_or_default()
}

#[test]
fn a_training_without_exporters_is_warned_of() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let messages =
        |name, is_enabled, exporters| messages(&directory.path().join(name), is_enabled, exporters);
    let warning = messages("none", true, 0);
    assert!(warning.contains("no exporter"), "{warning}");
    assert_eq!(messages("one", true, 1), "");
    // It is to be silent.
    assert_eq!(messages("disabled", false, 0), "");
}

#[cfg(unix)]
mod forks {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use onelogger_training::{TrainStart, TrainingTelemetry};

    use super::*;

    /// Whether the process ends by itself, and well; it does not outlive this.
    fn ends_well(process: libc::pid_t) -> bool {
        let (since, mut status) = (Instant::now(), -1);
        // SAFETY: `status` is valid for writing, and the child is ours.
        while unsafe { libc::waitpid(process, &raw mut status, libc::WNOHANG) } == 0 {
            if since.elapsed() > Duration::from_secs(20) {
                // SAFETY: as above, and it has not been waited for.
                unsafe { libc::kill(process, libc::SIGKILL) };
                // SAFETY: as above.
                unsafe { libc::waitpid(process, &raw mut status, 0) };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        status == 0
    }

    /// Every kind of call: all of them do nothing here.
    fn call_everything(telemetry: &TrainingTelemetry) {
        drop(telemetry.training_loop(TrainStart::default()));
        drop(telemetry.on_validation_start());
        drop(telemetry.on_validation_end());
        drop(telemetry.fail_iteration(&std::fmt::Error));
        drop(telemetry.on_save_checkpoint_success(1));
        drop(telemetry.report_loss(0.5));
        drop(telemetry.work("tokens", 1));
        drop(telemetry.set_training_config(training().build().expect("a configuration")));
        for _ in telemetry.train_iter(0..2) {
            let ((), finalizer) = telemetry.checkpoint(1).save_async(|| ());
            finalizer.succeed();
        }
        drop(onelogger::span!("model_forward"));
        drop(onelogger::span!("checkpoint_save_sync"));
        drop(telemetry.on_app_end());
    }

    #[test]
    fn a_forked_child_waits_for_no_thread_of_its_parent() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let provider = OneLoggerProvider::new();
        let guard = TrainingTelemetryProvider::new(config())
            .training_config(training().additions(true))
            .configure_on(&provider)
            .unwrap();
        let telemetry = TrainingTelemetry::of(provider.recorder());
        telemetry.on_app_start().unwrap();
        telemetry.on_train_start(TrainStart::default()).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        telemetry.report_loss(0.5).unwrap();
                        telemetry.work("tokens", 1).unwrap();
                    }
                });
            }
            let _attached = provider.attach();
            let iteration = telemetry.training_iteration().unwrap();
            let end_well = (0..200).all(|_| {
                // SAFETY: the child ends without cleaning up, whatever other threads were doing.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    call_everything(&telemetry);
                    // SAFETY: ends the child at once.
                    unsafe { libc::_exit(0) };
                }
                ends_well(child)
            });
            is_over.store(true, Ordering::Relaxed);
            assert!(end_well, "a child has hung or died");
            iteration.end().unwrap();
        });
        assert_eq!(telemetry.recorder().refused_calls(), 0);
        drop(guard);
    }
}
