//! TOML, as the crate `toml` reads it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Content, MAX_DEPTH, MAX_VALUES, Node, Origin, Source, Table, too_many_values};

pub(super) fn parse(source: &mut Source<'_>) -> Option<Node> {
    let (document, errors) = DeTable::parse_recoverable(source.text);
    // Of a file that is something else each line is one.
    const SAID: usize = 20;
    for error in errors.iter().take(SAID) {
        let origin = source.at(error.span().map_or(0, |span| span.start));
        source.problem(origin, format!("not TOML: {}", error.message()));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut reader = Reader { source, is_broken: false };
    let content = reader.table(document.into_inner(), 0);
    (!reader.is_broken).then(|| Node::new(source.at(0), content))
}

struct Reader<'a, 'b> {
    source: &'a mut Source<'b>,
    /// Whether there was a value that the tree has no place for.
    is_broken: bool,
}

impl Reader<'_, '_> {
    fn table(&mut self, document: DeTable<'_>, depth: usize) -> Content {
        let mut fields: Vec<_> = document.into_iter().collect();
        // By their places: `toml` has sorted them by name.
        fields.sort_by_key(|(name, _)| name.span().start);
        let mut table = Table::default();
        for (name, value) in fields {
            if self.source.values > MAX_VALUES {
                break;
            }
            let origin = self.source.at(name.span().start);
            let value = self.node(value, depth + 1);
            self.source.add(&mut table, name.into_inner().into_owned(), origin, value);
        }
        Content::Table(table)
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>, depth: usize) -> Node {
        if self.source.values > MAX_VALUES {
            // That there are too many is said.
            return Node::new(Origin::Nowhere, Content::Nothing);
        }
        let origin = self.source.at(value.span().start);
        let content = match value.into_inner() {
            _ if self.source.is_one_too_many() => Err(too_many_values()),
            _ if depth > MAX_DEPTH => Err(format!("nested deeper than {MAX_DEPTH} levels")),
            DeValue::Table(document) => Ok(self.table(document, depth)),
            DeValue::Array(list) => {
                let list = list.into_iter().map(|value| self.node(value, depth + 1));
                Ok(Content::List(list.collect()))
            }
            DeValue::String(text) => Ok(Content::Text(text.into_owned())),
            DeValue::Boolean(value) => Ok(Content::Bool(value)),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(Content::Integer)
                .map_err(|_| "a whole number that needs more than 64 bits".to_owned()),
            DeValue::Float(number) => {
                number.as_str().parse().map(Content::Float).map_err(|_| "no number".to_owned())
            }
            DeValue::Datetime(_) => {
                Err("a date, which no field takes; write a text, in quotes".to_owned())
            }
        };
        let content = content.unwrap_or_else(|message| {
            self.is_broken = true;
            self.source.problem(origin.clone(), message);
            Content::Nothing
        });
        Node::new(origin, content)
    }
}
