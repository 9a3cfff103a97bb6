//! Validation and testing.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, Outcome, Span};

use super::phase;
use crate::{StandardSpan, TrainingTelemetry};

/// The end of a loop records its metrics, on its span and before its stop.
impl TrainingTelemetry {
    phase!(on_validation_start, on_validation_end, ValidationLoop, "a validation loop");
    phase!(
        on_validation_single_iteration_start,
        on_validation_single_iteration_end,
        ValidationIteration,
        "a validation iteration"
    );
    phase!(on_testing_start, on_testing_end, TestingLoop, "a testing loop");
    phase!(
        on_testing_single_iteration_start,
        on_testing_single_iteration_end,
        TestingIteration,
        "a testing iteration"
    );
}
