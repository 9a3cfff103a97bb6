//! A record as a line of `key=value`, byte for byte as the Python library's logger exporter writes
//! it.
//!
//! It is made from the line of JSON that the file exporter writes: both hold the same by
//! construction, and a logger costs more than reading a line again.

use std::cmp::Reverse;
use std::io;

use serde_json::{Map, Value};

use super::json::put_display;

pub(super) fn from_json(json: &[u8]) -> io::Result<String> {
    let record: Map<String, Value> = serde_json::from_slice(json)?;
    let mut line = b"[".to_vec();
    put_items(&mut line, "", &record);
    line.push(b']');
    String::from_utf8(line).map_err(io::Error::other)
}

/// Keys in descending order, those of an object in its place; an object without any has no item.
fn put_items(line: &mut Vec<u8>, prefix: &str, object: &Map<String, Value>) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|&(key, _)| Reverse(key));
    for (key, value) in entries {
        let key = format!("{prefix}{}", segment(key));
        if let Value::Object(object) = value {
            put_items(line, &(key + "."), object);
            continue;
        }
        if line.len() > 1 {
            line.extend_from_slice(b" | ");
        }
        line.extend_from_slice(key.as_bytes());
        line.push(b'=');
        put_value(line, value);
    }
}

/// A part of a key. It is a JSON text where it would otherwise be taken for something else.
fn segment(key: &str) -> String {
    let is_special = |character: char| {
        matches!(character, '.' | '=' | '|' | '"')
            || character.is_whitespace()
            || character.is_control()
    };
    if !key.contains(is_special) {
        return key.to_owned();
    }
    let mut quoted = Vec::new();
    put_text(&mut quoted, key);
    String::from_utf8_lossy(&quoted).into_owned()
}

/// A value as Python's `json.dumps` writes it.
fn put_value(line: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => put_text(line, text),
        Value::Number(number) if number.is_f64() => {
            put_float(line, number.as_f64().unwrap_or_default());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => put_display(line, value),
        Value::Array(list) => {
            line.push(b'[');
            for (place, element) in list.iter().enumerate() {
                line.extend_from_slice(if place > 0 { b", " } else { b"" });
                put_value(line, element);
            }
            line.push(b']');
        }
        Value::Object(object) => {
            line.push(b'{');
            for (place, (key, value)) in object.iter().enumerate() {
                line.extend_from_slice(if place > 0 { b", " } else { b"" });
                put_text(line, key);
                line.extend_from_slice(b": ");
                put_value(line, value);
            }
            line.push(b'}');
        }
    }
}

/// The shortest digits that are read back as the same number, with an exponent where Python has one.
fn put_float(line: &mut Vec<u8>, value: f64) {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            put_display(line, format_args!("{digits}e{sign}{:02}", exponent.unsigned_abs()));
        }
        _ => put_display(line, format_args!("{value:?}")),
    }
}

/// A text with its quotes, in ASCII; astral characters as pairs of surrogates.
fn put_text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, character) in text.char_indices() {
        let short = match character {
            '"' => b'"',
            '\\' => b'\\',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            ' '..='~' => continue,
            _ => 0,
        };
        line.extend_from_slice(&bytes[copied..at]);
        copied = at + character.len_utf8();
        if short != 0 {
            line.extend_from_slice(&[b'\\', short]);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            put_display(line, format_args!("\\u{unit:04x}"));
        }
    }
    line.extend_from_slice(&bytes[copied..]);
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        assert_eq!(from_json(json.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn values_are_those_of_python() {
        // What `json.dumps` gives in CPython 3.11.
        for (value, expected) in [
            ("0.25", "0.25"),
            ("100.0", "100.0"),
            ("-0.0", "-0.0"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("1.5e300", "1.5e+300"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("2.5e-100", "2.5e-100"),
            ("5e-324", "5e-324"),
            ("9007199254740993", "9007199254740993"),
            ("[1,2.0,\"x\",true,[]]", "[1, 2.0, \"x\", true, []]"),
            ("\"café \\u007f \\b\\f\\u0001 🦀\"", r#""caf\u00e9 \u007f \b\f\u0001 \ud83e\udd80""#),
            ("[{\"a\":1,\"b\":\"c\"}]", "[{\"a\": 1, \"b\": \"c\"}]"),
        ] {
            check(&format!("{{\"k\":{value}}}"), &format!("[k={expected}]"));
        }
    }

    #[test]
    fn keys_descend_and_an_empty_object_is_left_out() {
        check(r#"{"a":{"x":1,"Z":{},"é":2},"b":3,"aa":{}}"#, "[b=3 | a.é=2 | a.x=1]");
    }

    #[test]
    fn p29_only_a_key_that_would_be_misread_is_quoted() {
        check(r#"{"loss[0]/é-_:":1,"":2}"#, "[loss[0]/é-_:=1 | =2]");
        check(
            r#"{"a.b":1,"a=b":2,"a|b":3,"a\"b":4,"a b":5,"a\nb":6}"#,
            r#"["a|b"=3 | "a=b"=2 | "a.b"=1 | "a\"b"=4 | "a b"=5 | "a\nb"=6]"#,
        );
    }
}
