//! The exporters of a layer, in the forms that they may have: a table by names, a list, and the list of
//! the Python library with `class_name` and `config`.

use super::document::{Content, Field, Node, Table};
use super::layers::EXPORTERS;
use super::problem::Report;

/// Classes of the Python library and the types that stand for them.
const CLASSES: &[(&str, &str)] = &[("FileExporter", "file"), ("LoggerExporter", "logger")];

/// Settings of these classes that have another name here.
const SETTINGS: &[(&str, &str)] = &[("file_path", "path")];

/// Makes a table by names of a layer's exporters.
pub(super) fn by_name(layer: &mut Table, report: &mut Report) {
    let Some(field) = layer.fields.iter_mut().find(|field| field.name == EXPORTERS) else {
        return;
    };
    let mut named = Table::default();
    let node = &mut field.value;
    match std::mem::replace(&mut node.content, Content::Nothing) {
        Content::Nothing => {}
        Content::Table(table) => {
            named.is_patch = table.is_patch;
            for Field { name, origin, value } in table.fields {
                let path = format!("{EXPORTERS}.{name}");
                if let Some(value) = entry(value, &path, report) {
                    named.push(name, origin, value);
                }
            }
        }
        Content::List(list) => {
            for (number, value) in list.into_iter().enumerate() {
                let path = format!("{EXPORTERS}[{number}]");
                if let Some(value) = entry(value, &path, report) {
                    add(&mut named, value, &path, report);
                }
            }
        }
        _ => report.problem(
            node.origin.clone(),
            EXPORTERS,
            "expected a table of exporters by name, or a list of exporters",
        ),
    }
    node.content = Content::Table(named);
}

/// Adds an entry of a list. One without a name is called by its type, and numbered where there is one
/// of that name.
fn add(named: &mut Table, mut value: Node, path: &str, report: &mut Report) {
    let name = match &mut value.content {
        Content::Table(table) => table.take("name"),
        _ => None,
    };
    let name = match name.map(|node| (node.content, node.origin)) {
        Some((Content::Text(name), origin)) => {
            if named.get(&name).is_some() {
                report.problem(origin, &format!("{path}.name"), format!("`{name}` is given twice"));
                return;
            }
            name
        }
        Some((_, origin)) => {
            report.problem(origin, &format!("{path}.name"), "expected a text");
            return;
        }
        None => {
            let kind = match value.table().and_then(|table| table.get("type")) {
                Some(Node { content: Content::Text(kind), .. }) => kind.clone(),
                _ => {
                    report.problem(value.origin, path, "has neither a `name` nor a `type`");
                    return;
                }
            };
            let is_free = |name: &String| named.get(name).is_none();
            let numbered = (2..).map(|number| format!("{kind}_{number}"));
            let mut names = std::iter::once(kind.clone()).chain(numbered);
            names.find(is_free).unwrap_or(kind)
        }
    };
    named.push(name, value.origin.clone(), value);
}

/// An entry in our form.
fn entry(node: Node, path: &str, report: &mut Report) -> Option<Node> {
    let Node { origin, over, content } = node;
    let mut table = match content {
        Content::Table(table) => table,
        Content::Exporter => return Some(Node { origin, over, content }),
        _ => {
            report.problem(origin, path, "expected a table with a `type`");
            return None;
        }
    };
    let table = match table.take("class_name") {
        Some(class) => of_class(&class, table, path, report)?,
        None => table,
    };
    Some(Node { origin, over, content: Content::Table(table) })
}

/// An entry as the Python library has it.
fn of_class(class: &Node, mut table: Table, path: &str, report: &mut Report) -> Option<Table> {
    let path = |field: &str| format!("{path}.{field}");
    let Content::Text(name) = &class.content else {
        report.problem(class.origin.clone(), &path("class_name"), "expected a text");
        return None;
    };
    if table.get("type").is_some() {
        let message = "stands beside a `type`, which says the same; leave one of them away";
        report.problem(class.origin.clone(), &path("class_name"), message);
        return None;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_off =
        table.get("enabled").is_some_and(|node| matches!(node.content, Content::Bool(false)));
    let known = CLASSES.iter().find(|(known, _)| *known == last).map(|(_, kind)| *kind);
    // An exporter that is off is not made, so nobody asks for its type.
    let Some(kind) = known.or(is_off.then_some(last)) else {
        let message = format!(
            "no exporter stands for the Python class `{name}`; `FileExporter` and `LoggerExporter` \
             have one, and `type: otlp` sends to collectors"
        );
        report.problem(class.origin.clone(), &path("class_name"), message);
        return None;
    };
    let config = table.take("config").map(|config| (config.origin, config.content));
    match config {
        None | Some((_, Content::Nothing)) => {}
        Some((_, Content::Table(config))) => {
            for Field { name, origin, value } in config.fields {
                let ours = SETTINGS.iter().find(|(theirs, _)| *theirs == name);
                let ours = ours.map_or(name, |(_, ours)| (*ours).to_owned());
                table.push(ours, origin, value);
            }
        }
        Some((origin, _)) => {
            report.problem(origin, &path("config"), "expected a table");
            return None;
        }
    }
    let kind = Node::new(class.origin.clone(), Content::Text(kind.to_owned()));
    table.push("type", class.origin.clone(), kind);
    Some(table)
}
