//! The names in the output of a training job.
//!
//! They are part of the public interface: renaming one is a breaking change. They are those of the
//! Python library nv-one-logger; what goes beyond it begins with `onelogger.training.`.

/// Names of spans; [`StandardSpan`](crate::StandardSpan) has them as values.
pub mod span {
    /// The whole run of the application.
    pub const APPLICATION: &str = "application";
    /// From the first training iteration to the last.
    pub const TRAINING_LOOP: &str = "training_loop";
    /// A validation of the model.
    pub const VALIDATION_LOOP: &str = "validation_loop";
    /// A test of the model.
    pub const TESTING_LOOP: &str = "testing_loop";
    /// Processes find each other.
    pub const DIST_INIT: &str = "distributed_code_initialization";
    /// Data loaders are made.
    pub const DATA_LOADER_INIT: &str = "data_loader_initialization";
    /// The model is made.
    pub const MODEL_INIT: &str = "model_initialization";
    /// The optimizer is made.
    pub const OPTIMIZER_INIT: &str = "optimizer_initialization";
    /// A checkpoint is loaded.
    pub const CHECKPOINT_LOAD: &str = "checkpoint_load";
    /// A checkpoint is saved, and training waits.
    pub const CHECKPOINT_SAVE_SYNC: &str = "checkpoint_save_sync";
    /// The part of a save for which training waits, where the rest happens beside it.
    pub const CHECKPOINT_SAVE_ASYNC: &str = "checkpoint_save_async";
    /// What an asynchronous save does at its end.
    pub const CHECKPOINT_SAVE_FINALIZATION: &str = "checkpoint_save_finalization";
    /// One training iteration.
    pub const TRAINING_SINGLE_ITERATION: &str = "training_single_iteration";
    /// One validation iteration.
    pub const VALIDATION_SINGLE_ITERATION: &str = "validation_single_iteration";
    /// One test iteration. In upper case, as the Python library has it: filters name it so.
    pub const TESTING_SINGLE_ITERATION: &str = "TESTING_SINGLE_ITERATION";
    /// Waiting for data.
    pub const DATA_LOADING: &str = "data_loading";
    /// The forward pass.
    pub const MODEL_FORWARD: &str = "model_forward";
    /// Gradients are set to zero.
    pub const ZERO_GRAD: &str = "zero_grad";
    /// The backward pass.
    pub const MODEL_BACKWARD: &str = "model_backward";
    /// The optimizer's step.
    pub const OPTIMIZER_UPDATE: &str = "optimizer_update";

    /// From a checkpoint to the next one, with [`TraceShape::PerCheckpoint`](crate::TraceShape::PerCheckpoint).
    pub const CHECKPOINT_INTERVAL: &str = "onelogger.training.checkpoint_interval";
    /// From the job's start to the application's first word, with
    /// [`job_start`](crate::TrainingTelemetryProvider::job_start).
    pub const START_UP: &str = "onelogger.training.start_up";

    /// What is not exported unless it is asked for: the spans of which there are many.
    pub const NOT_EXPORTED: [&str; 8] = [
        TRAINING_SINGLE_ITERATION,
        VALIDATION_SINGLE_ITERATION,
        TESTING_SINGLE_ITERATION,
        DATA_LOADING,
        MODEL_FORWARD,
        ZERO_GRAD,
        MODEL_BACKWARD,
        OPTIMIZER_UPDATE,
    ];
}

/// Names of groups.
pub mod group {
    /// Spans of which each training step has some, where the [`TraceShape`](crate::TraceShape) is not the
    /// default: those of [`NOT_EXPORTED`](super::span::NOT_EXPORTED).
    pub const PER_STEP: &str = "per_step";
}

/// Names of events.
pub mod event {
    /// On the application's span: what run this is.
    pub const INITIALIZATION: &str = "one_logger_initialization";
    /// On the application's span: the training configuration.
    pub const CONFIG_UPDATE: &str = "update_training_telemetry_config";
    /// On the training loop's span: how training goes.
    pub const TRAINING_METRICS: &str = "training_metrics_update";
    /// On the validation loop's span, at its end.
    pub const VALIDATION_METRICS: &str = "validation_metrics_update";
    /// On the testing loop's span, at its end.
    pub const TESTING_METRICS: &str = "testing_metrics_update";
    /// A checkpoint is safe: on the save's span, or on the application's if the save is asynchronous.
    pub const SAVE_CHECKPOINT_SUCCESS: &str = "save_checkpoint_success";
    /// On the save's span, at its end: how long saves take.
    pub const CHECKPOINT_METRICS: &str = "sync_checkpoint_metrics_update";
    /// On the training loop's span, at its end or that of the application: what `training_metrics_update` would say then.
    pub const FINAL_TRAINING_METRICS: &str = "onelogger.training.final_metrics";
    /// On the span of a synchronous save that ends without success.
    pub const SAVE_CHECKPOINT_FAILURE: &str = "onelogger.training.save_checkpoint_failure";
}

/// Names of attributes. `…_sec` are seconds as a number with a fraction, `…_timestamp_sec` seconds since
/// 1970; a throughput is in 10¹² floating point operations per second.
pub mod attribute {
    macro_rules! attributes {
        ($($(#[doc = $text:literal])* $constant:ident = $name:literal;)*) => {
            $($(#[doc = $text])* pub const $constant: &str = $name;)*
        };
    }

    attributes! {
        /// The number of ranks.
        WORLD_SIZE = "world_size";
        /// The version of this crate.
        VERSION = "one_logger_training_telemetry_version";
        /// Whether this rank records.
        ENABLE_FOR_CURRENT_RANK = "enable_for_current_rank";
        /// What groups the runs that belong together.
        SESSION_TAG = "session_tag";
        /// Whether other runs are compared with this one.
        IS_BASELINE_RUN = "is_baseline_run";
        /// The version of the schema of summary data.
        SUMMARY_DATA_SCHEMA_VERSION = "summary_data_schema_version";
        /// The host.
        NODE_NAME = "node_name";
        /// The rank of this process.
        RANK = "rank";
        /// The rank of this process within its node.
        LOCAL_RANK = "onelogger.training.local_rank";
        /// The number of its node.
        NODE_RANK = "onelogger.training.node_rank";
        /// Metadata of the application's own, a text `key:value` each.
        CUSTOM_METADATA = "custom_metadata";

        /// What groups jobs whose speed may be compared.
        PERF_TAG = "perf_tag";
        /// Samples in an iteration, over all ranks.
        GLOBAL_BATCH_SIZE = "global_batch_size";
        /// Samples in a step of one rank.
        MICRO_BATCH_SIZE = "micro_batch_size";
        /// Tokens in a sample.
        SEQ_LENGTH = "seq_length";
        /// Floating point operations for a sample.
        FLOPS_PER_SAMPLE = "flops_per_sample";
        /// How many iterations lie between two metrics updates.
        LOG_EVERY_N_TRAIN_ITERATIONS = "log_every_n_train_iterations";
        /// At which iteration the job is done.
        TRAIN_ITERATIONS_TARGET = "train_iterations_target";
        /// After how many samples the job is done.
        TRAIN_SAMPLES_TARGET = "train_samples_target";
        /// After how many tokens the job is done.
        TRAIN_TOKENS_TARGET = "train_tokens_target";
        /// `sync` or `async`.
        CHECKPOINT_STRATEGY = "checkpoint_strategy";
        /// Whether training iterations are recorded.
        IS_TRAIN_ITERATIONS_ENABLED = "is_train_iterations_enabled";
        /// Whether validation iterations are recorded.
        IS_VALIDATION_ITERATIONS_ENABLED = "is_validation_iterations_enabled";
        /// Whether test iterations are recorded.
        IS_TEST_ITERATIONS_ENABLED = "is_test_iterations_enabled";
        /// Whether saves of checkpoints are recorded.
        IS_SAVE_CHECKPOINT_ENABLED = "is_save_checkpoint_enabled";
        /// Whether throughput is computed.
        IS_LOG_THROUGHPUT_ENABLED = "is_log_throughput_enabled";

        /// The iteration that a loop began with, counted over all jobs of a training.
        TRAIN_ITERATIONS_START = "train_iterations_start";
        /// The samples that came before a loop.
        TRAIN_SAMPLES_START = "train_samples_start";
        /// The iteration that was completed last, from 0; for a save the step it was given.
        CURRENT_ITERATION = "current_iteration";
        /// Iterations completed in this loop.
        NUM_ITERATIONS = "num_iterations";
        /// Samples processed in this loop.
        NUM_TRAIN_SAMPLES = "num_train_samples";
        /// Tokens processed in this loop.
        TRAIN_TOKENS = "train_tokens";
        /// Iterations since the last update of the kind.
        INTERVAL = "interval";
        /// Average length of an iteration.
        AVG_ITERATION_TIME_SEC = "avg_iteration_time_sec";
        /// The shortest iteration.
        MIN_ITERATION_TIME_SEC = "min_iteration_time_sec";
        /// The longest iteration.
        MAX_ITERATION_TIME_SEC = "max_iteration_time_sec";
        /// All iterations together.
        TOTAL_ITERATION_TIME_SEC = "total_iteration_time_sec";
        /// Average length of a forward pass.
        AVG_FORWARD_TIME_SEC = "avg_forward_time_sec";
        /// Average length of a backward pass.
        AVG_BACKWARD_TIME_SEC = "avg_backward_time_sec";
        /// Average wait for data.
        AVG_DATALOADER_TIME_SEC = "avg_dataloader_time_sec";
        /// Throughput of all ranks together.
        AVG_TFLOPS = "avg_tflops";
        /// Tokens per second, of all ranks together.
        AVG_TOKENS_PER_SECOND = "avg_tokens_per_second";
        /// The loss that was reported last.
        LATEST_LOSS = "latest_loss";
        /// Samples in an iteration, on average.
        AVG_BATCH_SIZE = "avg_batch_size";
        /// Floating point operations of all jobs of this training.
        COMPLETED_FLOPS_OVERALL = "completed_floating_point_operations_overall";
        /// Floating point operations of this loop.
        TOTAL_FLOPS = "total_flops";
        /// Throughput of this loop, of one rank.
        TRAIN_THROUGHPUT_PER_GPU = "train_throughput_per_gpu";
        /// The fastest iteration's.
        TRAIN_THROUGHPUT_PER_GPU_MAX = "train_throughput_per_gpu_max";
        /// The slowest iteration's.
        TRAIN_THROUGHPUT_PER_GPU_MIN = "train_throughput_per_gpu_min";
        /// When the first iteration of this loop ended.
        FIRST_FINISH_TIMESTAMP_SEC = "first_logged_train_iterations_finish_timestamp_sec";
        /// When the latest iteration of this loop ended.
        LAST_FINISH_TIMESTAMP_SEC = "last_logged_train_iterations_finish_timestamp_sec";

        /// What the names of work done in this loop begin with; the unit follows.
        WORK_PREFIX = "onelogger.training.work.";
        /// What the names of work per second begin with; the unit follows.
        WORK_RATE_PREFIX = "onelogger.training.rate.";
        /// What the names of figures begin with that are of the time since the last update of the kind, and
        /// not of all; the name of the figure of all follows, or `work.` and `rate.` with the unit.
        WINDOW_PREFIX = "onelogger.training.window.";

        /// Saves begun in this job, with this one.
        SAVE_CHECKPOINT_ATTEMPT_COUNT = "save_checkpoint_attempt_count";
        /// Saves of this job that succeeded, with this one.
        SAVE_CHECKPOINT_SUCCESS_COUNT = "save_checkpoint_success_count";
        /// When the first save of this job succeeded.
        FIRST_SUCCESS_TIMESTAMP_SEC = "first_successful_save_checkpoint_timestamp_sec";
        /// When this save succeeded.
        LATEST_SUCCESS_TIMESTAMP_SEC = "latest_successful_save_checkpoint_timestamp_sec";
        /// Iterations that a restart need not do again.
        PRODUCTIVE_TRAIN_ITERATIONS = "productive_train_iterations";
        /// Samples that a restart need not process again.
        PRODUCTIVE_TRAIN_SAMPLES = "productive_train_samples";
        /// What this job has spent on those iterations.
        PRODUCTIVE_TRAIN_ITERATIONS_SEC = "productive_train_iterations_sec";
        /// What this job had spent on validation iterations by then.
        PRODUCTIVE_VALIDATION_ITERATIONS_SEC = "productive_validation_iterations_sec";
        /// 10¹² floating point operations that a restart need not do again.
        PRODUCTIVE_TRAIN_TFLOPS = "productive_train_tflops";
        /// Size of the checkpoint in bytes.
        CHECKPOINT_SIZE = "checkpoint_size";
        /// Where the checkpoint lies.
        CHECKPOINT_DIRECTORY = "checkpoint_directory";
        /// When the training loop began.
        TRAINING_START_TIMESTAMP_SEC = "training_start_timestamp_sec";
        /// All saves together; of asynchronous ones the part for which training waits.
        SAVE_TIME_TOTAL_SEC = "save_checkpoint_sync_time_total_sec";
        /// The shortest save.
        SAVE_TIME_MIN_SEC = "save_checkpoint_sync_time_min_sec";
        /// The longest save.
        SAVE_TIME_MAX_SEC = "save_checkpoint_sync_time_max_sec";
    }
}
