//! Values as JSON text, written straight into a buffer.

use std::fmt::Display;
use std::io::Write;

use crate::data::{AttributesRef, ValueRef, non_finite_word};

/// Appends a text with its quotes.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..=0x1f | 0x7f => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        if escape == b'u' {
            put_display(out, format_args!("\\u{byte:04x}"));
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// Appends what needs no escaping.
pub(super) fn put_display(out: &mut Vec<u8>, value: impl Display) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends `,"key":value` for a value that needs no escaping.
pub(super) fn put_field(out: &mut Vec<u8>, key: &str, value: impl Display) {
    put_display(out, format_args!(",\"{key}\":{value}"));
}

/// Appends `,"key":"value"` for a value that needs no escaping.
pub(super) fn put_quoted(out: &mut Vec<u8>, key: &str, value: impl Display) {
    put_display(out, format_args!(",\"{key}\":\"{value}\""));
}

fn put_float(out: &mut Vec<u8>, value: f64) {
    match non_finite_word(value) {
        Some(word) => put_text(out, word),
        // The shortest text that is read back as the same number, with a point or an exponent.
        None => {
            let _ = serde_json::to_writer(out, &value);
        }
    }
}

fn put_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::String(text) => put_text(out, text),
        ValueRef::Bool(value) => put_display(out, value),
        ValueRef::I64(value) => put_display(out, value),
        ValueRef::F64(value) => put_float(out, value),
        ValueRef::List(list) => {
            out.push(b'[');
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                put_value(out, element);
            }
            out.push(b']');
        }
    }
}

/// Appends an object of attributes, with `last` in the end and in the place of one of that name.
pub(super) fn put_attributes(
    out: &mut Vec<u8>,
    attributes: AttributesRef<'_>,
    last: Option<(&str, u64)>,
) {
    out.push(b'{');
    let mut is_first = true;
    for (name, value) in attributes.iter() {
        if last.is_some_and(|(reserved, _)| reserved == name) {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        put_text(out, name);
        out.push(b':');
        put_value(out, value);
    }
    if let Some((name, value)) = last {
        if !is_first {
            out.push(b',');
        }
        put_display(out, format_args!("\"{name}\":{value}"));
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back() {
        let all: String =
            (0..0x300).filter_map(char::from_u32).chain("\u{2028}🦀".chars()).collect();
        let mut out = Vec::new();
        put_text(&mut out, &all);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), all);
    }
}
