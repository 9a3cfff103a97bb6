//! One variant of the job, in this process.

use std::error::Error;
use std::hint::black_box;
use std::str::FromStr;
use std::time::Duration;
use std::{env, fs, process};

use onelogger::{FileExporter, OneLoggerConfig, SpanFilter, recorder};
use onelogger_training::{
    TrainStart, TrainingConfig, TrainingTelemetry, TrainingTelemetryProvider, telemetry,
};

use super::network::Network;
use super::step::{BATCH, HIDDEN, RATE, step};
use super::wines::{Batch, MEASURES, Wines};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Steps before the measured ones: afterwards threads, lanes and the memory they use are there.
const WARM_UP: usize = 20;

/// As a job has it that writes metrics.
const LOG_EVERY: i64 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Code without a call of telemetry.
    Bare,
    /// A rank that is silent.
    Off,
    /// The default: metrics and loops are exported, steps and their parts are not.
    On,
    /// All spans are exported.
    All,
}

impl Variant {
    pub(crate) const ALL: [Variant; 4] = [Variant::Bare, Variant::Off, Variant::On, Variant::All];

    fn name(self) -> &'static str {
        match self {
            Variant::Bare => "bare",
            Variant::Off => "off",
            Variant::On => "on",
            Variant::All => "all",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Variant::Bare => "without telemetry",
            Variant::Off => "off",
            Variant::On => "on, steps not exported",
            Variant::All => "on, all exported",
        }
    }

    /// How many per cent of the bare step's instructions may come on top on the training thread.
    pub(crate) fn bar_percent(self) -> Option<f64> {
        match self {
            Variant::Bare => None,
            Variant::Off => Some(0.5),
            Variant::On => Some(1.0),
            Variant::All => Some(2.0),
        }
    }

    /// The arguments of this program that run it.
    pub(crate) fn arguments(self, steps: usize) -> [String; 3] {
        ["run".to_owned(), self.name().to_owned(), steps.to_string()]
    }
}

impl FromStr for Variant {
    type Err = Box<dyn Error>;

    fn from_str(name: &str) -> Outcome<Variant> {
        let known = Variant::ALL.into_iter().find(|variant| variant.name() == name);
        known.ok_or_else(|| format!("`{name}` is no variant").into())
    }
}

/// What a run tells of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// CPU time of all threads, from the first step until all records are exported.
    pub(crate) cpu_nanos: u64,
    /// What has become of the network: the same in each variant.
    pub(crate) loss: f64,
}

impl Run {
    pub(crate) fn to_line(self) -> String {
        format!("{} {:e}", self.cpu_nanos, self.loss)
    }

    pub(crate) fn parse(line: &str) -> Outcome<Run> {
        let (nanos, loss) = line.trim().split_once(' ').ok_or("the run has told nothing")?;
        Ok(Run { cpu_nanos: nanos.parse()?, loss: loss.parse()? })
    }
}

pub(crate) fn run(variant: Variant, steps: usize) -> Outcome<Run> {
    let (wines, validation) = Wines::load(0, 1);
    let mut network = Network::new(MEASURES, &HIDDEN);
    let batches = |from, count| wines.batches_from(from, BATCH).take(count);
    let cpu_nanos = if variant == Variant::Bare {
        bare_steps(&mut network, batches(0, WARM_UP));
        measure(|| {
            bare_steps(&mut network, batches(WARM_UP, steps));
            Ok(())
        })?
    } else {
        let file = env::temp_dir().join(format!("onelogger-training-{}.jsonl", process::id()));
        let guard = provider(variant).exporter(FileExporter::new(&file)).configure()?;
        let telemetry = telemetry();
        let application = telemetry.application()?;
        let training = telemetry.training_loop(TrainStart::default())?;
        recorded_steps(&telemetry, &mut network, batches(0, WARM_UP))?;
        recorder().force_flush(Duration::from_secs(60))?;
        let nanos = measure(|| {
            recorded_steps(&telemetry, &mut network, batches(WARM_UP, steps))?;
            Ok(recorder().force_flush(Duration::from_secs(60))?)
        })?;
        training.end()?;
        application.end()?;
        drop(guard);
        if variant != Variant::Off {
            fs::remove_file(file)?;
        }
        nanos
    };
    let kept = validation.all();
    Ok(Run { cpu_nanos, loss: network.forward(&kept.inputs).loss(&kept.targets) })
}

fn provider(variant: Variant) -> TrainingTelemetryProvider {
    let config = OneLoggerConfig::builder("training").session_tag("bench").world_size(1);
    let training = TrainingConfig::builder()
        .perf_tag("wines")
        .global_batch_size(BATCH as i64)
        .log_every_n_train_iterations(LOG_EVERY);
    let config = config.enable_for_current_rank(variant != Variant::Off);
    let provider = TrainingTelemetryProvider::new(config).training_config(training);
    match variant {
        Variant::All => provider.export(SpanFilter::all()),
        _ => provider,
    }
}

fn measure(work: impl FnOnce() -> Outcome<()>) -> Outcome<u64> {
    let before = process_cpu_nanos()?;
    work()?;
    Ok(process_cpu_nanos()? - before)
}

/// CPU time of all threads; none has ended.
fn process_cpu_nanos() -> Outcome<u64> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(nanos)
}

/// What [`step`] does, for someone who has never heard of telemetry. Callgrind counts while a thread is in
/// here.
#[inline(never)]
fn bare_steps(network: &mut Network, batches: impl Iterator<Item = Batch>) {
    for batch in batches {
        let pass = network.forward(&batch.inputs);
        let gradient = network.backward(&pass, &batch.targets);
        network.descend(&gradient, RATE);
        black_box(pass.loss(&batch.targets));
    }
}

/// Callgrind counts while a thread is in here.
#[inline(never)]
fn recorded_steps(
    telemetry: &TrainingTelemetry,
    network: &mut Network,
    batches: impl Iterator<Item = Batch>,
) -> Outcome<()> {
    for batch in telemetry.train_iter(batches) {
        black_box(step(telemetry, network, &batch)?);
    }
    Ok(())
}
