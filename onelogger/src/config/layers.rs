//! From layers to one configuration: what is higher takes the place of what is lower.

use super::document::{Content, Field, Node, Origin, Table};
use super::problem::Report;

/// The table of exporters: its entries are replaced as wholes.
pub(super) const EXPORTERS: &str = "exporters";

/// Tables that say one thing: of two layers the higher one says it.
const WHOLES: &[&str] = &[
    "recorder.disable_rule",
    "recorder.lane_policy",
    "recorder.queue_policy",
    "recorder.sampler",
    "recorder.span_filter",
];

/// Puts one layer upon another.
pub(super) fn put(higher: Table, lower: &mut Table, report: &mut Report) {
    for field in higher.fields {
        if field.name != EXPORTERS {
            put_field(field, lower, "");
            continue;
        }
        let Content::Table(entries) = field.value.content else {
            // What else it may be has been refused where the layer was read.
            continue;
        };
        if lower.get(EXPORTERS).is_none() {
            let empty = Node::new(field.value.origin.clone(), Content::Table(Table::default()));
            lower.push(EXPORTERS, field.origin, empty);
        }
        let below = lower.fields.iter_mut().find(|field| field.name == EXPORTERS);
        if let Some(Content::Table(below)) = below.map(|field| &mut field.value.content) {
            put_entries(&entries, below, report);
        }
    }
}

/// Tables are put together field by field; everything else takes the place of what was there.
fn put_field(field: Field, lower: &mut Table, path: &str) {
    let path = super::settings::joined(path, &field.name);
    let Some(below) = lower.fields.iter_mut().find(|below| is_same(&field, &below.name)) else {
        lower.fields.push(field);
        return;
    };
    match (field.value.content, &mut below.value.content) {
        (Content::Table(table), Content::Table(within)) if !WHOLES.contains(&path.as_str()) => {
            table.fields.into_iter().for_each(|field| put_field(field, within, &path));
        }
        (content, _) => replace(&mut below.value, Node { content, ..field.value }),
    }
}

/// The environment writes `MY_RUN` for `my-run`.
fn is_same(field: &Field, below: &str) -> bool {
    let folded = |name: &str| name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
    field.name == below
        || matches!(field.origin, Origin::Variable(_)) && folded(&field.name) == folded(below)
}

fn replace(below: &mut Node, node: Node) {
    let mut over = std::mem::take(&mut below.over);
    over.push(below.origin.clone());
    over.extend(node.over.iter().cloned());
    *below = Node { over, ..node };
}

/// An entry takes the place of a lower one as a whole, unless it came about by single fields; one that
/// extends another is that other one, with its own fields upon it.
fn put_entries(higher: &Table, lower: &mut Table, report: &mut Report) {
    let mut done = Table::default();
    for field in &higher.fields {
        let mut under_way = Vec::new();
        if let Some(value) = resolved(&field.name, higher, lower, &mut under_way, report) {
            done.fields.push(Field { value, ..field.clone() });
        }
    }
    for field in done.fields {
        let below = lower.fields.iter_mut().find(|below| is_same(&field, &below.name));
        match (below, &field.value.content) {
            (Some(_), Content::Table(table)) if table.is_patch => put_field(field, lower, ""),
            (Some(below), _) => replace(&mut below.value, field.value),
            (None, _) => lower.fields.push(field),
        }
    }
}

/// An entry of the higher layer, with what it extends: an entry beside it, or else one of a lower layer.
fn resolved(
    name: &str,
    higher: &Table,
    lower: &Table,
    under_way: &mut Vec<String>,
    report: &mut Report,
) -> Option<Node> {
    let node = higher.get(name)?;
    let Some(extends) = node.table().and_then(|table| table.get("extends")) else {
        return Some(node.clone());
    };
    let field = format!("{EXPORTERS}.{name}.extends");
    let refuse = |report: &mut Report, message: String| {
        report.problem(extends.origin.clone(), &field, message);
        None
    };
    let Content::Text(base) = &extends.content else {
        return refuse(report, "expected the name of an exporter".to_owned());
    };
    under_way.push(name.to_owned());
    if base != name && under_way.contains(base) {
        return refuse(report, format!("`{base}` extends this entry itself"));
    }
    let beside = higher.fields.iter().any(|field| field.name == *base && base != name);
    let base_node = if beside {
        resolved(base, higher, lower, under_way, report)?
    } else if let Some(node) = lower.get(base) {
        node.clone()
    } else {
        let known = higher.fields.iter().chain(&lower.fields).map(|field| field.name.as_str());
        let known = known.filter(|known| known != &name);
        let suggestion = super::nearest::suggestion(base, known);
        return refuse(report, format!("there is no exporter `{base}` to extend{suggestion}"));
    };
    let Content::Table(mut table) = base_node.content else {
        let message = format!("`{base}` is an exporter made in code, which cannot be extended");
        return refuse(report, message);
    };
    // Where this entry stands below is nothing to it: it is whole now.
    table.is_patch = false;
    for field in node.table().into_iter().flat_map(|table| &table.fields) {
        if field.name != "extends" {
            put_field(field.clone(), &mut table, "");
        }
    }
    Some(Node { content: Content::Table(table), ..node.clone() })
}
