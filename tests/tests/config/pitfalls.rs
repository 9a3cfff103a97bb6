//! Faults of the Python library's configuration, each with its number there.

use std::cell::Cell;
use std::rc::Rc;

use onelogger::config::{Format, Loader};
use onelogger::exporter::MemoryExporter;
use onelogger::{Attributes, LoggerConfig, OneLoggerConfig, OneLoggerProvider, Value};
use tempfile::TempDir;

use crate::memory;
use crate::support::{REQUIRED, loader, minimal, problems, write};

#[test]
fn p38_a_rank_that_is_no_number_breaks_nothing() {
    for enabled in [true, false] {
        let loaded = loader([("RANK", "first")])
            .document(Format::Yaml, format!("{REQUIRED}enable_for_current_rank: {enabled}\n"))
            .load()
            .unwrap();
        assert_eq!(loaded.config().enable_for_current_rank(), enabled);
    }
}

#[test]
fn p39_an_unknown_field_is_an_error_that_names_it_and_the_nearest_one() {
    let found = problems(minimal().set("sumary_data_schema_version", "2"));
    let expected = "set in code: sumary_data_schema_version: unknown field; did you mean \
                    `summary_data_schema_version`?";
    assert_eq!(found, [expected]);
}

#[test]
fn p40_a_function_is_called_once() {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let loader = minimal().set_fn("session_tag", move || {
        counted.set(counted.get() + 1);
        format!("tag {}", counted.get())
    });
    assert_eq!(calls.get(), 0);
    let loaded = loader.load().unwrap();
    assert_eq!((loaded.config().session_tag(), loaded.config().session_tag()), ("tag 1", "tag 1"));
    assert_eq!(loaded.explain().get("session_tag").unwrap().value, "\"tag 1\"");
    assert_eq!(calls.get(), 1);
}

#[test]
fn p40_the_schema_version_may_be_a_function_too() {
    let loaded = minimal().set_fn("summary_data_schema_version", || "2.0").load().unwrap();
    assert_eq!(loaded.config().summary_data_schema_version(), "2.0");
}

/// A working directory with a file that would do.
fn directory_with_a_file() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "onelogger.yaml", REQUIRED);
    directory
}

#[test]
fn p41_a_file_that_is_named_and_missing_is_an_error() {
    let directory = directory_with_a_file();
    let missing = directory.path().join("missing.yaml");
    let missing = missing.to_str().unwrap();
    let cannot = format!("the configuration {missing} cannot be read: No such file or directory");

    let none: [(&str, &str); 0] = [];
    let named = loader(none).directory(directory.path()).file(missing);
    let found = problems(named);
    assert!(
        found.len() == 1 && found[0].starts_with(&format!("set in code: {cannot}")),
        "{found:?}"
    );

    let variable = "ONE_LOGGER_EXPORTER_CONFIG_PATH";
    let found = problems(loader([(variable, missing)]).directory(directory.path()));
    assert!(
        found.len() == 1 && found[0].starts_with(&format!("{variable}: {cannot}")),
        "{found:?}"
    );

    drop(loader(none).directory(directory.path()).load().unwrap());
}

#[test]
fn p41_the_file_that_is_named_is_the_only_one_that_is_read() {
    let directory = directory_with_a_file();
    let other = write(&directory, "other.yaml", &REQUIRED.replace("run-42", "other"));
    let third = write(&directory, "third.yaml", &REQUIRED.replace("run-42", "third"));
    let tag = |loader: Loader| loader.load().unwrap().config().session_tag().to_owned();
    let in_directory = |variable: &str| {
        loader([("ONE_LOGGER_EXPORTER_CONFIG_PATH", variable)]).directory(directory.path())
    };
    assert_eq!(tag(in_directory("")), "run-42");
    assert_eq!(tag(in_directory(&other)), "other");
    assert_eq!(tag(in_directory(&other).file(&third)), "third");
}

#[test]
fn p41_files_in_the_working_directory_are_found_by_their_names_and_order() {
    let directory = tempfile::tempdir().unwrap();
    let none: [(&str, &str); 0] = [];
    let explain = || loader(none).directory(directory.path()).explain();
    assert_eq!(explain().file, None);
    // From the last to the first: each goes before those that are there.
    for name in [
        "one_logger_exporters_config.json",
        "one_logger_exporters_config.yml",
        "one_logger_exporters_config.yaml",
        "onelogger.json",
        "onelogger.toml",
        "onelogger.yml",
        "onelogger.yaml",
    ] {
        let text = if name.ends_with("json") { "{}" } else { "" };
        let path = write(&directory, name, text);
        let found = format!("{path}, found in the directory that is named in code");
        assert_eq!(explain().file, Some(found));
    }
    let warnings = explain().warnings.into_iter().filter(|warning| warning.field.is_empty());
    let warnings: Vec<String> = warnings.map(|warning| warning.to_string()).collect();
    let begin = "onelogger.yaml is read, and not onelogger.yml or onelogger.toml or onelogger.json";
    assert!(warnings.len() == 1 && warnings[0].starts_with(begin), "{warnings:?}");
}

#[test]
fn p41_a_configuration_that_was_not_found_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let warnings = |loader: Loader| loader.load().unwrap().explain().warnings.clone();
    let nowhere = minimal().directory(directory.path());
    let [warning] = &warnings(nowhere)[..] else { panic!("no warning") };
    assert_eq!(warning.to_string(), "exporters: there are none, so what is recorded goes nowhere");
    // Those that are off are off on purpose; those that code adds are there.
    let off = minimal().set("exporters.run.type", "console").set("exporters.run.enabled", false);
    assert_eq!(warnings(off), []);
    assert_eq!(warnings(minimal().exporter("kept", MemoryExporter::new().0)), []);
    let added = minimal().recorder(|recorder| recorder.exporter(MemoryExporter::new().0));
    assert_eq!(warnings(added), []);
}

#[test]
fn p42_two_files_of_one_type_live_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // As the Python library writes it, and one more in code.
    let python = format!(
        r#"{{"application_name": "trainer", "world_size": 8, "session_tag": "", "exporters": [
            {{"class_name": "nv_one_logger.exporter.file_exporter.FileExporter",
              "config": {{"file_path": "{}"}}}},
            {{"class_name": "FileExporter", "config": {{"file_path": "{}"}}, "enabled": true}}]}}"#,
        path("a.jsonl"),
        path("b.jsonl"),
    );
    let third = Attributes::new().with("type", "file").with("path", path("c.jsonl"));
    let none: [(&str, &str); 0] = [];
    let loaded = loader(none).document(Format::Json, python).entry("third", third).load().unwrap();
    let (config, recorder) = loaded.into_parts();
    drop(OneLoggerProvider::new().configure(config, recorder).unwrap());
    for name in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        let run = onelogger::read::file(path(name)).unwrap();
        assert_eq!(run.runs().len(), 1, "{name}");
    }
}

#[test]
fn p43_a_failure_to_create_is_an_error_and_all_are_said_at_once() {
    let text = format!(
        "{REQUIRED}exporters:\n- {{class_name: FileExporter, config: }}\n- {{type: nothing}}\n"
    );
    let none: [(&str, &str); 0] = [];
    let found = problems(loader(none).document(Format::Yaml, text));
    assert_eq!(
        found,
        [
            "document:5:3: exporters.file.path: is required",
            "document:6:10: exporters.nothing.type: no linked crate has an exporter type `nothing`; \
             expected one of `console`, `fan_out`, `file`, `logger`, `memory`",
        ]
    );
}

#[test]
fn p43_a_class_without_a_counterpart_may_be_there_if_it_is_off() {
    let entry = "- {class_name: wandb.WandBExporter, config: {key: x}, enabled: false}";
    let none: [(&str, &str); 0] = [];
    let text = format!("{REQUIRED}exporters:\n{entry}\n");
    drop(loader(none).document(Format::Yaml, text).load().unwrap());
}

#[test]
fn p43_a_type_that_panics_is_a_problem_of_its_entry() {
    let text = format!("{REQUIRED}exporters: {{kept: {{type: memory, panics: true}}}}\n");
    let none: [(&str, &str); 0] = [];
    let found = problems(loader(none).document(Format::Yaml, text));
    let expected = "document:4:19: exporters.kept: the type has panicked over these settings";
    assert_eq!(found, [expected]);
}

#[test]
fn p43_a_text_is_no_boolean_in_a_file_and_one_in_the_environment() {
    let entry = "exporters: {run: {type: file, path: x, enabled: \"false\"}}\n";
    let text = format!("{REQUIRED}{entry}");
    let none: [(&str, &str); 0] = [];
    let found = problems(loader(none).document(Format::Yaml, text.as_str()));
    let expected = "document:4:49: exporters.run.enabled: expected true or false, found the text \
                    `false`";
    assert_eq!(found, [expected]);
    // `path` is missing: the exporter is not made.
    let text = format!("{REQUIRED}exporters: {{run: {{type: file}}}}\n");
    let environment = [("ONELOGGER_EXPORTERS__RUN__ENABLED", "FALSE")];
    drop(loader(environment).document(Format::Yaml, text).load().unwrap());
    let text = format!("{REQUIRED}enable_for_current_rank: \"${{ON:-false}}\"\n");
    let loaded = loader(none).document(Format::Yaml, text).load().unwrap();
    assert!(!loaded.config().enable_for_current_rank());
}

#[test]
fn p44_the_environment_is_read_and_never_changed() {
    let before: Vec<_> = std::env::vars_os().collect();
    let explanation = onelogger::config::explain();
    assert!(explanation.values.iter().all(|value| value.place != "set in code"), "{explanation}");
    assert_eq!(std::env::vars_os().collect::<Vec<_>>(), before);
}

#[test]
fn p48_whatever_is_wrong_comes_as_one_error_from_all_sources() {
    let text = "world_size: 8\nrecorder: {lane_bytes: 1}\nexporters: {run: {type: file}}\n";
    let loader = loader([("ONELOGGER_IS_BASELINE_RUN", "maybe")])
        .document(Format::Yaml, text)
        .set("application_name", " ")
        .set("session_tag", 5);
    assert_eq!(
        problems(loader),
        [
            "document:2:24: recorder.lane_bytes: a lane needs at least 640 bytes",
            "document:3:18: exporters.run.path: is required",
            "ONELOGGER_IS_BASELINE_RUN: is_baseline_run: expected true or false, found the text \
             `maybe`",
            "set in code: session_tag: expected a text, found the number 5; write it in quotes",
            "set in code: application_name: must not be blank",
        ]
    );
}

#[test]
fn p49_entries_of_all_sources_stand_side_by_side() {
    let text = format!(
        "{REQUIRED}exporters: {{a: {{type: file, path: a, append: true}}, b: {{type: console}}}}\n"
    );
    let none: [(&str, &str); 0] = [];
    let loaded = loader(none)
        .document(Format::Yaml, text)
        .entry("a", Attributes::new().with("type", "file").with("path", "new"))
        .entry("c", Attributes::new().with("extends", "a").with("folding", "never"))
        .load()
        .unwrap();
    let explanation = loaded.explain();
    let value = |field: &str| explanation.get(field).map(|value| value.value.clone());
    // Replaced as a whole.
    assert_eq!(value("exporters.a.path").as_deref(), Some("\"new\""));
    assert_eq!(value("exporters.a.append"), None);
    assert_eq!(value("exporters.b.type").as_deref(), Some("\"console\""));
    // Extended.
    assert_eq!(value("exporters.c.path").as_deref(), Some("\"new\""));
    assert_eq!(value("exporters.c.folding").as_deref(), Some("\"never\""));
}

#[test]
fn p49_an_entry_may_extend_one_beside_it_that_extends_another() {
    let exporters = "{c: {extends: b, path: c}, b: {extends: a, folding: never}, \
                     a: {type: file, path: a, append: true}}";
    let none: [(&str, &str); 0] = [];
    let text = format!("{REQUIRED}exporters: {exporters}\n");
    let explanation = loader(none).document(Format::Yaml, text).explain();
    let value = |field: &str| explanation.get(field).map(|value| value.value.as_str());
    assert_eq!(value("exporters.c.path"), Some("\"c\""));
    assert_eq!(value("exporters.c.folding"), Some("\"never\""));
    assert_eq!(value("exporters.c.append"), Some("true"));
    assert_eq!(value("exporters.b.path"), Some("\"a\""));
    assert_eq!(explanation.problems, []);
}

#[test]
fn p84_secrets_are_shown_nowhere() {
    let text = format!(
        "{REQUIRED}custom_metadata: {{api_key: s3cret, api: {{key: s3cret}}, hub: {{token: \"${{T}}\"}}, note: \"${{HUB_TOKEN}}\", url: \"https://me:s3cret@host/?k=s3cret\"}}\n"
    );
    let loader = loader([("T", "s3cret"), ("HUB_TOKEN", "s3cret")])
        .document(Format::Yaml, text)
        .set("custom_metadata.password", "s3cret");
    assert!(!format!("{loader:?}").contains("s3cret"));
    let loaded = loader.load().unwrap();
    let url = loaded.explain().get("custom_metadata.url").unwrap();
    assert_eq!(url.value, r#""https://<redacted>@host/?<redacted>""#);
    assert_eq!(loaded.config().custom_metadata().get("hub.token"), Some(&Value::from("s3cret")));
    let shown = format!("{}\n{loaded:?}", loaded.explain());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("custom_metadata.hub.token = <redacted>"), "{shown}");
}

#[test]
fn p84_the_configuration_itself_shows_no_secrets() {
    let config = OneLoggerConfig::builder("trainer").session_tag("").world_size(1);
    let config = config.metadata("api_key", "s3cret").metadata("team", "vision").build().unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && shown.contains("vision"), "{shown}");
}

#[test]
fn p102_a_disabled_rank_makes_no_exporter() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let (exporter, _records) = MemoryExporter::new();
    let loaded = minimal()
        .set("enable_for_current_rank", false)
        // Refused where it is made.
        .entry("run", Attributes::new().with("type", "file").with("appnd", true))
        .entry("other", Attributes::new().with("type", "file").with("path", path.to_str().unwrap()))
        .exporter("memory", exporter)
        .load()
        .unwrap();
    let (config, recorder) = loaded.into_parts();
    assert!(onelogger::Recorder::health(&recorder).exporters.is_empty());
    drop(OneLoggerProvider::new().configure(config, recorder).unwrap());
    assert!(!path.exists());
}

#[test]
fn p105_what_the_caller_gives_stays_as_it_is() {
    let entry = Attributes::new().with("type", "file").with("path", "x");
    let before = entry.clone();
    let off = minimal().set("enable_for_current_rank", false).entry("run", entry.clone());
    let loaded = off.load().unwrap();
    assert_eq!(entry, before);
    // The messages of a disabled rank are silent without its configuration being changed.
    assert_eq!(loaded.config().logger_config(), &LoggerConfig::default());
}

#[test]
fn p106_a_type_of_the_application_makes_what_needs_objects() {
    let text = format!("{REQUIRED}exporters: {{kept: {{type: memory, limit: 1}}}}\n");
    let none: [(&str, &str); 0] = [];
    let loaded = loader(none).document(Format::Yaml, text).load().unwrap();
    let (config, recorder) = loaded.into_parts();
    drop(OneLoggerProvider::new().configure(config, recorder).unwrap());
    // One of two: the opening of the run, and not its end.
    assert_eq!(memory::kept().to_vec().len(), 1);
}

#[test]
fn p107_home_rank_and_variables_stand_in_paths() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "{REQUIRED}exporters: {{run: {{type: file, path: \"${{OUT}}/run-{{rank}}.jsonl\"}}}}\n\
         logger_config: {{log_file_path_for_err: \"~/errors-{{rank}}.txt\"}}\n"
    );
    let out = directory.path().to_str().unwrap();
    let loaded = loader([("OUT", out), ("RANK", "3")]).document(Format::Yaml, text).load().unwrap();
    let log = loaded.config().logger_config().log_file_path_for_err.clone().unwrap();
    assert!(log.ends_with("errors-3.txt") && !log.starts_with("~"), "{}", log.display());
    let (config, recorder) = loaded.into_parts();
    drop(OneLoggerProvider::new().configure(config, recorder).unwrap());
    // The exporter takes the rank of the process, which this test must not set.
    let names: Vec<_> = std::fs::read_dir(out).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.len() == 1 && !names[0].to_str().unwrap().contains('{'), "{names:?}");
}
