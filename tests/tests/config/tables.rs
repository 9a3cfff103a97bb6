//! An exporter type with a list of tables among its settings.

use std::error::Error;

use onelogger::config::{Format, Settings};
use onelogger::{Exporter, MemoryExporter};

use crate::support::{REQUIRED, loader, problems};

onelogger::register_exporter_type!("fan_out", fan_out);

fn fan_out(settings: &mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>> {
    let targets = settings.tables("targets", |target| {
        target.require("to");
        target.text("password");
        target.text("to").unwrap_or_default()
    });
    let targets = targets.unwrap_or_default();
    if targets.is_empty() || targets.iter().any(String::is_empty) {
        return Err("needs targets".into());
    }
    Ok(Box::new(MemoryExporter::new().0))
}

const NONE: [(&str, &str); 0] = [];

#[test]
fn each_table_of_a_list_is_read_and_explained() {
    let entry = "{type: fan_out, targets: [{to: a, password: s3cret}, {to: b}]}";
    let text = format!("{REQUIRED}exporters: {{all: {entry}}}\n");
    let loaded = loader(NONE).document(Format::Yaml, text).load().unwrap();
    let explanation = loaded.explain();
    let value = |field: &str| explanation.get(field).map(|value| value.value.as_str());
    assert_eq!(value("exporters.all.targets[1].to"), Some("\"b\""));
    assert_eq!(value("exporters.all.targets[0].password"), Some("<redacted>"));
    assert!(explanation.unset.contains(&"exporters.all.targets[1].password".to_owned()));
}

#[test]
fn what_is_wrong_in_a_table_of_a_list_has_its_place() {
    let entry = "{type: fan_out, targets: [{too: a}, b]}";
    let text = format!("{REQUIRED}exporters: {{all: {entry}}}\n");
    assert_eq!(
        problems(loader(NONE).document(Format::Yaml, text)),
        [
            "document:4:18: exporters.all: needs targets",
            "document:4:44: exporters.all.targets[0].to: is required",
            "document:4:45: exporters.all.targets[0].too: unknown field; did you mean `to`?",
            "document:4:54: exporters.all.targets[1]: expected a table, found the text `b`",
        ]
    );
}
