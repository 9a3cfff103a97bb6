//! What arbitrary input must not break: each target is a function that takes any bytes, and panics where
//! something does not hold that is promised.
//!
//! `tests/replay.rs` runs all of them with what lies in `corpus` and `crashes`; the programs in `targets`
//! hand them to `cargo fuzz`, which looks for more. Two targets stand where their crates can reach what
//! they check: `words` in `onelogger/src/fuzzing.rs`, `environment` in
//! `onelogger-otel/src/setup/fuzzing.rs`.

mod config;
mod filter;
mod json;
mod propagation;
mod read;

use onelogger::config::Format;

/// Panics where something does not hold that is promised.
pub type Check = fn(&[u8]);

/// The targets of this crate, by name.
pub const TARGETS: [(&str, Check); 13] = [
    ("baggage", |data| with_text(data, propagation::baggage)),
    ("condition", |data| with_text(data, filter::condition)),
    ("config_json", |data| with_text(data, |text| config::document(text, Format::Json))),
    ("config_toml", |data| with_text(data, |text| config::document(text, Format::Toml))),
    ("config_yaml", |data| with_text(data, |text| config::document(text, Format::Yaml))),
    ("damaged_file", read::damaged_file),
    ("file", read::file),
    ("filter", |data| with_text(data, filter::filter)),
    ("json", |data| with_text(data, json::data_model)),
    ("logger_line", |data| with_text(data, json::logger_line)),
    ("span_filter", |data| with_text(data, filter::span_filter)),
    ("traceparent", |data| with_text(data, propagation::traceparent)),
    ("tracestate", |data| with_text(data, propagation::tracestate)),
];

/// The targets of other crates.
pub const BEHIND_DOORS: [&str; 2] = ["environment", "words"];

/// Runs a target of this crate.
///
/// # Panics
/// If something does not hold that is promised, or there is no such target.
pub fn check(target: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, check) = found.unwrap_or_else(|| panic!("`{target}` is no target of this crate"));
    check(data);
}

/// What takes texts gets no other bytes.
fn with_text(data: &[u8], check: impl FnOnce(&str)) {
    if let Ok(text) = str::from_utf8(data) {
        check(text);
    }
}
