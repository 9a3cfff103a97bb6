//! What is set in code, as a layer.

use super::document::{Content, MAX_DEPTH, Node, Origin, Table};
use super::layers::EXPORTERS;
use super::variables::set;
use crate::data::{Attributes, Value};

/// What was set in code.
pub(super) enum Set {
    Value(Value),
    Function(Box<dyn FnOnce() -> Value>),
    Entry(Attributes),
    Exporter,
}

/// The layer of what is set in code.
pub(super) fn layer(fields: Vec<(String, Set)>) -> Table {
    let mut layer = Table::patch();
    for (field, given) in fields {
        let path: Vec<&str> = match &given {
            // The name of an exporter is one, also with a dot in it.
            Set::Entry(_) | Set::Exporter => vec![EXPORTERS, &field],
            Set::Value(_) | Set::Function(_) => field.splitn(MAX_DEPTH, '.').collect(),
        };
        let content = match given {
            Set::Value(value) => content(value),
            Set::Function(function) => content(function()),
            Set::Exporter => Content::Exporter,
            Set::Entry(entry) => {
                let mut table = Table::default();
                for (name, value) in entry.iter() {
                    let path: Vec<&str> = name.as_str().splitn(MAX_DEPTH, '.').collect();
                    let value = Node::new(Origin::Code, content(value.clone()));
                    set(&mut table, &path, value);
                }
                Content::Table(table)
            }
        };
        set(&mut layer, &path, Node::new(Origin::Code, content));
    }
    layer
}

fn content(value: Value) -> Content {
    fn list<T>(values: Vec<T>, content: impl Fn(T) -> Content) -> Content {
        let node = |value| Node::new(Origin::Code, content(value));
        Content::List(values.into_iter().map(node).collect())
    }
    match value {
        Value::String(text) => Content::Text(text),
        Value::Bool(value) => Content::Bool(value),
        Value::I64(number) => Content::Integer(number),
        Value::F64(number) => Content::Float(number),
        Value::StringList(values) => list(values, Content::Text),
        Value::BoolList(values) => list(values, Content::Bool),
        Value::I64List(values) => list(values, Content::Integer),
        Value::F64List(values) => list(values, Content::Float),
    }
}
