//! A training job: a line is fitted to points, in steps with forward pass, backward pass and optimizer, with
//! validations and checkpoints. What is recorded is what a real job would record.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example train [FILE]
//! ```
//!
//! Checkpoints and, without FILE, the records are left below the system's directory for temporary files.
//! Look at the records with the example `show`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs, io, thread};

use onelogger::{FileExporter, OneLoggerConfig, read};
use onelogger_training::{
    Finalizer, Ranks, RecordingRanks, TrainStart, TrainingConfig, TrainingTelemetry,
    TrainingTelemetryProvider, telemetry,
};

const STEPS: usize = 400;
const BATCH: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("onelogger-train-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let file = env::args_os().nth(1).map_or_else(|| directory.join("run.jsonl"), PathBuf::from);
    let file = FileExporter::new(file);
    let path = file.path();

    let config = OneLoggerConfig::builder("fit a line").session_tag("example").world_size(1);
    let training = TrainingConfig::builder()
        .perf_tag("line")
        .global_batch_size(BATCH as i64)
        .log_every_n_train_iterations(100)
        .additions(true);
    let mut provider =
        TrainingTelemetryProvider::new(config).training_config(training).exporter(file);
    if let Some(ranks) = Ranks::from_environment() {
        provider = provider.ranks(ranks, RecordingRanks::First);
    }
    {
        let _onelogger = provider.configure()?;
        let model = train(&telemetry(), &directory)?;
        println!("y = {:.2} x + {:.2}", model.slope, model.offset);
    }

    if let Some(path) = path.get() {
        let log = read::file(&path)?;
        let completeness = log.runs().iter().map(|run| run.completeness().to_string());
        println!("{}: {}", path.display(), completeness.collect::<String>());
    }
    Ok(())
}

fn train(telemetry: &TrainingTelemetry, directory: &Path) -> Result<Line, Box<dyn Error>> {
    let _application = telemetry.application()?;
    let mut line = {
        let _init = telemetry.model_init()?;
        Line::default()
    };
    let mut writers = Vec::new();
    let training = telemetry.training_loop(TrainStart::default())?;
    for (step, points) in telemetry.train_iter(loader(STEPS)).enumerate() {
        let errors = {
            let _forward = telemetry.forward()?;
            line.errors(&points)
        };
        let gradient = {
            let _backward = telemetry.backward()?;
            Line::gradient(&points, &errors)
        };
        {
            let _update = telemetry.optimizer_update()?;
            line.descend(&gradient);
        }
        telemetry.report_loss(mean_square(&errors))?;
        telemetry.work("points", points.len() as u64)?;
        if (step + 1) % 100 == 0 {
            // What follows is no part of the step.
            telemetry.on_training_single_iteration_end()?;
            validate(telemetry, &line)?;
            // Training waits for the copy; a thread writes it.
            let (copy, finalizer) = telemetry.checkpoint(step as i64 + 1).save_async(|| line);
            let path = directory.join(format!("{}.checkpoint", step + 1));
            writers.push(thread::spawn(move || write(&copy, &path, finalizer)));
        }
    }
    training.end()?;
    for writer in writers {
        // One that has panicked has told of it.
        let _ = writer.join();
    }
    // The last one is worth waiting for.
    let last = directory.join("last.checkpoint");
    telemetry.checkpoint(STEPS as i64).save(|| fs::write(last, line.to_string()))?;
    Ok(line)
}

fn write(line: &Line, path: &Path, finalizer: Finalizer) {
    match fs::write(path, line.to_string()) {
        Ok(()) => finalizer.succeed(),
        Err(error) => finalizer.fail(&error),
    }
}

fn validate(telemetry: &TrainingTelemetry, line: &Line) -> io::Result<()> {
    let validation = telemetry.validation_loop();
    let iteration = telemetry.validation_iteration();
    let points = loader(1).next().unwrap_or_default();
    let loss = mean_square(&line.errors(&points));
    drop((iteration, validation));
    if loss.is_finite() { Ok(()) } else { Err(io::Error::other("the loss has no limit")) }
}

type Points = Vec<(f64, f64)>;

/// Points on a line, in batches that are read from nowhere.
fn loader(batches: usize) -> impl Iterator<Item = Points> {
    let point = |number: usize| {
        let x = (number * 37 % 101) as f64 / 101.0;
        (x, 3.0 * x + 0.5)
    };
    (0..batches).map(move |batch| (batch * BATCH..(batch + 1) * BATCH).map(point).collect())
}

fn mean_square(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64
}

#[derive(Clone, Copy, Debug, Default)]
struct Line {
    slope: f64,
    offset: f64,
}

impl Line {
    fn errors(&self, points: &Points) -> Vec<f64> {
        points.iter().map(|(x, y)| self.slope * x + self.offset - y).collect()
    }

    fn gradient(points: &Points, errors: &[f64]) -> Line {
        let share = 2.0 / points.len() as f64;
        let slope = points.iter().zip(errors).map(|((x, _), error)| error * x * share).sum();
        Line { slope, offset: errors.iter().map(|error| error * share).sum() }
    }

    fn descend(&mut self, gradient: &Line) {
        self.slope -= 0.5 * gradient.slope;
        self.offset -= 0.5 * gradient.offset;
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.slope, self.offset)
    }
}
