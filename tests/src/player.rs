//! Plays a scenario through the public API, with the scenario's clock.

mod training;

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use onelogger::exporter::{Folding, JsonLinesExporter};
use onelogger::recorder::{DefaultRecorderBuilder, RecordError};
use onelogger::{
    Attributes, DefaultRecorder, DisableRule, ErrorEvent, ErrorHandlingStrategy, Event,
    FileExporter, ManualClock, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerProvider,
    RecorderHandle, Span, SpanBuilder, SpanFilter, SpanStop, TelemetryDataError, TimeWindow,
    Timestamp,
};
use onelogger_training::{TrainingTelemetry, TrainingTelemetryProvider};

use crate::compare;
use crate::scenario::{Call, Config, FilterMode, Kind, Scenario, Step, Strategy};

/// Where the recorder works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On threads of its own.
    Asynchronous,
    /// On the thread that records.
    Synchronous,
}

/// Longer than any exporter takes here, so that what is slow is not taken for what is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a scenario in both modes and leaves the records at `out`.
///
/// # Errors
/// If a step is not accepted or refused as the scenario says, if the modes differ, or if a file
/// cannot be written.
pub fn play(scenario: &Scenario, out: &Path) -> Result<(), Box<dyn Error>> {
    let synchronous = out.with_extension("synchronous.jsonl");
    play_in(scenario, Mode::Synchronous, &synchronous)?;
    play_in(scenario, Mode::Asynchronous, out)?;
    let differences = compare::files(&synchronous, out)?;
    std::fs::remove_file(&synchronous)?;
    if !differences.is_empty() {
        return Err(format!("the modes differ:\n{}", differences.join("\n")).into());
    }
    Ok(())
}

/// Plays a scenario in one mode. Whatever stood at `out` is replaced.
///
/// # Errors
/// As [`play`].
pub fn play_in(scenario: &Scenario, mode: Mode, out: &Path) -> Result<(), Box<dyn Error>> {
    // A file that is there already would make the exporter choose another name.
    match std::fs::remove_file(out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let clock = ManualClock::new(nanos(scenario.epoch));
    let provider = OneLoggerProvider::new();
    let (config, recorder) =
        (config(&scenario.config), recorder(scenario, mode, clock.clone(), out)?);
    let filter = filter(scenario);
    let guard = match scenario.kind {
        Kind::Core => {
            let recorder = recorder.filter(filter.unwrap_or_default());
            provider.configure(config.build()?, recorder.build()?)?
        }
        Kind::Training => {
            let training = TrainingTelemetryProvider::new(config).recorder(recorder);
            filter
                .into_iter()
                .fold(training, TrainingTelemetryProvider::export)
                .configure_on(&provider)?
        }
    };
    let mut player = Player {
        scenario,
        recorder: provider.recorder(),
        telemetry: TrainingTelemetry::of(provider.recorder()),
        provider: provider.clone(),
        clock,
        spans: HashMap::new(),
    };
    // The current span of one scenario is none of another's.
    let attached = provider.attach();
    let played = scenario.steps.iter().try_for_each(|step| player.step(step));
    drop(attached);
    drop(guard.close_timeout(PATIENCE));
    if !out.exists() {
        // A rank that is disabled makes no file.
        File::create(out)?;
    }
    played
}

fn config(config: &Config) -> OneLoggerConfigBuilder {
    let mut builder = OneLoggerConfig::builder(&config.application_name)
        .world_size(config.world_size_or_fn)
        .session_tag(&config.session_tag_or_fn)
        .is_baseline_run(config.is_baseline_run_or_fn)
        .enable_for_current_rank(config.enable_for_current_rank.unwrap_or(true))
        .error_handling_strategy(match config.error_handling_strategy {
            Strategy::PropagateExceptions => ErrorHandlingStrategy::PropagateExceptions,
            Strategy::DisableQuietlyAndReportMetricError => {
                ErrorHandlingStrategy::DisableQuietlyAndReportMetricError
            }
        });
    if let Some(metadata) = &config.custom_metadata {
        builder = builder.custom_metadata(metadata.clone());
    }
    if let Some(version) = &config.summary_data_schema_version {
        builder = builder.summary_data_schema_version(version);
    }
    builder
}

/// `None` for whatever the provider exports by default.
fn filter(scenario: &Scenario) -> Option<SpanFilter> {
    let names = || scenario.filter.span_names.clone().unwrap_or_default();
    match scenario.filter.mode {
        FilterMode::All => None,
        FilterMode::Whitelist => Some(SpanFilter::only(names())),
        FilterMode::Blacklist => Some(SpanFilter::except(names())),
    }
}

fn recorder(
    scenario: &Scenario,
    mode: Mode,
    clock: ManualClock,
    out: &Path,
) -> Result<DefaultRecorderBuilder, Box<dyn Error>> {
    let mut builder = DefaultRecorder::builder()
        .manual_clock(clock)
        .fixed_ids()
        .disable_rule(DisableRule::AfterTotal(5))
        // Scenarios do not say how far their explicit times lie from now.
        .time_window(TimeWindow { past: Duration::MAX, future: Duration::MAX });
    builder = if scenario.refuse_writes.is_empty() {
        builder.exporter(FileExporter::new(out).folding(Folding::Always))
    } else {
        let file = RefusingFile::create(out, scenario.refuse_writes.clone())?;
        builder.exporter(JsonLinesExporter::new(file).folding(Folding::Always))
    };
    if mode == Mode::Synchronous {
        builder = builder.synchronous();
    }
    Ok(builder)
}

struct Player<'a> {
    scenario: &'a Scenario,
    provider: OneLoggerProvider,
    recorder: RecorderHandle,
    telemetry: TrainingTelemetry,
    clock: ManualClock,
    spans: HashMap<String, Span>,
}

impl Player<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Box<dyn Error>> {
        if let Some(t) = step.t {
            self.clock.set_elapsed(Duration::from_secs_f64(t));
        }
        let refused_before = self.recorder.refused_calls();
        let result = self.call(&step.call)?;
        let was_refused = match self.scenario.config.error_handling_strategy {
            Strategy::PropagateExceptions => result.is_err(),
            // A refused call succeeds here, and is counted.
            Strategy::DisableQuietlyAndReportMetricError => {
                self.recorder.refused_calls() > refused_before
            }
        };
        match (step.refused, was_refused, result) {
            (false, true, Err(error)) => Err(format!("{step:?} was refused: {error}").into()),
            (true, false, _) => Err(format!("{step:?} was accepted").into()),
            _ => Ok(()),
        }
    }

    /// The outer error is one of the scenario, the inner one of the library.
    fn call(&mut self, call: &Call) -> Result<Result<(), RecordError>, Box<dyn Error>> {
        Ok(match call {
            Call::Start {
                handle,
                name,
                attributes,
                start_event_attributes,
                start_time,
                parent,
            } => {
                let mut span = SpanBuilder::new(name.clone())
                    .attributes(owned(attributes))
                    .start_attributes(owned(start_event_attributes));
                span.start_time = start_time.map(|offset| self.at(offset));
                if let Some(parent) = parent {
                    span = span.parent(&self.span(parent)?);
                }
                self.recorder.start(span).map(|span| {
                    handle.iter().for_each(|handle| {
                        self.spans.insert(handle.clone(), span.clone());
                    });
                })
            }
            Call::Stop { span, stop_event_attributes, stop_time } => {
                let mut stop = SpanStop::new().attributes(owned(stop_event_attributes));
                stop.time = stop_time.map(|offset| self.at(offset));
                self.recorder.stop_with(&self.span(span)?, stop)
            }
            Call::Event { span, name, attributes, time } => {
                let mut event = Event::new(name.clone()).attributes(owned(attributes));
                event.time = time.map(|offset| self.at(offset));
                self.recorder.event(&self.span(span)?, event)
            }
            Call::Error { span, message, exception } => {
                let mut error = ErrorEvent::new(message.clone());
                if let Some(exception) = exception {
                    error = error.exception(&exception.kind, &exception.message);
                    // What the Python library says of an exception that was never raised.
                    error.backtrace = Some("NoneType: None\n".to_owned());
                }
                self.recorder.error(&self.span(span)?, error)
            }
            Call::SetAttributes { span, attributes } => {
                self.recorder.set_attributes(&self.span(span)?, attributes.clone())
            }
            Call::TelemetryDataError { message, attributes } => {
                let mut error = TelemetryDataError::new(message.clone());
                error.attributes = owned(attributes);
                self.recorder.telemetry_data_error(error)
            }
            Call::Close => {
                self.provider.close(PATIENCE)?;
                Ok(())
            }
            Call::SetTrainingConfig => {
                let config = self.scenario.training_config.as_ref();
                let config = training::config(config.ok_or("there is no training_config")?)?;
                self.telemetry.set_training_config(config)
            }
            Call::Callback(callback) => {
                training::callback(&self.telemetry, callback)?.map(|started| {
                    if let (Some(handle), Some(span)) = (&callback.handle, started) {
                        self.spans.insert(handle.clone(), span);
                    }
                })
            }
        })
    }

    fn span(&self, handle: &str) -> Result<Span, Box<dyn Error>> {
        let span = self.spans.get(handle).cloned();
        span.ok_or_else(|| format!("no span was started as `{handle}`").into())
    }

    /// An explicit time, on both of the scenario's clocks.
    fn at(&self, offset: f64) -> Timestamp {
        Timestamp {
            unix_nanos: nanos(self.scenario.epoch + offset),
            monotonic_nanos: Some(nanos(1000.0 + offset)),
        }
    }
}

fn owned(attributes: &Option<Attributes>) -> Attributes {
    attributes.clone().unwrap_or_default()
}

/// Whole microseconds, so that an eighth of a second is exact.
fn nanos(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64 * 1000
}

/// A file that refuses some of the records that are written to it.
struct RefusingFile {
    file: File,
    refuse: Vec<u64>,
    attempts: u64,
}

impl RefusingFile {
    fn create(path: &Path, refuse: Vec<u64>) -> io::Result<RefusingFile> {
        Ok(RefusingFile { file: File::create(path)?, refuse, attempts: 0 })
    }
}

impl Write for RefusingFile {
    /// Takes one line. The library's own records are not among those that a scenario counts.
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let end = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1);
        let line = &text[..end];
        if !compare::is_extra(&serde_json::from_slice(line)?) {
            self.attempts += 1;
            if self.refuse.contains(&self.attempts) {
                return Err(io::Error::other(format!("refused write {}", self.attempts)));
            }
        }
        self.file.write_all(line)?;
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
