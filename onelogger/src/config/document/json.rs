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
            Err(_) => Err((begin, format!("`{number}` is no number of JSON"))),
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
