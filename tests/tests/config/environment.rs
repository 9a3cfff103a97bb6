//! What variables set, and what becomes of those that nobody knows.

use std::time::Duration;

use onelogger::config::{Explanation, Format, Loader};
use onelogger::{Name, OneLoggerProvider, Record, Recorder};

use crate::memory;
use crate::support::{REQUIRED, loader, minimal, problems};

/// The values under these variables, over a file with these exporters.
fn explained(variables: &[(&str, &str)], exporters: &str) -> Explanation {
    let text = format!("{REQUIRED}exporters: {exporters}\n");
    loader(variables.iter().copied()).document(Format::Yaml, text).explain()
}

fn value<'a>(explanation: &'a Explanation, field: &str) -> (&'a str, &'a str) {
    let found = explanation.get(field).unwrap_or_else(|| panic!("{field} in\n{explanation}"));
    (&found.value, &found.place)
}

#[test]
fn variables_are_understood_as_what_the_field_needs() {
    let loaded = loader([
        ("ONELOGGER_APPLICATION_NAME", "7"),
        ("ONELOGGER_WORLD_SIZE", "8"),
        ("ONELOGGER_SESSION_TAG", "${NOT_REPLACED}"),
        ("ONELOGGER_IS_BASELINE_RUN", "1"),
        ("ONELOGGER_CUSTOM_METADATA__TEAM", "vision"),
        ("ONELOGGER_RECORDER__LANE_BYTES", "65536"),
        ("ONELOGGER_RECORDER__LANE_POLICY__BLOCK", "10ms"),
        ("ONELOGGER_RECORDER__SAMPLER__TRACEIDRATIO", "0.5"),
        ("ONELOGGER_BAGGAGE_ATTRIBUTES", "tenant, session.id"),
        ("ONELOGGER_FILTER", "warn,trainer=debug"),
        ("ONELOGGER_DEBUG", "0"),
        ("ONELOGGER_SELF_METRICS", "false"),
        ("ONELOGGER_EXPORTERS__RUN__TYPE", "console"),
    ])
    .without_file()
    .load()
    .unwrap();
    let config = loaded.config();
    assert_eq!((config.application_name(), config.world_size()), ("7", 8));
    assert_eq!((config.session_tag(), config.is_baseline_run()), ("${NOT_REPLACED}", true));
    assert_eq!(config.custom_metadata().get_str("team"), Ok(Some("vision")));
    assert_eq!(loaded.filter().unwrap().to_string(), "warn,trainer=debug");
    assert_eq!(loaded.explain().warnings, []);
    let names = loaded.into_parts().1.baggage_attributes().to_vec();
    assert_eq!(names.iter().map(Name::as_str).collect::<Vec<_>>(), ["tenant", "session.id"]);
}

#[test]
fn a_variable_sets_one_field_of_an_entry() {
    let variables = [("ONELOGGER_EXPORTERS__MY_RUN__PATH", "b")];
    let explanation = explained(&variables, "{my-run: {type: file, path: a, append: true}}");
    let place = "ONELOGGER_EXPORTERS__MY_RUN__PATH";
    assert_eq!(value(&explanation, "exporters.my-run.path"), ("\"b\"", place));
    assert_eq!(value(&explanation, "exporters.my-run.append").0, "true");
    assert_eq!(explanation.problems, []);
}

#[test]
fn an_exporter_may_stand_in_the_environment_alone() {
    let variables = [
        ("ONELOGGER_EXPORTERS__NEW__TYPE", "console"),
        ("ONELOGGER_EXPORTERS__NEW__COLOR", "never"),
    ];
    let explanation = explained(&variables, "{}");
    assert_eq!(value(&explanation, "exporters.new.color").0, "\"never\"");
    assert_eq!((explanation.problems, explanation.warnings), (vec![], vec![]));
}

#[test]
fn a_variable_that_sets_nothing_is_a_warning() {
    let variables = [
        ("ONELOGGER_SESION_TAG", "x"),
        ("ONELOGGER_RECORDER__LANE_BYTS", "x"),
        ("ONELOGGER_SOMETHING_ELSE", "x"),
        ("ONELOGGER_EXPORTERS__OTHER__PATH", "x"),
        ("ONELOGGER_EMPTY", ""),
    ];
    let explanation = explained(&variables, "{run: {type: file, path: a}}");
    assert_eq!(explanation.problems, []);
    let of_variables = explanation.values.iter().filter(|value| value.place.contains("ONELOGGER"));
    assert_eq!(of_variables.count(), 0);
    let mut warnings: Vec<String> = explanation.warnings.iter().map(ToString::to_string).collect();
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "ONELOGGER_EXPORTERS__OTHER__PATH: there is no exporter `other`, and no `type` makes one",
            "ONELOGGER_RECORDER__LANE_BYTS: sets nothing; did you mean `ONELOGGER_RECORDER__LANE_BYTES`?",
            "ONELOGGER_SESION_TAG: sets nothing; did you mean `ONELOGGER_SESSION_TAG`?",
            "ONELOGGER_SOMETHING_ELSE: sets nothing",
        ]
    );
}

#[test]
fn a_variable_of_any_depth_sets_nothing_at_worst() {
    let name = format!("ONELOGGER_{}", "A__".repeat(40_000));
    let explanation = explained(&[(&name, "x")], "{run: {type: file, path: a}}");
    assert_eq!((explanation.problems.len(), explanation.warnings.len()), (0, 1));
    let deep = minimal().set("a.".repeat(40_000), "x").explain();
    assert_eq!(deep.problems.len(), 1);
}

#[test]
fn a_variable_that_would_take_the_place_of_a_statement_is_an_error() {
    let text = format!("{REQUIRED}recorder: {{lane_policy: {{block: 1s}}}}\n");
    let variables = [("ONELOGGER_RECORDER__LANE_POLICY__BLOK", "2s")];
    let found = problems(loader(variables).document(Format::Yaml, text));
    let expected = "ONELOGGER_RECORDER__LANE_POLICY__BLOK: recorder.lane_policy.blok: unknown field; \
                    did you mean `block`?";
    assert_eq!(found, [expected]);
}

#[test]
fn a_variable_with_a_wrong_value_is_an_error() {
    let explanation = explained(&[("ONELOGGER_WORLD_SIZE", "eight")], "{}");
    let problems: Vec<String> = explanation.problems.iter().map(ToString::to_string).collect();
    let expected =
        "ONELOGGER_WORLD_SIZE: world_size: expected a whole number, found the text `eight`";
    assert_eq!(problems, [expected]);
}

/// The names of the spans that are exported, of three.
fn spans_of(loader: Loader) -> Vec<String> {
    let (config, recorder) = loader.load().unwrap().into_parts();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    for name in ["load", "step_1", "step_2"] {
        let span = provider.recorder().start(name);
        drop(provider.recorder().stop(&span.unwrap()));
    }
    provider.recorder().force_flush(Duration::from_secs(10)).unwrap();
    drop(guard);
    let started = |record: Record| match record {
        Record::Start(span) => Some(span.name.as_str().to_owned()),
        _ => None,
    };
    memory::kept().take().into_iter().filter_map(started).collect()
}

#[test]
fn the_recorder_does_as_it_is_configured() {
    let with = |field: &str, value: &str| {
        spans_of(minimal().set("exporters.kept.type", "memory").set(field, value))
    };
    assert_eq!(with("recorder.sampler", "always_on"), ["load", "step_1", "step_2"]);
    assert!(with("recorder.sampler", "always_off").is_empty());
    let filtered = minimal()
        .set("exporters.kept.type", "memory")
        .set("recorder.span_filter.except_matching", vec!["step_*"])
        .set("recorder.synchronous", true);
    assert_eq!(spans_of(filtered), ["load"]);
}
