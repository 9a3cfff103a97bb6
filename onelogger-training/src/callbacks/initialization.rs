//! What comes before training.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, Outcome, Span};

use super::phase;
use crate::{StandardSpan, TrainingTelemetry};

impl TrainingTelemetry {
    phase!(
        on_distributed_init_start,
        on_distributed_init_end,
        DistributedInit,
        "the search of processes for each other"
    );
    phase!(
        on_dataloader_init_start,
        on_dataloader_init_end,
        DataLoaderInit,
        "the making of data loaders"
    );
    phase!(on_model_init_start, on_model_init_end, ModelInit, "the making of the model");
    phase!(
        on_optimizer_init_start,
        on_optimizer_init_end,
        OptimizerInit,
        "the making of the optimizer"
    );
    phase!(
        on_load_checkpoint_start,
        on_load_checkpoint_end,
        CheckpointLoad,
        "the loading of a checkpoint"
    );
}
