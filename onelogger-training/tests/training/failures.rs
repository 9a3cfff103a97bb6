//! What fails is seen: errors of spans that are not exported, and starts that panic.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onelogger::exporter::{ExportError, Exporter, MemoryExporter, Records};
use onelogger::recorder::RecordError;
use onelogger::{DefaultRecorder, ErrorEvent, OneLoggerProvider, error, span, timed_span};
use onelogger_training::{
    TraceShape, TrainStart, TrainingTelemetry, TrainingTelemetryProvider, names,
};

use crate::support::{Job, Recorded, small, strict};

#[timed_span(name = "training_single_iteration")]
fn annotated_step() -> io::Result<()> {
    Err(io::Error::other("annotated"))
}

/// One by its scope, one by a callback, and one by an `Err` that leaves an annotated function.
fn fail_iterations(telemetry: &TrainingTelemetry) {
    telemetry.training_iteration().unwrap().fail(&io::Error::other("scope")).unwrap();
    telemetry.on_training_single_iteration_start().unwrap();
    telemetry.fail_iteration(&io::Error::other("callback")).unwrap();
    annotated_step().unwrap_err();
}

#[test]
fn an_error_of_a_span_that_is_not_exported_is_told_on_the_nearest_one_that_is() {
    let job = Job::new(small().additions(true));
    job.begin();
    let telemetry = &job.telemetry;
    fail_iterations(telemetry);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _iteration = telemetry.training_iteration().unwrap();
        std::panic::panic_any("out of memory");
    }));
    panicked.unwrap_err();
    {
        let _iteration = telemetry.training_iteration().unwrap();
        let _forward = span!("model_forward");
        let problem = io::Error::other("within");
        error!(problem, "the forward pass has failed");
    }
    {
        let _validation = telemetry.validation_loop().unwrap();
        let iteration = telemetry.validation_iteration().unwrap();
        iteration.fail(&io::Error::other("validation")).unwrap();
    }
    telemetry.on_train_end().unwrap();
    telemetry.on_app_end().unwrap();
    // The starts and stops of seven spans, and none of the errors.
    let counts = &telemetry.recorder().health().exporters[0].counts;
    assert_eq!((counts.withheld, counts.is_balanced()), (14, true));
    let recorded = job.finish();
    let errors = recorded.told("error");
    let told: Vec<_> = errors
        .iter()
        .map(|error| {
            let text = error.attributes.get_str("exception_message").unwrap();
            (text.unwrap_or("none"), error.span.as_str())
        })
        .collect();
    let of_loop = |text| (text, "training_loop");
    assert_eq!(
        told,
        [
            of_loop("scope"),
            of_loop("callback"),
            of_loop("annotated"),
            of_loop("none"),
            of_loop("within"),
            ("validation", "validation_loop"),
        ]
    );
}

/// The Python library tells nothing of what is said by itself of such a span.
#[test]
fn without_additions_only_what_says_that_an_iteration_failed_is_told_above_it() {
    let job = Job::new(small());
    job.begin();
    let telemetry = &job.telemetry;
    fail_iterations(telemetry);
    let span = telemetry.on_training_single_iteration_start().unwrap();
    telemetry.recorder().error(&span, ErrorEvent::new("explicit")).unwrap();
    telemetry.on_training_single_iteration_end().unwrap();
    let recorded = job.finish();
    let errors = recorded.told("error");
    let told = errors.iter().map(|it| it.attributes.get_str("exception_message").unwrap());
    assert_eq!(told.collect::<Vec<_>>(), [Some("scope"), Some("callback")]);
}

#[test]
fn an_error_under_which_nothing_is_exported_is_withheld_and_one_of_a_span_that_is_over_is_refused()
{
    let job = Job::new(small());
    let telemetry = &job.telemetry;
    telemetry.training_iteration().unwrap().fail(&io::Error::other("nowhere")).unwrap();
    telemetry.on_app_start().unwrap();
    let iteration = telemetry.training_iteration().unwrap();
    let over = iteration.span().clone();
    iteration.end().unwrap();
    let late = telemetry.recorder().error(&over, ErrorEvent::new("late")).unwrap_err();
    assert!(matches!(late, RecordError::SpanStopped { .. }), "{late}");
    telemetry.on_app_end().unwrap();
    let counts = &telemetry.recorder().health().exporters[0].counts;
    assert_eq!((counts.withheld, counts.is_balanced()), (5, true));
    assert!(job.finish().told("error").is_empty());
}

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
