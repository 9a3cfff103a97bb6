//! The same configuration in three formats, with every field that there is.

use std::collections::BTreeMap;

use onelogger::config::{Explanation, Format, Loader};
use onelogger::{ErrorHandlingStrategy, LogLevel};

use crate::support::{loader, problems, write};

fn complete(ending: &str) -> Loader {
    let none: [(&str, &str); 0] = [];
    loader(none).file(format!("tests/config/complete/complete.{ending}"))
}

/// The values, whatever their order.
fn values(explanation: &Explanation) -> BTreeMap<&str, &str> {
    let values = explanation.values.iter();
    values.map(|value| (value.field.as_str(), value.value.as_str())).collect()
}

#[test]
fn three_formats_say_the_same() {
    let [json, toml, yaml] =
        ["json", "toml", "yaml"].map(|ending| complete(ending).load().unwrap());
    assert_eq!(values(json.explain()), values(yaml.explain()));
    assert_eq!(values(json.explain()), values(toml.explain()));
    let shown = [&json, &toml, &yaml].map(|loaded| format!("{:?}", loaded.config()));
    assert!(shown[0] == shown[1] && shown[0] == shown[2], "{shown:#?}");
    let config = yaml.config();
    assert_eq!(config.custom_metadata().get_i64("layers"), Ok(Some(12)));
    assert_eq!(config.custom_metadata().get_str("gpu.kind"), Ok(Some("h100")));
    assert_eq!(config.logger_config().log_level, LogLevel::Debug);
    assert_eq!(config.error_handling_strategy(), Some(ErrorHandlingStrategy::PropagateExceptions));
    assert!(config.telemetry_config().is_some_and(|config| !config.is_test_iterations_enabled));
}

#[test]
fn the_complete_file_has_every_field_and_so_does_the_guide() {
    let loaded = complete("yaml").load().unwrap();
    let explanation = loaded.explain();
    assert!(explanation.unset.is_empty(), "{:?}", explanation.unset);
    let guide = concat!(
        include_str!("../../../onelogger/guide/08_configuration.md"),
        include_str!("../../../onelogger/guide/10_processors.md"),
    );
    // Tables whose names are up to the user.
    let free = [
        "custom_metadata.",
        "telemetry_config.custom_metadata.",
        "recorder.processors[2].rename.",
        "recorder.processors[2].set.",
    ];
    for value in &explanation.values {
        let field = value.field.as_str();
        let field = free
            .iter()
            .find_map(|table| field.starts_with(table).then(|| table.trim_end_matches('.')));
        let name = field.unwrap_or(&value.field).rsplit('.').next().unwrap();
        let is_there = [format!("`{name}`"), format!("`{name}:"), format!("{{{name}:")]
            .iter()
            .any(|as_code| guide.contains(as_code));
        assert!(is_there, "the guide lacks `{name}`");
    }
}

#[test]
fn the_ending_tells_the_format() {
    let directory = tempfile::tempdir().unwrap();
    let text = "application_name: a\nworld_size: 1\nsession_tag: x\n";
    let none: [(&str, &str); 0] = [];
    for name in ["a.yaml", "a.yml", "a.YAML"] {
        drop(loader(none).file(write(&directory, name, text)).load().unwrap());
    }
    let path = write(&directory, "a.conf", text);
    let found = problems(loader(none).file(&path));
    let expected = format!(
        "set in code: the configuration {path} has an unknown ending; expected .yaml, .yml, .toml \
         or .json"
    );
    assert_eq!(found, [expected]);
}

#[test]
fn a_file_that_is_no_text_or_too_long_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.json");
    let none: [(&str, &str); 0] = [];
    std::fs::write(&path, b"\xff").unwrap();
    assert!(problems(loader(none).file(&path))[0].ends_with("is no text in UTF-8"));
    std::fs::write(&path, " ".repeat(1 << 20)).unwrap();
    assert!(problems(loader(none).file(&path))[0].contains("longer than 262144 bytes"));
    std::fs::write(&path, "\u{feff}{").unwrap();
    assert!(problems(loader(none).file(&path))[0].contains("a.json:1:2: expected a name"));
}

#[test]
fn documents_that_are_deep_or_wide_are_refused_in_all_formats() {
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    let wide: String = (0..1001).map(|n| format!("a{n} = 1\n")).collect();
    let none: [(&str, &str); 0] = [];
    for (format, text) in [
        (Format::Json, format!("{open}{close}")),
        (Format::Yaml, format!("a: {open}{close}")),
        (
            Format::Yaml,
            format!("a:\n{}", (1..200).map(|n| " ".repeat(n) + "a:\n").collect::<String>()),
        ),
        (Format::Toml, format!("a = {open}{close}")),
        (Format::Toml, wide),
    ] {
        let found = problems(loader(none).document(format, text));
        assert!(found.iter().any(|problem| problem.starts_with("document:")), "{found:?}");
    }
}

#[test]
fn yaml_is_understood_by_its_core_schema() {
    let text = "custom_metadata: {a: yes, b: 0x1f, c: 0o17, d: .inf, e: 1e3, f: \"1\", g: -7, h: 1.2.3, i: 010}";
    let none: [(&str, &str); 0] = [];
    let explanation = loader(none).document(Format::Yaml, text).explain();
    let values: Vec<&str> = explanation.values.iter().map(|value| value.value.as_str()).collect();
    assert_eq!(values, ["\"yes\"", "31", "15", "inf", "1000.0", "\"1\"", "-7", "\"1.2.3\"", "10"]);
}
