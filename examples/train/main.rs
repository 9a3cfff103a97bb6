//! A training job: a network learns what tasters think of wines, in steps of about a millisecond, with
//! validations and with checkpoints from which a second start goes on.
//!
//! ```text
//! cargo run -q --release -p onelogger-examples --example train
//! cargo run -q --release -p onelogger-examples --example train -- --directory /tmp/run --fail-at 250
//! cargo run -q --release -p onelogger-examples --example train -- --directory /tmp/run
//! cargo run -q --release -p onelogger-examples --example train -- --ranks 4
//! ```
//!
//! At the end stands a table of what was measured; look at the records with the example `show`. `--help` lists
//! the options. With the feature `collector` the records go to the collector that
//! `OTEL_EXPORTER_OTLP_ENDPOINT` names, too, over OTLP/HTTP.

mod checkpoint;
mod network;
mod options;
mod step;
mod table;
mod wines;

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::{env, fs, thread};

use onelogger::{FileExporter, OneLoggerConfig, SpanFilter, timed_span};
use onelogger_training::names::span;
use onelogger_training::{
    Checkpoint, CheckpointStrategy, Finalizer, Ranks, TraceShape, TrainStart, TrainingConfig,
    TrainingTelemetry, TrainingTelemetryProvider, job_start, telemetry,
};

use network::Network;
use options::{HELP, Options};
use step::{BATCH, HIDDEN, step};
use wines::{MEASURES, Wines};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let Some(options) = Options::parse(env::args().skip(1))? else {
        println!("{HELP}");
        return Ok(());
    };
    fs::create_dir_all(&options.directory)?;
    match options.ranks {
        Some(ranks) => start_ranks(&options, ranks)?,
        None => run(&options)?,
    }
    Ok(table::print(&options.directory)?)
}

/// Runs this program once for each rank, as torchrun would, and waits for all.
fn start_ranks(options: &Options, ranks: u32) -> Result {
    let mut rest = Vec::new();
    let mut given = env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--ranks" => drop(given.next()),
            _ => rest.push(argument),
        }
    }
    let mut processes = Vec::new();
    for rank in 0..ranks {
        let mut command = Command::new(env::current_exe()?);
        command.args(&rest).arg("--directory").arg(&options.directory);
        for (name, value) in
            [("RANK", rank), ("WORLD_SIZE", ranks), ("LOCAL_RANK", rank), ("GROUP_RANK", 0)]
        {
            command.env(name, value.to_string());
        }
        // The table of all is printed here.
        processes.push(command.stdout(Stdio::null()).spawn()?);
    }
    let ends = processes.iter_mut().map(Child::wait).collect::<std::io::Result<Vec<_>>>()?;
    match ends.iter().find(|end| !ExitStatus::success(end)) {
        Some(end) => Err(format!("a rank has ended with {end}; start again to go on").into()),
        None => Ok(()),
    }
}

fn run(options: &Options) -> Result {
    let ranks = Ranks::from_environment();
    let config = OneLoggerConfig::builder("wines").session_tag("example").world_size(1);
    let training = TrainingConfig::builder()
        .perf_tag("wines")
        .global_batch_size(BATCH as i64)
        .log_every_n_train_iterations(50)
        .train_iterations_target(options.steps as i64)
        .save_checkpoint_strategy(CheckpointStrategy::Async)
        .additions(true)
        .trace_shape(TraceShape::PerCheckpoint);
    let mut provider = TrainingTelemetryProvider::new(config)
        .training_config(training)
        .exporter(FileExporter::new(options.directory.join("run-{rank}.jsonl")).append());
    if let Some(ranks) = ranks {
        provider = provider.ranks(ranks, options.record.clone());
    }
    if let Some(start) = job_start() {
        provider = provider.job_start(start);
    }
    if options.exports_steps {
        provider = provider.export(SpanFilter::all());
    }
    let _onelogger = with_collector(provider)?.configure()?;
    train(&telemetry(), options, ranks)
}

#[cfg(feature = "collector")]
fn with_collector(provider: TrainingTelemetryProvider) -> Result<TrainingTelemetryProvider> {
    Ok(match env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Ok(endpoint) => {
            provider.exporter(onelogger_otel::OtlpExporter::builder().endpoint(endpoint).build()?)
        }
        Err(_) => provider,
    })
}

#[cfg(not(feature = "collector"))]
#[allow(clippy::unnecessary_wraps, reason = "the other one can fail")]
fn with_collector(provider: TrainingTelemetryProvider) -> Result<TrainingTelemetryProvider> {
    Ok(provider)
}

fn train(telemetry: &TrainingTelemetry, options: &Options, ranks: Option<Ranks>) -> Result {
    let _application = telemetry.application()?;
    let (rank, world_size) = ranks.map_or((0, 1), |ranks| (ranks.rank, ranks.world_size));
    let checkpoints = options.directory.join(format!("rank-{rank}"));
    fs::create_dir_all(&checkpoints)?;

    let loading = telemetry.dataloader_init()?;
    let (wines, validation) = Wines::load(rank as usize, world_size as usize);
    loading.end()?;
    let init = telemetry.model_init()?;
    let mut network = Network::new(MEASURES, &HIDDEN);
    init.end()?;
    let first = resume(telemetry, &checkpoints, &mut network)?;

    let mut writers = Vec::new();
    let training = telemetry.training_loop(TrainStart::at_iteration(first as i64))?;
    let batches = wines.batches_from(first, BATCH).take(options.steps.saturating_sub(first));
    for (number, batch) in (first + 1..).zip(telemetry.train_iter(batches)) {
        if options.fail_at == Some(number) {
            eprintln!("dies in step {number}");
            std::process::abort();
        }
        step(telemetry, &mut network, &batch)?;
        if number % options.save_every == 0 && number < options.steps {
            // What follows is no part of the step.
            telemetry.on_training_single_iteration_end()?;
            validate(telemetry, &network, &validation)?;
            // Training waits for the copy; a thread writes it.
            let saver = telemetry.checkpoint(number as i64);
            let (copy, finalizer) = saver.save_async(|| network.clone());
            let checkpoints = checkpoints.clone();
            writers.push(thread::spawn(move || save_beside(&checkpoints, number, copy, finalizer)));
        }
    }
    training.end()?;
    for writer in writers {
        // One that has panicked has told of it.
        let _ = writer.join();
    }
    if first < options.steps {
        validate(telemetry, &network, &validation)?;
        // The last one is worth waiting for.
        let last =
            Checkpoint::of_step(options.steps as i64).directory(checkpoints.to_string_lossy());
        telemetry
            .checkpoint(last)
            .save(|| checkpoint::write(&checkpoints, options.steps, &mut network))?;
    }
    Ok(())
}

/// Returns the step of the checkpoint from which the training goes on.
fn resume(
    telemetry: &TrainingTelemetry,
    checkpoints: &Path,
    network: &mut Network,
) -> Result<usize> {
    let Some(step) = checkpoint::latest(checkpoints)? else { return Ok(0) };
    let load = telemetry.checkpoint_load()?;
    match checkpoint::read(checkpoints, step, network) {
        Ok(()) => load.end()?,
        Err(error) => {
            load.fail(&error)?;
            return Err(error.into());
        }
    }
    println!("goes on from step {step}");
    Ok(step)
}

fn save_beside(checkpoints: &Path, step: usize, mut network: Network, finalizer: Finalizer) {
    match checkpoint::write(checkpoints, step, &mut network) {
        Ok(bytes) => finalizer.size_bytes(bytes).succeed(),
        Err(error) => finalizer.fail(&error),
    }
}

/// Measured by its name, as a scope would be.
#[timed_span(name = span::VALIDATION_LOOP)]
fn validate(telemetry: &TrainingTelemetry, network: &Network, kept: &Wines) -> Result {
    let iteration = telemetry.validation_iteration()?;
    let batch = kept.all();
    let loss = network.forward(&batch.inputs).loss(&batch.targets);
    iteration.end()?;
    if loss.is_finite() { Ok(()) } else { Err("the loss has no limit".into()) }
}
