//! From entries to exporters.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::document::{Content, Field, Node, Origin, Table};
use super::layers::EXPORTERS;
use super::nearest::way_out;
use super::processors;
use super::registry::{self, ExporterType};
use super::settings::{Reading, Settings};
use crate::exporter::Exporter;
use crate::processor::Processors;

/// Exporters that the application has made itself, by their names.
pub(super) type Made = HashMap<String, Box<dyn Exporter>>;

/// Makes the exporters of a configuration, in the order of their entries. Where this rank records nothing
/// none is made: then only the types are looked at.
pub(super) fn make(
    entries: &Table,
    mut made: Made,
    reading: &Reading,
    is_enabled: bool,
) -> Vec<(Box<dyn Exporter>, Processors)> {
    let mut exporters = Vec::new();
    for Field { name, value: node, .. } in &entries.fields {
        match &node.content {
            Content::Table(table) => {
                let entry = from_entry(name, node, table, reading, is_enabled);
                let checked = entry.and_then(|(exporter, processors)| {
                    Some((checked(name, node, exporter, reading)?, processors))
                });
                exporters.extend(checked);
            }
            Content::Exporter if is_enabled => {
                exporters.extend(made.remove(name).map(|exporter| (exporter, Processors::new())));
            }
            _ => {}
        }
    }
    exporters
}

fn from_entry(
    name: &str,
    node: &Node,
    table: &Table,
    reading: &Reading,
    is_enabled: bool,
) -> Option<(Box<dyn Exporter>, Processors)> {
    if is_only_of_the_environment(node, table) {
        // Other programs have variables of ours as well.
        let message = format!("there is no exporter `{name}`, and no `type` makes one");
        let first = table.fields.first().map_or(&node.origin, |field| &field.origin);
        reading.report.borrow_mut().warning(first, "", message);
        return None;
    }
    let mut settings = Settings::new(reading, table, &node.origin, &format!("{EXPORTERS}.{name}"));
    // One that is off may lack what it needs to be on.
    if settings.bool("enabled") == Some(false) {
        return None;
    }
    settings.require("type");
    let kind = kind(&mut settings)?;
    if !is_enabled {
        return None;
    }
    let processors = processors::chain(&mut settings);
    let result = catch_unwind(AssertUnwindSafe(|| (kind.make)(&mut settings)));
    let result = result.unwrap_or_else(|_| Err("the type has panicked over these settings".into()));
    if let Err(error) = &result {
        settings.problem("", error);
    }
    settings.finish();
    Some((result.ok()?, processors))
}

/// The type that an entry names.
fn kind(settings: &mut Settings<'_>) -> Option<&'static ExporterType> {
    let name = settings.text("type")?;
    let types = registry::types();
    let mut found = types.iter().filter(|kind| kind.name == name);
    if let Some(kind) = found.next() {
        if let Some(other) = found.next() {
            let crates = format!("{} and {}", kind.crate_name, other.crate_name);
            settings.problem("type", format!("`{name}` is registered by two crates, {crates}"));
            return None;
        }
        return Some(kind);
    }
    let elsewhere = registry::ELSEWHERE.iter().find(|(other, _)| *other == name);
    settings.problem(
        "type",
        match elsewhere {
            Some((_, crate_name)) => {
                let module = crate_name.replace('-', "_");
                format!(
                    "`{name}` is a type of the crate `{crate_name}`, which is not linked; `use \
                     {module} as _;` in the program does that"
                )
            }
            None => format!(
                "no linked crate has an exporter type `{name}`{}",
                way_out(&name, types.iter().map(|kind| kind.name))
            ),
        },
    );
    None
}

/// Asks the exporter itself, so that what it refuses has a place.
fn checked(
    name: &str,
    node: &Node,
    exporter: Box<dyn Exporter>,
    reading: &Reading,
) -> Option<Box<dyn Exporter>> {
    let error = match exporter.check() {
        Ok(()) => return Some(exporter),
        Err(error) => error,
    };
    reading.problem(&node.origin, &format!("{EXPORTERS}.{name}"), &error.to_string());
    None
}

fn is_only_of_the_environment(node: &Node, table: &Table) -> bool {
    table.get("type").is_none()
        && matches!(node.origin, Origin::Variable(_))
        && table.fields.iter().all(|field| matches!(field.origin, Origin::Variable(_)))
}
