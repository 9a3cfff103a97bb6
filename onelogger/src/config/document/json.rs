//! JSON, strictly. A reader of our own, because `serde_json` does not say where a value stands; texts
//! and numbers are its affair.

use super::{Content, MAX_DEPTH, Node, Source, Table, too_many_values};

/// The message and where the reader stood.
type Wrong = (usize, String);

pub(super) fn parse(source: &mut Source<'_>) -> Option<Node> {
    let mut reader = Reader { source, at: 0 };
    let result = reader.value(0).and_then(|node| {
        reader.blanks();
        if reader.at < reader.source.text.len() { reader.wrong("the end") } else { Ok(node) }
    });
    match result {
        Ok(node) => Some(node),
        Err((at, message)) => {
            let origin = source.at(at);
            source.problem(origin, message);
            None
        }
    }
}

struct Reader<'a, 'b> {
    source: &'a mut Source<'b>,
    at: usize,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<Node, Wrong> {
        self.blanks();
        let begin = self.at;
        if depth > MAX_DEPTH {
            return Err((begin, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.source.is_one_too_many() {
            return Err((begin, too_many_values()));
        }
        let content = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Content::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            _ => return self.wrong("a value"),
        };
        Ok(Node::new(self.source.at(begin), content))
    }

    fn table(&mut self, depth: usize) -> Result<Content, Wrong> {
        self.at += 1;
        let mut table = Table::default();
        if self.takes(b'}') {
            return Ok(Content::Table(table));
        }
        loop {
            self.blanks();
            let origin = self.source.at(self.at);
            if self.peek() != Some(b'"') {
                return self.wrong("a name in quotes");
            }
            let name = self.text()?;
            if !self.takes(b':') {
                return self.wrong("`:`");
            }
            let value = self.value(depth + 1)?;
            self.source.add(&mut table, name, origin, value);
            if self.takes(b'}') {
                return Ok(Content::Table(table));
            }
            if !self.takes(b',') {
                return self.wrong("`,` or `}`");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Content, Wrong> {
        self.at += 1;
        let mut list = Vec::new();
        if self.takes(b']') {
            return Ok(Content::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            if self.takes(b']') {
                return Ok(Content::List(list));
            }
            if !self.takes(b',') {
                return self.wrong("`,` or `]`");
            }
        }
    }

    fn text(&mut self) -> Result<String, Wrong> {
        let begin = self.at;
        let mut is_escaped = false;
        let inside = self.source.text[begin + 1..].find(|char| {
            let ends = char == '"' && !is_escaped;
            is_escaped = char == '\\' && !is_escaped;
            ends
        });
        let Some(inside) = inside else {
            return Err((begin, "the text has no end; a `\"` is missing".into()));
        };
        self.at = begin + inside + 2;
        serde_json::from_str(&self.source.text[begin..self.at]).map_err(|_| {
            (begin, "not a text of JSON: a wrong escape, or a line break in it".to_owned())
        })
    }

    fn number(&mut self) -> Result<Content, Wrong> {
        let begin = self.at;
        let rest = &self.source.text[begin..];
        let length =
            rest.find(|char: char| !matches!(char, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let number = &rest[..length.unwrap_or(rest.len())];
        self.at += number.len();
        let is_whole = !number.contains(['.', 'e', 'E']);
        match serde_json::from_str::<serde_json::Number>(number) {
            Ok(value) if is_whole && value.as_i64().is_some() => {
                Ok(Content::Integer(value.as_i64().unwrap_or_default()))
            }
            Ok(_) if is_whole => Err((begin, "a whole number that needs more than 64 bits".into())),
            Ok(value) => Ok(Content::Float(value.as_f64().unwrap_or(f64::NAN))),
            // Not shown: it may be a password whose quotes are missing.
            Err(_) => Err((begin, "not a number of JSON; texts stand in quotes".into())),
        }
    }

    fn word(&mut self) -> Result<Content, Wrong> {
        let rest = &self.source.text[self.at..];
        let length = rest.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let content = match &rest[..length] {
            "true" => Content::Bool(true),
            "false" => Content::Bool(false),
            "null" => Content::Nothing,
            _ => return self.wrong("a value; texts stand in quotes"),
        };
        self.at += length;
        Ok(content)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.blanks();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn wrong<T>(&self, expected: &str) -> Result<T, Wrong> {
        // Of what stands there one character is shown: it may be a secret in a wrong place.
        let found = match self.source.text[self.at..].chars().next() {
            Some(char) if char.is_control() => format!("`{}`", char.escape_debug()),
            Some(char) => format!("`{char}`"),
            None => "the end".to_owned(),
        };
        Err((self.at, format!("expected {expected}, found {found}")))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::super::{Format, Report, parse};
    use super::*;

    /// What is read, or the one problem.
    fn read(text: &str) -> Result<Node, String> {
        let mut report = Report::default();
        let node = parse(&"a".into(), Format::Json, text, &mut report);
        let problems = report.into_problems();
        match (node, &problems[..]) {
            (Some(node), []) => Ok(node),
            _ => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    /// As `serde_json` writes it.
    fn written(node: &Node) -> String {
        match &node.content {
            Content::Bool(value) => value.to_string(),
            Content::Integer(number) => number.to_string(),
            Content::Float(number) => serde_json::json!(number).to_string(),
            Content::Text(text) => serde_json::json!(text).to_string(),
            Content::List(list) => {
                format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(","))
            }
            Content::Table(table) => {
                let mut text = String::from("{");
                for (number, field) in table.fields.iter().enumerate() {
                    let comma = if number == 0 { "" } else { "," };
                    let name = serde_json::json!(field.name);
                    write!(text, "{comma}{name}:{}", written(&field.value)).unwrap();
                }
                text + "}"
            }
            Content::Nothing | Content::Exporter => "null".to_owned(),
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..6);
            let table = prop::collection::btree_map(any::<String>(), inner, 0..6);
            prop_oneof![
                list.prop_map(Into::into),
                table.prop_map(|table| serde_json::Value::Object(table.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read(value in any_json(), is_pretty in any::<bool>()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let text = if is_pretty { pretty } else { value.to_string() };
            prop_assert_eq!(written(&read(&text).unwrap()), value.to_string());
        }

        #[test]
        fn what_serde_json_refuses_is_refused(
            value in any_json(),
            at in any::<prop::sample::Index>(),
            with in "[\\]\\[{}\",:0-9eE.+\\\\ tfn-]?",
        ) {
            let mut chars: Vec<char> = value.to_string().chars().collect();
            let at = at.index(chars.len());
            chars.splice(at..=at, with.chars());
            let text: String = chars.into_iter().collect();
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            match read(&text) {
                Ok(_) => prop_assert!(expected.is_ok(), "{text}"),
                // What JSON leaves to whoever reads it.
                Err(problem) if problem.contains("given twice") || problem.contains("64 bits") => {}
                Err(problem) => prop_assert!(expected.is_err(), "{text}: {problem}"),
            }
        }
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let node = read("{\n  \"ä\": 1, \"b\": [true,\n 2]}").unwrap();
        let Content::Table(table) = &node.content else { panic!("no table") };
        let places: Vec<String> =
            table.fields.iter().map(|field| field.origin.to_string()).collect();
        assert_eq!(places, ["a:2:3", "a:2:11"]);
        let Content::List(list) = &table.fields[1].value.content else { panic!("no list") };
        assert_eq!(list[1].origin.to_string(), "a:3:2");
    }
}
