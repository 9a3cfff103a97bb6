//! The exporter types of this crate: `file`, `console` and `logger`.

use std::error::Error;

use super::settings::Settings;
use crate::data::Level;
use crate::exporter::{
    ColorChoice, ConsoleExporter, Exporter, FileExporter, Folding, LoggerExporter,
};

crate::register_exporter_type!("file", file);
crate::register_exporter_type!("console", console);
crate::register_exporter_type!("logger", logger);

type Made = Result<Box<dyn Exporter>, Box<dyn Error>>;

const FOLDING: &[(&str, Folding)] = &[
    ("never", Folding::Never),
    ("within_a_second", Folding::WithinASecond),
    ("always", Folding::Always),
];

fn file(settings: &mut Settings<'_>) -> Made {
    settings.require("path");
    // As a text: the exporter itself replaces what stands for home, rank and process.
    let mut exporter = FileExporter::new(settings.text("path").unwrap_or_default());
    if settings.bool("append") == Some(true) {
        exporter = exporter.append();
    }
    if let Some(bytes) = settings.bytes("rotate_at") {
        exporter = exporter.rotate_at(bytes as u64);
    }
    if let Some(folding) = settings.choice("folding", FOLDING) {
        exporter = exporter.folding(folding);
    }
    Ok(Box::new(exporter))
}

fn console(settings: &mut Settings<'_>) -> Made {
    let outputs = [("stderr", true), ("stdout", false)];
    let mut exporter = match settings.choice("output", &outputs) {
        Some(false) => ConsoleExporter::stdout(),
        _ => ConsoleExporter::stderr(),
    };
    let colors = [
        ("auto", ColorChoice::Auto),
        ("always", ColorChoice::Always),
        ("never", ColorChoice::Never),
    ];
    if let Some(choice) = settings.choice("color", &colors) {
        exporter = exporter.color(choice);
    }
    if let Some(shows_events) = settings.bool("show_events") {
        exporter = exporter.show_events(shows_events);
    }
    if let Some(duration) = settings.duration("min_duration") {
        exporter = exporter.min_duration(duration);
    }
    if let Some(max) = settings.integer("max_value_chars") {
        exporter = exporter.max_value_chars(max);
    }
    Ok(Box::new(exporter))
}

fn logger(settings: &mut Settings<'_>) -> Made {
    let levels = [
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("trace", Level::Trace),
    ];
    let mut exporter = LoggerExporter::new();
    if let Some(target) = settings.text("target") {
        exporter = exporter.target(target);
    }
    if let Some(level) = settings.choice("level", &levels) {
        exporter = exporter.level(level);
    }
    if let Some(folding) = settings.choice("folding", FOLDING) {
        exporter = exporter.folding(folding);
    }
    Ok(Box::new(exporter))
}
