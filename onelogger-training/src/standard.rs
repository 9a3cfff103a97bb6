use std::fmt;

use onelogger::SpanName;

use crate::names::span;

/// The spans that a training job is made of. Of each there is at most one open at a time.
///
/// Whoever opens one of them, a callback, a guard, `span!` or `#[timed_span]`, has it measured.
///
/// A synchronous save that a macro opens has succeeded if it ends well: not by an `Err`, a panic, a future
/// that is dropped, or an outcome that was set to something else. What is said within it,
/// [success](crate::TrainingTelemetry::on_save_checkpoint_success) or
/// [failure](crate::TrainingTelemetry::on_save_checkpoint_failure), goes before that. Its step is its
/// attribute `current_iteration`, else the iterations completed.
///
/// ```
/// use onelogger_training::StandardSpan;
/// assert_eq!(StandardSpan::ModelForward.as_str(), "model_forward");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StandardSpan {
    /// The whole run of the application.
    Application,
    /// From the first training iteration to the last.
    TrainingLoop,
    /// A validation of the model.
    ValidationLoop,
    /// A test of the model.
    TestingLoop,
    /// Processes find each other.
    DistributedInit,
    /// Data loaders are made.
    DataLoaderInit,
    /// The model is made.
    ModelInit,
    /// The optimizer is made.
    OptimizerInit,
    /// A checkpoint is loaded.
    CheckpointLoad,
    /// A checkpoint is saved, and training waits.
    CheckpointSaveSync,
    /// The part of a save for which training waits.
    CheckpointSaveAsync,
    /// What an asynchronous save does at its end.
    CheckpointSaveFinalization,
    /// One training iteration.
    TrainingIteration,
    /// One validation iteration.
    ValidationIteration,
    /// One test iteration.
    TestingIteration,
    /// Waiting for data.
    DataLoading,
    /// The forward pass.
    ModelForward,
    /// Gradients are set to zero.
    ZeroGrad,
    /// The backward pass.
    ModelBackward,
    /// The optimizer's step.
    OptimizerUpdate,
    /// From a checkpoint to the next one: see [`TraceShape::PerCheckpoint`](crate::TraceShape::PerCheckpoint).
    CheckpointInterval,
}

impl StandardSpan {
    /// All of them.
    pub const ALL: [StandardSpan; 21] = [
        StandardSpan::Application,
        StandardSpan::TrainingLoop,
        StandardSpan::ValidationLoop,
        StandardSpan::TestingLoop,
        StandardSpan::DistributedInit,
        StandardSpan::DataLoaderInit,
        StandardSpan::ModelInit,
        StandardSpan::OptimizerInit,
        StandardSpan::CheckpointLoad,
        StandardSpan::CheckpointSaveSync,
        StandardSpan::CheckpointSaveAsync,
        StandardSpan::CheckpointSaveFinalization,
        StandardSpan::TrainingIteration,
        StandardSpan::ValidationIteration,
        StandardSpan::TestingIteration,
        StandardSpan::DataLoading,
        StandardSpan::ModelForward,
        StandardSpan::ZeroGrad,
        StandardSpan::ModelBackward,
        StandardSpan::OptimizerUpdate,
        StandardSpan::CheckpointInterval,
    ];

    /// Its name in the output.
    pub const fn as_str(self) -> &'static str {
        match self {
            StandardSpan::Application => span::APPLICATION,
            StandardSpan::TrainingLoop => span::TRAINING_LOOP,
            StandardSpan::ValidationLoop => span::VALIDATION_LOOP,
            StandardSpan::TestingLoop => span::TESTING_LOOP,
            StandardSpan::DistributedInit => span::DIST_INIT,
            StandardSpan::DataLoaderInit => span::DATA_LOADER_INIT,
            StandardSpan::ModelInit => span::MODEL_INIT,
            StandardSpan::OptimizerInit => span::OPTIMIZER_INIT,
            StandardSpan::CheckpointLoad => span::CHECKPOINT_LOAD,
            StandardSpan::CheckpointSaveSync => span::CHECKPOINT_SAVE_SYNC,
            StandardSpan::CheckpointSaveAsync => span::CHECKPOINT_SAVE_ASYNC,
            StandardSpan::CheckpointSaveFinalization => span::CHECKPOINT_SAVE_FINALIZATION,
            StandardSpan::TrainingIteration => span::TRAINING_SINGLE_ITERATION,
            StandardSpan::ValidationIteration => span::VALIDATION_SINGLE_ITERATION,
            StandardSpan::TestingIteration => span::TESTING_SINGLE_ITERATION,
            StandardSpan::DataLoading => span::DATA_LOADING,
            StandardSpan::ModelForward => span::MODEL_FORWARD,
            StandardSpan::ZeroGrad => span::ZERO_GRAD,
            StandardSpan::ModelBackward => span::MODEL_BACKWARD,
            StandardSpan::OptimizerUpdate => span::OPTIMIZER_UPDATE,
            StandardSpan::CheckpointInterval => span::CHECKPOINT_INTERVAL,
        }
    }

    /// The names of all.
    pub(crate) const NAMES: [&'static str; StandardSpan::ALL.len()] = {
        let mut names = [""; StandardSpan::ALL.len()];
        let mut place = 0;
        while place < names.len() {
            names[place] = StandardSpan::ALL[place].as_str();
            place += 1;
        }
        names
    };

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<StandardSpan> {
        StandardSpan::ALL.into_iter().find(|standard| standard.as_str() == name)
    }
}

impl SpanName for StandardSpan {
    fn span_name(&self) -> &'static str {
        self.as_str()
    }
}

impl fmt::Display for StandardSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_place_and_its_name() {
        for (place, standard) in StandardSpan::ALL.into_iter().enumerate() {
            assert_eq!(standard as usize, place);
            assert_eq!(StandardSpan::named(standard.as_str()), Some(standard));
        }
        assert_eq!(StandardSpan::named("load"), None);
    }
}
