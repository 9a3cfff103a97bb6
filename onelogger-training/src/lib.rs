//! Telemetry of training jobs, on top of [`onelogger`]: how long the phases of a job take, how fast it
//! trains, and how much of its work is safe.
//!
//! ```
//! use onelogger::OneLoggerConfig;
//! use onelogger_training::{TrainStart, TrainingConfig, TrainingTelemetryProvider, telemetry};
//! # use onelogger::FileExporter;
//! # fn step() {}
//! # fn save() -> std::io::Result<()> { Ok(()) }
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("run.jsonl");
//!
//! let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(8);
//! let training = TrainingConfig::builder()
//!     .perf_tag("llama-8b")
//!     .global_batch_size(512)
//!     .log_every_n_train_iterations(2);
//! let _onelogger = TrainingTelemetryProvider::new(config)
//!     .training_config(training)
//!     .exporter(FileExporter::new(path))
//!     .configure()?;
//!
//! let telemetry = telemetry();
//! let _application = telemetry.application()?;
//! let training = telemetry.training_loop(TrainStart::default())?;
//! for _ in 0..4 {
//!     let iteration = telemetry.training_iteration()?;
//!     step();
//!     iteration.end()?;
//! }
//! let checkpoint = telemetry.checkpoint_save(4)?;
//! match save() {
//!     Ok(()) => checkpoint.end()?,
//!     Err(error) => checkpoint.fail(&error)?,
//! }
//! training.end()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [The guide](guide::training) has loops of one's own, hooks of frameworks, and jobs that run for weeks;
//! [a page](guide::coming_from_python) has each name of the Python library and its counterpart.
//!
//! # What is recorded
//!
//! Spans, events and attributes are those of the Python library nv-one-logger, record for record
//! ([`names`] has them all); what goes beyond it has names that begin with `onelogger.training.`, and is
//! left out unless [`additions`](TrainingConfigBuilder::additions) are asked for.
//!
//! | span | event | says |
//! | --- | --- | --- |
//! | `application` | `one_logger_initialization` | what run this is |
//! | | `update_training_telemetry_config` | what is trained |
//! | | `save_checkpoint_success`, of an asynchronous save | what a restart need not do again |
//! | `training_loop` | `training_metrics_update` | times of iterations, samples, tokens, throughput |
//! | `validation_loop`, `testing_loop` | `validation_metrics_update`, `testing_metrics_update` | times of their iterations |
//! | `checkpoint_save_sync`, `checkpoint_save_async` | `save_checkpoint_success`, `sync_checkpoint_metrics_update` | how long training waits |
//!
//! Single iterations, and the parts of an iteration, have spans too; those are not exported unless
//! [`export`](TrainingTelemetryProvider::export) says so. All are measured, however they are opened:
//!
//! | by | for |
//! | --- | --- |
//! | callbacks: [`on_train_start`](TrainingTelemetry::on_train_start), … | frameworks with hooks; [`at`](TrainingTelemetry::at) tells of another time than now |
//! | scopes: [`training_loop`](TrainingTelemetry::training_loop), … | loops of one's own; a [`PhaseGuard`] knows of errors and panics |
//! | wrappers: [`train_iter`](TrainingTelemetry::train_iter), [`checkpoint(step).save(…)`](TrainingTelemetry::checkpoint) | the same, with less to write |
//! | `span!` and `#[timed_span]` with the name of a [`StandardSpan`] | code that is annotated already |
//!
//! # Figures
//!
//! - `training_metrics_update` is about one training loop. Totals of the job (completed iterations and
//!   operations, what checkpoints make safe) go on over all of its loops.
//! - An iteration that ends with an error or a panic is not counted. An error that a
//!   scope or [`fail_iteration`](TrainingTelemetry::fail_iteration) tells of a span that is not exported stands on
//!   the nearest one above that is; with [`additions`](TrainingConfigBuilder::additions), whoever tells it. A time that is reported to end before
//!   it begins is not added to any sum.
//! - Extremes of the throughput are those of single iterations.
//! - What is open when the application ends, or the recorder is closed, counts for nothing; with
//!   [`additions`](TrainingConfigBuilder::additions) loops tell their last figures then.
//! - What a checkpoint makes safe never becomes less, in whatever order asynchronous saves succeed.
//! - Iterations, samples and tokens are whole numbers that stop at the largest of 64 bits; floating point
//!   operations that go beyond that become numbers with a fraction.
//!
//! # What is guaranteed
//!
//! What [`onelogger`] guarantees: recording waits for nobody, what is lost is counted, and a misuse (a
//! phase that begins twice, an end without a beginning) is handled as the configuration's
//! [`ErrorHandlingStrategy`](onelogger::ErrorHandlingStrategy) says; by default the call is dropped,
//! counted and reported. A call that is refused changes nothing, but an end is an end: one at a time that
//! makes no sense is one now, and an iteration counts where no training loop is open that its metrics could
//! go to. What is kept of a job does not grow with its length.
//!
//! Standard spans are those of the job, one of a kind at a time, so parts of an iteration that several
//! threads do at once need names of their own. Macros with such a name call the recorder, which costs more
//! than the short way that others take; with [`TraceShape::PerCheckpoint`], and where the training
//! configuration is set later than the provider, all macros do.
#![forbid(unsafe_code)]

mod callbacks;
mod config;
mod guards;
pub mod guide;
mod metrics;
pub mod names;
mod overrides;
mod provider;
mod python_text;
mod ranks;
mod recorder;
mod saver;
mod source;
mod standard;
mod state;
mod telemetry;
mod throughput;
mod train_iter;

pub use callbacks::{Checkpoint, TrainStart};
pub use config::{CheckpointStrategy, TraceShape, TrainingConfig, TrainingConfigBuilder};
pub use guards::PhaseGuard;
pub use overrides::{ConfigOverride, TrainingOverride};
pub use provider::{SetupError, TrainingTelemetryProvider};
pub use ranks::{Ranks, RecordingRanks, job_start};
pub use recorder::TrainingRecorder;
pub use saver::{CheckpointSaver, Finalizer};
pub use standard::StandardSpan;
pub use telemetry::{TrainingTelemetry, telemetry};
pub use train_iter::TrainIter;
