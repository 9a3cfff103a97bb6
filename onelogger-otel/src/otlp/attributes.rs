//! Attributes as the protocol writes them.

use onelogger::exporter::Batch;
use onelogger::{Attributes, AttributesRef, EventRecord, ListRef, Record, ValueRef};

use super::limits::AttributeLimits;
use super::wire;

/// `KeyValue { 1: key, 2: value }`.
const KEY: u8 = wire::with_length(1) as u8;
const VALUE: u8 = wire::with_length(2) as u8;

/// `AnyValue`, one of these. The field stands there whatever the value is, an empty text included.
const STRING: u8 = wire::with_length(1) as u8;
const BOOL: u8 = wire::with_varint(2) as u8;
const INT: u8 = wire::with_varint(3) as u8;
const DOUBLE: u8 = wire::with_fixed64(4) as u8;
const ARRAY: u8 = wire::with_length(5) as u8;

/// `ArrayValue { 1: value… }`.
const ELEMENT: u8 = wire::with_length(1) as u8;

/// Writes attributes into a field of a message, each under the name that `named` gives it; those to
/// which it gives none are not meant to be sent. Returns how many are left out for the limits.
#[inline]
pub(super) fn attributes<'a>(
    out: &mut Vec<u8>,
    field: u32,
    all: AttributesRef<'a>,
    limits: AttributeLimits,
    mut named: impl FnMut(&'a str, &ValueRef<'a>) -> Option<&'a str>,
) -> u64 {
    let mut count = 0;
    let mut dropped = 0;
    // Not a loop: its values would go through memory, which costs as much as to write them.
    all.iter().for_each(|(name, value)| match named(name, &value) {
        Some(name) if count < limits.count => {
            attribute(out, field, name, &value, limits.value_length);
            count += 1;
        }
        Some(_) => dropped += 1,
        None => {}
    });
    dropped
}

/// All under the names that they have.
#[inline]
pub(super) fn as_named<'a>(name: &'a str, _: &ValueRef<'a>) -> Option<&'a str> {
    Some(name)
}

/// Writes attributes that stand in no record.
pub(super) fn all_attributes(out: &mut Vec<u8>, field: u32, all: &Attributes) {
    // In a record they are what everything else here is made for.
    let record = Record::Event(EventRecord { attributes: all.clone(), ..EventRecord::default() });
    let batch: Batch = [record].into_iter().collect();
    for record in batch.records().iter() {
        attributes(out, field, record.attributes(), AttributeLimits::NONE, as_named);
    }
}

/// Writes one attribute. In the place of each call: a value that is handed over goes through memory.
#[inline(always)]
pub(super) fn attribute(
    out: &mut Vec<u8>,
    field: u32,
    key: &str,
    value: &ValueRef<'_>,
    longest: Option<usize>,
) {
    // The kinds are told apart once for what stands before a value and for the value.
    match *value {
        ValueRef::String(value) => {
            let value = cut(value, longest);
            before_value(out, field, key, 1 + size_with_length(value.len()));
            out.push(STRING);
            text(out, value);
        }
        ValueRef::Bool(value) => {
            before_value(out, field, key, 2);
            out.extend_from_slice(&[BOOL, u8::from(value)]);
        }
        ValueRef::I64(value) => {
            before_value(out, field, key, 1 + wire::varint_length(value as u64));
            out.push(INT);
            wire::varint(out, value as u64);
        }
        ValueRef::F64(value) => {
            before_value(out, field, key, 9);
            double(out, value);
        }
        ValueRef::List(_) => {
            before_value(out, field, key, length(value, longest));
            write(out, value, longest);
        }
    }
}

/// What stands before the value of an attribute, which takes so many bytes.
#[inline]
fn before_value(out: &mut Vec<u8>, field: u32, key: &str, value_length: usize) {
    let length = 2 + size_with_length(key.len()) + size_with_length(value_length);
    let field = wire::with_length(field);
    // Short, as nearly all are: each length is a byte.
    if field < 0x80 && length < 0x80 {
        out.extend_from_slice(&[field as u8, length as u8, KEY, key.len() as u8]);
        wire::put(out, key.as_bytes());
        out.extend_from_slice(&[VALUE, value_length as u8]);
    } else {
        wire::varint(out, field);
        wire::varint(out, length as u64);
        out.push(KEY);
        text(out, key);
        out.push(VALUE);
        wire::varint(out, value_length as u64);
    }
}

/// Writes a value that stands alone: `AnyValue` in a field of a message.
pub(super) fn any_value(out: &mut Vec<u8>, field: u32, value: &ValueRef<'_>) {
    wire::message(out, field, |out| write(out, value, None));
}

/// The same value of the same type. Numbers that are none and infinite ones are numbers here.
#[inline]
fn write(out: &mut Vec<u8>, value: &ValueRef<'_>, longest: Option<usize>) {
    match *value {
        ValueRef::String(value) => {
            out.push(STRING);
            text(out, cut(value, longest));
        }
        ValueRef::Bool(value) => out.extend_from_slice(&[BOOL, u8::from(value)]),
        ValueRef::I64(value) => {
            out.push(INT);
            wire::varint(out, value as u64);
        }
        ValueRef::F64(value) => double(out, value),
        ValueRef::List(list) => {
            out.push(ARRAY);
            wire::varint(out, elements_length(list, longest) as u64);
            for element in list.iter() {
                out.push(ELEMENT);
                wire::varint(out, length(&element, longest) as u64);
                write(out, &element, longest);
            }
        }
    }
}

#[inline]
fn double(out: &mut Vec<u8>, value: f64) {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_bits().to_le_bytes();
    out.extend_from_slice(&[DOUBLE, b0, b1, b2, b3, b4, b5, b6, b7]);
}

/// How many bytes [`write`] takes.
#[inline]
fn length(value: &ValueRef<'_>, longest: Option<usize>) -> usize {
    1 + match *value {
        ValueRef::String(value) => size_with_length(cut(value, longest).len()),
        ValueRef::Bool(_) => 1,
        ValueRef::I64(value) => wire::varint_length(value as u64),
        ValueRef::F64(_) => 8,
        ValueRef::List(list) => size_with_length(elements_length(list, longest)),
    }
}

fn elements_length(list: ListRef<'_>, longest: Option<usize>) -> usize {
    list.iter().map(|element| 1 + size_with_length(length(&element, longest))).sum()
}

fn size_with_length(length: usize) -> usize {
    wire::varint_length(length as u64) + length
}

#[inline]
fn text(out: &mut Vec<u8>, text: &str) {
    wire::varint(out, text.len() as u64);
    wire::put(out, text.as_bytes());
}

/// The first so many characters.
#[inline]
fn cut(text: &str, longest: Option<usize>) -> &str {
    match longest {
        Some(longest) if text.len() > longest => match text.char_indices().nth(longest) {
            Some((end, _)) => &text[..end],
            None => text,
        },
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let check = |text, longest, expected: &str| assert_eq!(cut(text, longest), expected);
        check("häß", None, "häß");
        check("häß", Some(3), "häß");
        check("häß", Some(2), "hä");
        check("häß", Some(0), "");
        check("", Some(0), "");
    }
}
