//! The standard events, made of what is known of a job.

use onelogger::{Attributes, Event, OneLoggerConfig, Timestamp, Value};

use crate::callbacks::Checkpoint;
use crate::config::{CheckpointStrategy, Fields, TrainingConfig};
use crate::names::{attribute, event};
use crate::python_text;
use crate::ranks::Ranks;
use crate::state::{Evaluation, Figures, Job, Progress, Timer};
use crate::throughput::{to_tera, to_value};

/// Adds a value where there is one.
fn set_some(attributes: &mut Attributes, name: &'static str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        attributes.set(name, value);
    }
}

pub(crate) fn unix_sec(moment: Timestamp) -> f64 {
    moment.unix_nanos as f64 / 1e9
}

pub(crate) fn initialization(config: &OneLoggerConfig, rank: u32, ranks: Option<Ranks>) -> Event {
    let mut event = Event::new(event::INITIALIZATION)
        .with(attribute::WORLD_SIZE, config.world_size())
        .with(attribute::VERSION, env!("CARGO_PKG_VERSION"))
        .with(attribute::ENABLE_FOR_CURRENT_RANK, config.enable_for_current_rank())
        .with(attribute::SESSION_TAG, config.session_tag())
        .with(attribute::IS_BASELINE_RUN, config.is_baseline_run())
        .with(attribute::SUMMARY_DATA_SCHEMA_VERSION, config.summary_data_schema_version())
        .with(attribute::NODE_NAME, node_name())
        .with(attribute::RANK, rank);
    if !config.custom_metadata().is_empty() {
        let entries = python_text::entries(config.custom_metadata());
        event.attributes.set(attribute::CUSTOM_METADATA, entries);
    }
    if let Some(Ranks { local_rank, node_rank, .. }) = ranks {
        set_some(&mut event.attributes, attribute::LOCAL_RANK, local_rank);
        set_some(&mut event.attributes, attribute::NODE_RANK, node_rank);
    }
    event
}

fn node_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "unknown".to_owned() } else { name.trim().to_owned() }
}

pub(crate) fn configuration(config: &TrainingConfig) -> Event {
    let fields: &Fields = &config.0;
    let mut all = Attributes::new()
        .with(attribute::PERF_TAG, fields.perf_tag.clone())
        .with(attribute::GLOBAL_BATCH_SIZE, fields.global_batch_size)
        .with(attribute::LOG_EVERY_N_TRAIN_ITERATIONS, fields.log_every_n_train_iterations);
    set_some(&mut all, attribute::MICRO_BATCH_SIZE, fields.micro_batch_size);
    set_some(&mut all, attribute::SEQ_LENGTH, fields.seq_length);
    set_some(&mut all, attribute::FLOPS_PER_SAMPLE, fields.flops_per_sample);
    set_some(&mut all, attribute::TRAIN_ITERATIONS_TARGET, fields.train_iterations_target);
    set_some(&mut all, attribute::TRAIN_SAMPLES_TARGET, fields.train_samples_target);
    all.set(attribute::CHECKPOINT_STRATEGY, fields.save_checkpoint_strategy.as_str());
    for (name, is_enabled) in [
        (attribute::IS_TRAIN_ITERATIONS_ENABLED, fields.is_train_iterations_enabled),
        (attribute::IS_VALIDATION_ITERATIONS_ENABLED, fields.is_validation_iterations_enabled),
        (attribute::IS_TEST_ITERATIONS_ENABLED, fields.is_test_iterations_enabled),
        (attribute::IS_SAVE_CHECKPOINT_ENABLED, fields.is_save_checkpoint_enabled),
        (attribute::IS_LOG_THROUGHPUT_ENABLED, fields.is_log_throughput_enabled),
    ] {
        all.set(name, is_enabled);
    }
    let metadata = fields.custom_metadata.as_ref().map(python_text::entries);
    set_some(&mut all, attribute::CUSTOM_METADATA, metadata);
    Event::new(event::CONFIG_UPDATE).attributes(all)
}

/// How training goes. `interval` is what it says: the iterations since the last update.
pub(crate) fn training(name: &'static str, job: &Job, world_size: u32) -> Event {
    let training = &job.training;
    let whole = &training.whole;
    let config = job.config.as_deref();
    let mut all = Attributes::new()
        .with(attribute::TRAIN_ITERATIONS_START, training.iterations_start)
        .with(attribute::CURRENT_ITERATION, job.current_iteration())
        .with(attribute::NUM_ITERATIONS, whole.completed)
        .with(attribute::TRAIN_SAMPLES_START, training.samples_start)
        .with(attribute::NUM_TRAIN_SAMPLES, whole.samples)
        .with(attribute::INTERVAL, training.window.completed);
    iteration_times(&mut all, &whole.iterations);
    if job.has_additions() {
        average_times(&mut all, whole, world_size);
    }
    let tokens = config.and_then(|config| config.tokens(whole.samples));
    set_some(&mut all, attribute::TRAIN_TOKENS, tokens);
    if job.has_additions() {
        token_rate(&mut all, whole, tokens);
    }
    set_some(&mut all, attribute::LATEST_LOSS, training.loss);
    if job.has_additions() {
        let batch = whole.samples.checked_div(whole.completed);
        set_some(&mut all, attribute::AVG_BATCH_SIZE, batch);
    }
    if let Some(flops) = job.flops_overall {
        all.set(attribute::COMPLETED_FLOPS_OVERALL, to_value(flops));
        all.set(attribute::TOTAL_FLOPS, to_value(whole.throughput.operations()));
        throughput(&mut all, whole, world_size);
    }
    work(&mut all, whole);
    let first = training.first_end.map(unix_sec);
    set_some(&mut all, attribute::FIRST_FINISH_TIMESTAMP_SEC, first);
    set_some(&mut all, attribute::LAST_FINISH_TIMESTAMP_SEC, training.last_end.map(unix_sec));
    if job.has_additions() {
        let window = &training.window;
        let mut figures = Attributes::new();
        iteration_times(&mut figures, &window.iterations);
        average_times(&mut figures, window, world_size);
        let tokens = config.and_then(|config| config.tokens(window.samples));
        token_rate(&mut figures, window, tokens);
        throughput(&mut figures, window, world_size);
        work(&mut figures, window);
        set_in_window(&mut all, figures);
    }
    Event::new(name).attributes(all)
}

/// Adds figures of a window under names that say so.
fn set_in_window(attributes: &mut Attributes, figures: Attributes) {
    const OURS: &str = "onelogger.training.";
    for (name, value) in figures {
        let name = name.as_str();
        let name = name.strip_prefix(OURS).unwrap_or(name);
        attributes.set(format!("{}{name}", attribute::WINDOW_PREFIX), value);
    }
}

fn iteration_times(attributes: &mut Attributes, iterations: &Timer) {
    if let Some(average) = iterations.average_sec() {
        attributes.set(attribute::AVG_ITERATION_TIME_SEC, average);
        attributes.set(attribute::MIN_ITERATION_TIME_SEC, iterations.shortest_sec());
        attributes.set(attribute::MAX_ITERATION_TIME_SEC, iterations.longest_sec());
        attributes.set(attribute::TOTAL_ITERATION_TIME_SEC, iterations.total_sec());
    }
}

fn average_times(attributes: &mut Attributes, figures: &Figures, world_size: u32) {
    for (name, timer) in [
        (attribute::AVG_FORWARD_TIME_SEC, &figures.forward),
        (attribute::AVG_BACKWARD_TIME_SEC, &figures.backward),
        (attribute::AVG_DATALOADER_TIME_SEC, &figures.data_loading),
    ] {
        set_some(attributes, name, timer.average_sec());
    }
    let throughput = figures.throughput.per_rank(world_size);
    let all_ranks = throughput.map(|throughput| throughput.average * f64::from(world_size));
    set_some(attributes, attribute::AVG_TFLOPS, all_ranks);
}

fn token_rate(attributes: &mut Attributes, figures: &Figures, tokens: Option<i64>) {
    let seconds = figures.iterations.total_sec();
    let rate = tokens.filter(|_| seconds > 0.0).map(|tokens| tokens as f64 / seconds);
    set_some(attributes, attribute::AVG_TOKENS_PER_SECOND, rate);
}

fn throughput(attributes: &mut Attributes, figures: &Figures, world_size: u32) {
    if let Some(throughput) = figures.throughput.per_rank(world_size) {
        attributes.set(attribute::TRAIN_THROUGHPUT_PER_GPU, throughput.average);
        attributes.set(attribute::TRAIN_THROUGHPUT_PER_GPU_MAX, throughput.fastest);
        attributes.set(attribute::TRAIN_THROUGHPUT_PER_GPU_MIN, throughput.slowest);
    }
}

fn work(attributes: &mut Attributes, figures: &Figures) {
    let seconds = figures.iterations.total_sec();
    for (unit, sum) in figures.work.iter() {
        attributes.set(format!("{}{unit}", attribute::WORK_PREFIX), sum);
        if seconds > 0.0 {
            let rate = sum as f64 / seconds;
            attributes.set(format!("{}{unit}", attribute::WORK_RATE_PREFIX), rate);
        }
    }
}

/// The end of a validation or testing loop.
pub(crate) fn evaluation(name: &'static str, evaluation: &Evaluation, job: &Job) -> Event {
    let mut all = Attributes::new()
        .with(attribute::CURRENT_ITERATION, job.current_iteration())
        .with(attribute::INTERVAL, job.completed_overall - evaluation.last_at);
    iteration_times(&mut all, &evaluation.iterations);
    if job.has_additions() {
        let mut figures = Attributes::new();
        iteration_times(&mut figures, &evaluation.window);
        set_in_window(&mut all, figures);
    }
    Event::new(name).attributes(all)
}

/// `progress` is `None` where the save was never begun: what it makes safe is not known then.
pub(crate) fn save_success(
    job: &Job,
    saved: &Checkpoint,
    strategy: CheckpointStrategy,
    progress: Option<Progress>,
    at: Timestamp,
) -> Event {
    let saves = &job.checkpoints;
    let mut all = Attributes::new()
        .with(attribute::CHECKPOINT_STRATEGY, strategy.as_str())
        .with(attribute::CURRENT_ITERATION, saved.step);
    let first = saves.first_success.unwrap_or(at);
    all.set(attribute::FIRST_SUCCESS_TIMESTAMP_SEC, unix_sec(first));
    all.set(attribute::LATEST_SUCCESS_TIMESTAMP_SEC, unix_sec(at));
    all.set(attribute::SAVE_CHECKPOINT_SUCCESS_COUNT, saves.successes);
    if let Some(progress) = progress {
        let validation = progress.validation.as_secs_f64();
        all.set(attribute::PRODUCTIVE_TRAIN_ITERATIONS, progress.iterations);
        all.set(attribute::PRODUCTIVE_TRAIN_SAMPLES, progress.samples);
        all.set(attribute::PRODUCTIVE_TRAIN_ITERATIONS_SEC, progress.training.as_secs_f64());
        all.set(attribute::PRODUCTIVE_VALIDATION_ITERATIONS_SEC, validation);
        set_some(&mut all, attribute::PRODUCTIVE_TRAIN_TFLOPS, progress.flops.map(to_tera));
    }
    set_some(&mut all, attribute::CHECKPOINT_SIZE, saved.size_bytes);
    set_some(&mut all, attribute::CHECKPOINT_DIRECTORY, saved.directory.clone());
    let started = job.training.started.map(unix_sec);
    set_some(&mut all, attribute::TRAINING_START_TIMESTAMP_SEC, started);
    Event::new(event::SAVE_CHECKPOINT_SUCCESS).attributes(all)
}

pub(crate) fn save_times(times: &Timer) -> Event {
    Event::new(event::CHECKPOINT_METRICS)
        .with(attribute::SAVE_TIME_TOTAL_SEC, times.total_sec())
        .with(attribute::SAVE_TIME_MIN_SEC, times.shortest_sec())
        .with(attribute::SAVE_TIME_MAX_SEC, times.longest_sec())
}

pub(crate) fn save_failure(step: i64) -> Event {
    Event::new(event::SAVE_CHECKPOINT_FAILURE).with(attribute::CURRENT_ITERATION, step)
}
