//! YAML, from the events of the crate `saphyr-parser`.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::{Content, MAX_DEPTH, Node, Origin, Source, Table, too_many_values};

pub(super) fn parse(source: &mut Source<'_>) -> Option<Node> {
    let text = source.text;
    let mut reader = Reader { source, events: Parser::new_from_str(text) };
    let result = reader.document();
    result.map_err(|(origin, message)| source.problem(origin, message)).ok()
}

type Wrong = (Origin, String);

struct Reader<'a, 'b, E> {
    source: &'a mut Source<'b>,
    events: E,
}

impl<'i, E: Iterator<Item = Result<(Event<'i>, Span), ScanError>>> Reader<'_, '_, E> {
    fn next(&mut self) -> Result<(Event<'i>, Origin), Wrong> {
        let place = |source: &Source<'_>, marker: &Marker| {
            // By our own lines: to the parser a lone `\r` ends one, and the last is followed by another.
            let mut places = source.text.char_indices().map(|(at, _)| at);
            source.at(places.nth(marker.index()).unwrap_or(source.text.len()))
        };
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, place(self.source, &span.start))),
            Some(Err(error)) => {
                let origin = place(self.source, error.marker());
                Err((origin, format!("not YAML: {}", error.info())))
            }
            // The end of the stream is an event of its own, and nobody asks after it.
            None => Ok((Event::StreamEnd, self.source.place(1, 1))),
        }
    }

    /// The one document of a file. One that is empty has no fields.
    fn document(&mut self) -> Result<Node, Wrong> {
        let mut document = None;
        loop {
            let (event, origin) = self.next()?;
            match event {
                Event::StreamEnd => {
                    let empty =
                        Node::new(self.source.place(1, 1), Content::Table(Table::default()));
                    return Ok(document.unwrap_or(empty));
                }
                Event::DocumentStart(_) if document.is_some() => {
                    return Err((origin, "a second document; a file holds one".to_owned()));
                }
                Event::DocumentStart(_) => {
                    let (event, origin) = self.next()?;
                    document = Some(self.value(event, origin, 0)?);
                }
                _ => {}
            }
        }
    }

    fn value(&mut self, event: Event<'i>, origin: Origin, depth: usize) -> Result<Node, Wrong> {
        if depth > MAX_DEPTH {
            return Err((origin, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.source.is_one_too_many() {
            return Err((origin, too_many_values()));
        }
        let (Event::Scalar(_, _, _, tag)
        | Event::SequenceStart(_, tag)
        | Event::MappingStart(_, tag)) = &event
        else {
            return Err((origin, "aliases are not read; an exporter may say `extends`".to_owned()));
        };
        if tag.is_some() {
            return Err((origin, "tags are not read; leave it away".to_owned()));
        }
        let content = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => match plain(&text) {
                Ok(content) => content,
                Err(message) => return Err((origin, message)),
            },
            Event::Scalar(text, ..) => Content::Text(text.into_owned()),
            Event::SequenceStart(..) => self.list(depth)?,
            _ => self.table(depth)?,
        };
        Ok(Node::new(origin, content))
    }

    fn list(&mut self, depth: usize) -> Result<Content, Wrong> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(list)),
                (event, origin) => list.push(self.value(event, origin, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Content, Wrong> {
        let mut table = Table::default();
        loop {
            let (event, origin) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(Content::Table(table)),
                Event::Scalar(name, _, _, None) => name.into_owned(),
                _ => return Err((origin, "the name of a field must be a text".to_owned())),
            };
            let (event, at) = self.next()?;
            let value = self.value(event, at, depth + 1)?;
            self.source.add(&mut table, name, origin, value);
        }
    }
}

/// What a text without quotes stands for, by the core schema of YAML 1.2.
fn plain(text: &str) -> Result<Content, String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_decimal = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let number = match text.split_at_checked(2) {
        _ if is_decimal => radix(text, 10),
        Some(("0x", digits)) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            radix(digits, 16)
        }
        Some(("0o", digits)) if digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            radix(digits, 8)
        }
        _ => return Ok(no_whole_number(text, unsigned)),
    };
    number
        .map(Content::Integer)
        .ok_or_else(|| "a whole number that needs more than 64 bits".to_owned())
}

fn no_whole_number(text: &str, unsigned: &str) -> Content {
    let begins_like_a_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Nothing,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Content::Float(f64::NAN),
        _ if [".inf", ".Inf", ".INF"].contains(&unsigned) => {
            Content::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        _ => match text.parse() {
            Ok(number) if begins_like_a_number => Content::Float(number),
            _ => Content::Text(text.to_owned()),
        },
    }
}
