//! A provider whose configuration a loader reads.

use std::path::Path;

use onelogger::OneLoggerProvider;
use onelogger::config::{Format, Loader};
use onelogger::exporter::MemoryExporter;
use onelogger_training::{
    ConfigOverride, Ranks, RecordingRanks, SetupError, TrainingTelemetry, TrainingTelemetryProvider,
};
use serde_json::Value;

use crate::support::small;

const FILE: &str = r#"{
    "application_name": "trainer", "world_size": 4, "session_tag": "file",
    "custom_metadata": {"team": "speech"},
    "exporters": {"run": {"type": "file", "path": "run-{rank}.jsonl"}}
}"#;

/// Reads `FILE`, and nothing of the environment. The exporter writes below the directory.
fn loader(directory: &Path) -> Loader {
    let path = directory.join("run-{rank}.jsonl").to_str().unwrap().to_owned();
    let none: [(String, String); 0] = [];
    Loader::new().document(Format::Json, FILE).environment(none).set("exporters.run.path", path)
}

/// What a short job writes.
fn run(provider: TrainingTelemetryProvider) -> Result<(), SetupError> {
    let own = OneLoggerProvider::new();
    let guard = provider.training_config(small()).configure_on(&own)?;
    let telemetry = TrainingTelemetry::of(own.recorder());
    telemetry.on_app_start().unwrap();
    telemetry.on_app_end().unwrap();
    drop(guard);
    Ok(())
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(lines: &[Value], name: &str) -> Value {
    let line = lines.iter().find(|line| line["event"]["name"] == name);
    line.unwrap_or_else(|| panic!("no {name} in {lines:?}"))["event"]["attributes"].clone()
}

#[test]
fn exporters_and_the_run_come_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let (exporter, records) = MemoryExporter::new();
    let ranks = Ranks { rank: 2, world_size: 16, local_rank: None, node_rank: None };
    let change: ConfigOverride =
        serde_json::from_str(r#"{"session_tag": "night", "custom_metadata": {"tier": 3}}"#)
            .unwrap();
    let provider = TrainingTelemetryProvider::from_loader(loader(directory.path()))
        .ranks(ranks, RecordingRanks::All)
        .config_override(change)
        .exporter(exporter);
    run(provider).unwrap();
    let lines = lines(&directory.path().join("run-2.jsonl"));
    let opening = &lines[0]["event"]["attributes"];
    assert_eq!(opening["app_type"], "training");
    let run = told(&lines, "one_logger_initialization");
    assert_eq!((&run["rank"], &run["world_size"]), (&Value::from(2), &Value::from(16)));
    assert_eq!(run["session_tag"], "night");
    assert_eq!(run["custom_metadata"], serde_json::json!(["team:speech", "tier:3"]));
    // One that is given in code stands beside those of the file.
    assert!(!records.take().is_empty());
}

#[test]
fn p102_a_rank_that_is_silent_makes_no_exporter_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let ranks = Ranks { rank: 2, world_size: 16, local_rank: None, node_rank: None };
    // That the exporter cannot be made would be a problem where it is made.
    let loader = loader(directory.path()).set("exporters.run.max_bytes", "none at all");
    let provider = TrainingTelemetryProvider::from_loader(loader);
    run(provider.ranks(ranks, RecordingRanks::Last)).unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let loader = loader(directory.path()).document(Format::Json, FILE.replace("session", "sesion"));
    let Err(SetupError::Load(error)) = run(TrainingTelemetryProvider::from_loader(loader)) else {
        panic!("a field that nobody knows was accepted");
    };
    let text = error.to_string();
    assert!(text.contains("sesion_tag") && text.contains("document:2"), "{text}");
}
