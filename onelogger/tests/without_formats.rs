//! Who does not ask for TOML and YAML is told how to, instead of a file that is passed over.
//!
//! Tests of the whole workspace have the formats, so this one has a command of its own.
#![cfg(not(any(feature = "toml", feature = "yaml")))]

use onelogger::config::{Format, Loader};

#[test]
fn p45_a_format_that_is_not_compiled_in_names_its_feature() {
    for (format, called, feature) in
        [(Format::Yaml, "YAML", "yaml"), (Format::Toml, "TOML", "toml")]
    {
        let error = Loader::new().document(format, "").load().unwrap_err();
        let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
        let expected = format!(
            "document: {called} cannot be read: `onelogger` is compiled without its feature \
             `{feature}`; switch that on in Cargo.toml, or write the file in JSON"
        );
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn json_is_always_read() {
    let none: [(&str, &str); 0] = [];
    let text = r#"{"application_name": "a", "world_size": 1, "session_tag": "x"}"#;
    let loaded = Loader::new().environment(none).document(Format::Json, text).load().unwrap();
    assert_eq!(loaded.config().session_tag(), "x");
}
