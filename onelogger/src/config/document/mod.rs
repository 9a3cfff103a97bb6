//! Configuration as a tree, whatever it was written in: each value knows where it came from.

mod json;
#[cfg(feature = "toml")]
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::problem::Report;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// No source at all.
    Nowhere,
    /// A document (a file, a text, what a crate has registered), at a line and a column, both counted from 1; none is the document as a whole.
    Document(Arc<str>, Option<(usize, usize)>),
    /// An environment variable.
    Variable(String),
    Code,
}

impl Origin {
    /// The document that this is a place of.
    pub(super) fn whole(self) -> Origin {
        match self {
            Origin::Document(name, _) => Origin::Document(name, None),
            other => other,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Nowhere => Ok(()),
            Origin::Document(name, Some((line, column))) => write!(f, "{name}:{line}:{column}"),
            Origin::Document(name, None) => f.write_str(name),
            Origin::Variable(name) => f.write_str(name),
            Origin::Code => f.write_str("set in code"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    /// Where the values stand that it took the place of, from low to high.
    pub(super) over: Vec<Origin>,
    pub(super) content: Content,
}

#[derive(Clone)]
pub(super) enum Content {
    Nothing,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
    /// An exporter that the application has made itself; the loader has it.
    Exporter,
}

/// Fields in the order in which they were given.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) fields: Vec<Field>,
    /// Whether it came about by single fields (of the environment, or set one by one): then it changes
    /// these, where another table would take the place of the whole.
    pub(super) is_patch: bool,
}

/// Where a table is not set.
pub(super) static NO_FIELDS: Table = Table { fields: Vec::new(), is_patch: false };

#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: String,
    /// Of the name; the value has its own.
    pub(super) origin: Origin,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn new(origin: Origin, content: Content) -> Node {
        Node { origin, over: Vec::new(), content }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match &self.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }
}

impl Table {
    pub(super) fn patch() -> Table {
        Table { is_patch: true, ..Table::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.fields.iter().position(|field| field.name == name)?;
        Some(self.fields.remove(at).value)
    }

    pub(super) fn push(&mut self, name: impl Into<String>, origin: Origin, value: Node) {
        self.fields.push(Field { name: name.into(), origin, value });
    }
}

/// What a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON, without anything that is not JSON.
    Json,
    /// TOML, with the crate's feature `toml`.
    Toml,
    /// YAML, with the crate's feature `yaml`. Of YAML 1.2 the core schema: `yes` is a text. Aliases and
    /// tags are refused.
    Yaml,
}

impl Format {
    /// By the ending of the file's name.
    pub(super) fn of(path: &Path) -> Option<Format> {
        let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
        Some(match ending.as_str() {
            "json" => Format::Json,
            "toml" => Format::Toml,
            "yaml" | "yml" => Format::Yaml,
            _ => return None,
        })
    }
}

/// No configuration is longer.
pub(super) const MAX_BYTES: usize = 256 << 10;

/// No value lies deeper.
pub(super) const MAX_DEPTH: usize = 32;

/// No document has more values: fields are looked for one by one, places counted from the beginning, and
/// each value may be a problem.
const MAX_VALUES: usize = 1000;

/// Reads a document; `None` if what is wrong with it leaves nothing to go by.
pub(super) fn parse(
    name: &Arc<str>,
    format: Format,
    text: &str,
    report: &mut Report,
) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut source = Source { name, text, report, values: 0 };
    if text.len() > MAX_BYTES {
        let message = format!("longer than {MAX_BYTES} bytes, which no configuration is");
        source.whole(message);
        return None;
    }
    match format {
        Format::Json => json::parse(&mut source),
        #[cfg(feature = "toml")]
        Format::Toml => toml::parse(&mut source),
        #[cfg(feature = "yaml")]
        Format::Yaml => yaml::parse(&mut source),
        #[allow(unreachable_patterns, reason = "all of them are there with all features")]
        other => {
            let (called, feature) = match other {
                Format::Toml => ("TOML", "toml"),
                _ => ("YAML", "yaml"),
            };
            source.whole(format!(
                "{called} cannot be read: `onelogger` is compiled without its feature `{feature}`; \
                 switch that on in Cargo.toml, or write the file in JSON"
            ));
            None
        }
    }
}

fn too_many_values() -> String {
    format!("more than {MAX_VALUES} values, which no configuration has")
}

/// A document that is being read.
struct Source<'a> {
    name: &'a Arc<str>,
    text: &'a str,
    report: &'a mut Report,
    /// How many values have been read.
    values: usize,
}

impl Source<'_> {
    /// Counts a value; whether there are as many as there may be.
    fn is_one_too_many(&mut self) -> bool {
        self.values += 1;
        self.values > MAX_VALUES
    }

    /// The place of a byte.
    fn at(&self, offset: usize) -> Origin {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        self.place(line, column)
    }

    fn place(&self, line: usize, column: usize) -> Origin {
        Origin::Document(Arc::clone(self.name), Some((line, column)))
    }

    fn problem(&mut self, origin: Origin, message: impl Into<String>) {
        self.report.problem(origin, "", message);
    }

    fn whole(&mut self, message: impl Into<String>) {
        self.problem(Origin::Document(Arc::clone(self.name), None), message);
    }

    /// Adds a field, unless there is one of its name.
    fn add(&mut self, table: &mut Table, name: String, origin: Origin, value: Node) {
        if let Some(first) = table.fields.iter().find(|field| field.name == name) {
            let at = first.origin.clone();
            self.problem(origin, format!("`{name}` is given twice; the first is at {at}"));
        } else {
            table.push(name, origin, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Characters that mean something in one of the formats, and others.
        #[test]
        fn any_text_is_read_or_refused(text in "([\\[\\]{}\"',:=#&*!|>%@?~.\\\\ \n\tae01-]|\\PC){0,60}") {
            for format in [Format::Json, Format::Toml, Format::Yaml] {
                let mut report = Report::default();
                let node = parse(&"a".into(), format, &text, &mut report);
                prop_assert!(node.is_some() || !report.into_problems().is_empty(), "{text}");
            }
        }
    }
}
