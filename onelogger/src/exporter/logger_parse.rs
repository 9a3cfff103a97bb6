//! Lines of `key=value`, ours and the Python library's, turned back into lines of JSON.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::IgnoredAny;

use super::json::put_text;

/// Why a line of a [`LoggerExporter`](super::LoggerExporter) could not be read back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at byte {at})")]
pub struct ParseLineError {
    what: String,
    at: usize,
}

/// An object, whose values are JSON texts.
#[derive(Default)]
struct Object(BTreeMap<String, Node>);

enum Node {
    Value(String),
    Object(Object),
}

/// So many parts a key of a record has, as in `event.attributes.name`.
const DEEPEST: usize = 3;

pub(super) fn parse(line: &str) -> Result<String, ParseLineError> {
    // The first key in descending order. The text occurs within no value, where quotes are escaped.
    let begin = line.find("[type=\"");
    let begin =
        begin.ok_or_else(|| error(0, "there is no record, which begins with `[type=\"`"))?;
    let mut scanner = Scanner { line, at: begin + 1 };
    let mut record = Object::default();
    loop {
        let at = scanner.at;
        let key = scanner.key()?;
        let value = scanner.value()?;
        record.put(&key, value).map_err(|what| error(at, what))?;
        if scanner.skip("]") {
            break;
        }
        if !scanner.skip(" | ") {
            return Err(scanner.unexpected("` | ` or `]`"));
        }
    }
    let mut json = Vec::new();
    record.put_json(&mut json);
    String::from_utf8(json).map_err(|_| error(begin, "the record is no text"))
}

impl Object {
    fn put(&mut self, key: &[String], value: String) -> Result<(), &'static str> {
        let mut object = self;
        let Some((last, above)) = key.split_last().filter(|_| key.len() <= DEEPEST) else {
            return Err("the key has more parts than those of a record");
        };
        for segment in above {
            let node = object.0.entry(segment.clone());
            object = match node.or_insert_with(|| Node::Object(Object::default())) {
                Node::Object(object) => object,
                Node::Value(_) => return Err("a part of the key has a value already"),
            };
        }
        match object.0.entry(last.clone()) {
            Entry::Vacant(entry) => drop(entry.insert(Node::Value(value))),
            Entry::Occupied(_) => return Err("the key has a value already"),
        }
        Ok(())
    }

    fn put_json(&self, json: &mut Vec<u8>) {
        json.push(b'{');
        for (place, (key, node)) in self.0.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            put_text(json, key);
            json.push(b':');
            match node {
                Node::Value(value) => json.extend_from_slice(value.as_bytes()),
                Node::Object(object) => object.put_json(json),
            }
        }
        json.push(b'}');
    }
}

const BREAKS_OFF: &str = "the record breaks off";

struct Scanner<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn skip(&mut self, text: &str) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// The parts of a key, and the `=` behind it.
    fn key(&mut self) -> Result<Vec<String>, ParseLineError> {
        let mut key = Vec::new();
        loop {
            key.push(self.segment()?);
            if self.skip("=") {
                return Ok(key);
            }
            if !self.skip(".") {
                return Err(self.unexpected("`.` or `=`"));
            }
        }
    }

    fn segment(&mut self) -> Result<String, ParseLineError> {
        let (rest, at) = (self.rest(), self.at);
        if !rest.starts_with('"') {
            let end = rest.find(['.', '=']).ok_or_else(|| self.breaks_off())?;
            self.at += end;
            return Ok(rest[..end].to_owned());
        }
        let end = text_end(rest).ok_or_else(|| self.breaks_off())?;
        self.at += end;
        serde_json::from_str(&rest[..end]).map_err(|_| error(at, "the key is no JSON text"))
    }

    /// A value: JSON, or what Python writes for a float that JSON has no number for, which becomes
    /// a text as in our own lines.
    fn value(&mut self) -> Result<String, ParseLineError> {
        const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
        let (rest, at) = (self.rest(), self.at);
        let (mut value, mut depth, mut end) = (String::new(), 0_usize, 0);
        loop {
            let tail = &rest[end..];
            let length = match tail.bytes().next().ok_or_else(|| self.breaks_off())? {
                b'"' => text_end(tail).ok_or_else(|| self.breaks_off())?,
                b' ' | b']' if depth == 0 => break,
                // Blank space to JSON, and two lines to whoever reads what becomes of it.
                b'\n' | b'\r' => return Err(error(at + end, BREAKS_OFF)),
                byte => {
                    depth += matches!(byte, b'[' | b'{') as usize;
                    depth = depth.saturating_sub(matches!(byte, b']' | b'}') as usize);
                    if let Some(word) = WORDS.into_iter().find(|word| tail.starts_with(word)) {
                        value.push_str(&format!("\"{word}\""));
                        end += word.len();
                        continue;
                    }
                    tail.chars().next().map_or(1, char::len_utf8)
                }
            };
            value.push_str(&tail[..length]);
            end += length;
        }
        // Not kept as a text, as the Python library does: nobody could tell the two apart.
        serde_json::from_str::<IgnoredAny>(&value)
            .map_err(|_| error(at, "the value is no JSON"))?;
        self.at += end;
        Ok(value)
    }

    fn unexpected(&self, expected: &str) -> ParseLineError {
        if self.rest().is_empty() {
            return self.breaks_off();
        }
        error(self.at, format!("expected {expected}"))
    }

    fn breaks_off(&self) -> ParseLineError {
        error(self.line.len(), BREAKS_OFF)
    }
}

/// Where the JSON text ends with which this begins.
fn text_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn error(at: usize, what: impl Into<String>) -> ParseLineError {
    ParseLineError { what: what.into(), at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p30_a_line_of_the_python_library_is_read_with_what_its_own_parser_breaks_on() {
        let check = |line: &str, expected: &str| assert_eq!(parse(line).as_deref(), Ok(expected));
        check(
            r#"2026 INFO x: [type="event" | event.name="a | b=c ]" | event.attributes.a b=["]", "="] | count=3]"#,
            r#"{"count":3,"event":{"attributes":{"a b":["]", "="]},"name":"a | b=c ]"},"type":"event"}"#,
        );
        check(
            r#"[type="event" | event.attributes.=[NaN, -Infinity, 1.0] | event.attributes.w="\ud83e"]"#,
            r#"{"event":{"attributes":{"":["NaN", "-Infinity", 1.0],"w":"\ud83e"}},"type":"event"}"#,
        );
        check("[type=\"stop\"]\u{1b}[0m", "{\"type\":\"stop\"}");
    }

    #[test]
    fn what_is_no_whole_record_is_refused_with_the_place() {
        let check = |line: &str, expected: &str| {
            assert_eq!(parse(line).unwrap_err().to_string(), expected, "{line}");
        };
        check("[1, 2]", "there is no record, which begins with `[type=\"` (at byte 0)");
        let whole = r#"[type="event" | event.attributes."a.b"=["]", 1] | count=3]"#;
        assert!(parse(whole).is_ok());
        for end in 7..whole.len() {
            assert!(parse(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        check("[type=\"x\"", "the record breaks off (at byte 9)");
        check("[type=\"x\" | a=[1,\n2]]", "the record breaks off (at byte 17)");
        check("[type=\"x\" |", "expected ` | ` or `]` (at byte 9)");
        check("[type=\"x\" | a=b]", "the value is no JSON (at byte 14)");
        check("[type=\"x\" | a=]", "the value is no JSON (at byte 14)");
        check("[type=\"x\" | a=}]", "the value is no JSON (at byte 14)");
        check("[type=\"x\" | \"\\q\"=1]", "the key is no JSON text (at byte 12)");
        check("[type=\"x\" | \"a\"b=1]", "expected `.` or `=` (at byte 15)");
        check("[type=\"x\" | type=1]", "the key has a value already (at byte 12)");
        check("[type=\"x\" | type.a=1]", "a part of the key has a value already (at byte 12)");
        check("[type=\"x\" | a.b=1 | a=1]", "the key has a value already (at byte 20)");
        let deep = format!("[type=\"x\" | {}a=1]", "a.".repeat(1_000_000));
        check(&deep, "the key has more parts than those of a record (at byte 12)");
        let deep = format!("[type=\"x\" | a={}", "[".repeat(1_000_000));
        check(&deep, "the record breaks off (at byte 1000014)");
    }
}
