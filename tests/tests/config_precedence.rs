//! Which source of a configuration goes before which: the table of the guide, row by row.

use std::error::Error;

use onelogger::config::{Explanation, Format, Loader, Settings};
use onelogger::{Attributes, Exporter, MemoryExporter};

onelogger::register_exporter_type!(
    "probe",
    probe,
    default = r#"{"path": "crate", "note": "crate"}"#,
);

fn probe(settings: &mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>> {
    settings.require("path");
    settings.text("path");
    settings.text("note");
    Ok(Box::new(MemoryExporter::new().0))
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn field_and_value(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or_else(|| panic!("no `=` in `{text}`"))
}

/// A loader with the sources that a row has.
fn loader(file: &str, environment: &str, code: &str) -> Loader {
    let required = r#""application_name": "a", "world_size": 1, "session_tag": """#;
    let fields: String = quoted(file).iter().map(|fields| format!(", {fields}")).collect();
    let environment = quoted(environment).into_iter().map(field_and_value);
    let mut loader = Loader::new()
        .environment(environment.map(|(name, value)| (format!("ONELOGGER_{name}"), value)))
        .document(Format::Json, format!("{{{required}{fields}}}"));
    let code_fields = quoted(code);
    if code.starts_with("entry") {
        let (name, fields) = code_fields.split_first().expect("the name of the entry");
        let fields = fields.iter().map(|field| field_and_value(field));
        let fields: Attributes = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        return loader.entry(*name, fields);
    }
    for field in code_fields {
        let (field, value) = field_and_value(field);
        loader = loader.set(field, value);
    }
    loader
}

/// Checks the cell that says what is in force.
fn check(explanation: &Explanation, schema_version: &str, expected: &str) {
    for statement in expected.split("; ") {
        let found = |field: &str| explanation.get(field).map(|value| value.value.clone());
        let [text] = quoted(statement)[..] else { panic!("no statement: {statement}") };
        match text.split_once(" = ") {
            Some((field, value)) => {
                let found = match found(field) {
                    None if field == "summary_data_schema_version" => {
                        Some(format!("{schema_version:?}"))
                    }
                    found => found,
                };
                assert_eq!(found.as_deref(), Some(value), "{field} in\n{explanation}");
            }
            None => {
                assert!(statement.ends_with("not set"), "{statement}");
                assert_eq!(found(text), None, "{text} in\n{explanation}");
            }
        }
    }
}

#[test]
fn each_row_of_the_table_holds() {
    let guide = include_str!("../../onelogger/guide/08_configuration.md");
    let (_, table) = guide.split_once("| file | environment | code | in force |\n").unwrap();
    let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, file, environment, code, expected, _] = cells[..] else { panic!("{row}") };
        let loaded = loader(file, environment, code).load();
        let loaded = loaded.unwrap_or_else(|error| panic!("{row}\n{error}"));
        check(loaded.explain(), loaded.config().summary_data_schema_version(), expected);
    }
}

#[test]
fn an_explanation_says_what_a_value_took_the_place_of() {
    let explanation = loader(
        r#"`"exporters": {"probe": {"extends": "probe", "path": "file"}}`"#,
        "`EXPORTERS__PROBE__PATH=environment`",
        "`exporters.probe.path=code`",
    )
    .explain();
    let path = explanation.get("exporters.probe.path").unwrap();
    assert_eq!((path.value.as_str(), path.place.as_str()), ("\"code\"", "set in code"));
    assert_eq!(
        path.over,
        [
            "registered by onelogger-tests:1:10",
            "document:1:115",
            "ONELOGGER_EXPORTERS__PROBE__PATH",
        ]
    );
    let text = explanation.to_string();
    let expected = "exporters.probe.path = \"code\"  set in code, over \
                    ONELOGGER_EXPORTERS__PROBE__PATH, over document:1:115, over registered by \
                    onelogger-tests:1:10\n";
    assert!(text.contains(expected), "{text}");
}
