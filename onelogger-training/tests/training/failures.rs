//! What fails keeps nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onelogger::exporter::{ExportError, Exporter, MemoryExporter, Records};
use onelogger::recorder::RecordError;
use onelogger::{DefaultRecorder, OneLoggerProvider};
use onelogger_training::{
    TraceShape, TrainStart, TrainingTelemetry, TrainingTelemetryProvider, names,
};

use crate::support::{Recorded, small, strict};

/// An exporter whose panic cannot be put away without another one.
struct Mine {
    is_armed: Arc<AtomicBool>,
}

struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        std::panic::panic_any("the payload's own");
    }
}

impl Exporter for Mine {
    fn name(&self) -> &str {
        "Mine"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        if self.is_armed.swap(false, Ordering::Relaxed) {
            std::panic::panic_any(Payload);
        }
        Ok(())
    }
}

#[test]
fn a_start_that_panics_keeps_no_place() {
    for shape in [TraceShape::One, TraceShape::PerCheckpoint] {
        let is_armed = Arc::new(AtomicBool::new(false));
        let own = OneLoggerProvider::new();
        let (memory, records) = MemoryExporter::new();
        let exporter = Mine { is_armed: Arc::clone(&is_armed) };
        let guard = TrainingTelemetryProvider::new(strict())
            .training_config(small().trace_shape(shape))
            .recorder(DefaultRecorder::builder().synchronous().exporter(exporter).exporter(memory))
            .configure_on(&own)
            .unwrap();
        let telemetry = TrainingTelemetry::of(own.recorder());
        telemetry.on_app_start().unwrap();
        telemetry.on_train_start(TrainStart::default()).unwrap();
        is_armed.store(true, Ordering::Relaxed);
        // Of an interval, where there are such, else of the validation.
        let panicked = telemetry.on_validation_start().unwrap_err();
        assert_eq!(panicked, RecordError::Panicked);
        telemetry.on_validation_start().unwrap();
        drop(guard);
        let parent = Recorded(records.take()).parent_of("validation_loop");
        let expected = match shape {
            TraceShape::PerCheckpoint => names::span::CHECKPOINT_INTERVAL,
            _ => names::span::TRAINING_LOOP,
        };
        assert_eq!(parent.as_deref(), Some(expected));
    }
}
