//! Faults of the Python library that show in what configured exporters write, each with its number.

use std::fs;
use std::path::Path;

use onelogger::OneLoggerProvider;
use onelogger::config::Loader;

use crate::support::minimal;

/// A loader with one file exporter.
fn to_file(path: &Path) -> Loader {
    minimal().set("exporters.run.type", "file").set("exporters.run.path", path.to_str().unwrap())
}

/// Records one span, and closes.
fn run(loader: Loader) {
    let (config, recorder) = loader.load().unwrap().into_parts();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    drop(provider.recorder().start("load"));
    drop(guard);
}

/// The lines of a file.
fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn p36_what_identifies_a_run_is_exported_with_its_types() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let metadata = to_file(&path).set("custom_metadata.layers", 12);
    run(metadata.set("custom_metadata.gpus", vec!["a", "b"]));
    let opening = &lines(&path)[0];
    let attributes = &opening["event"]["attributes"];
    assert_eq!(attributes["layers"], 12);
    assert_eq!(attributes["gpus"], serde_json::json!(["a", "b"]));
    let text = attributes.to_string();
    assert!(text.contains(r#""trainer""#), "{text}");
}

#[test]
fn p46_times_in_a_file_are_nanoseconds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    run(to_file(&path));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"time_unix_nano\":") && text.contains("\"duration_nano\":"), "{text}");
}

#[test]
fn p47_two_jobs_with_one_path_overwrite_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    run(to_file(&path));
    run(to_file(&path));
    let second = lines(&directory.path().join("run.1.jsonl"));
    assert_eq!(lines(&path).len(), second.len());
    assert_eq!(second[0]["pid"], std::process::id());
    // The two in one file, where that is asked for.
    run(to_file(&path).set("exporters.run.append", true));
    assert_eq!(lines(&path).len(), 2 * second.len());
}

#[test]
fn p104_a_logger_that_takes_nothing_is_no_success() {
    let loader = minimal().set("exporters.log.type", "logger").set("recorder.synchronous", true);
    let (config, recorder) =
        loader.set("exporters.log.level", "trace").load().unwrap().into_parts();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    drop(provider.recorder().start("load"));
    // No logger is installed.
    let health = provider.recorder().health();
    let counts = &health.exporters[0].counts;
    assert!(counts.recorded > 0 && counts.delivered == 0, "{health:?}");
    drop(guard);
}
