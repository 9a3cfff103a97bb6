//! Protocol Buffers, written as they go over the wire.
//!
//! A message is written field by field, behind what is there already. Scalars and texts that have
//! their default value are left out, as the format wants it; which fields a message has, and of
//! which type, is for the caller to know.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

/// The key of a field whose value has a length: a text, bytes, a message.
pub(super) const fn with_length(field: u32) -> u64 {
    (field << 3 | LENGTH) as u64
}

/// The key of a field of varying length: whole numbers, booleans, enumerations.
pub(super) const fn with_varint(field: u32) -> u64 {
    (field << 3 | VARINT) as u64
}

/// The key of a field of 64 bits.
pub(super) const fn with_fixed64(field: u32) -> u64 {
    (field << 3 | FIXED64) as u64
}

/// The key of a field of 32 bits.
const fn with_fixed32(field: u32) -> u64 {
    (field << 3 | FIXED32) as u64
}

/// A number of varying length, seven bits a byte.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes such a number takes.
#[inline]
pub(super) const fn varint_length(value: u64) -> usize {
    // A byte for each seven bits, the division by seven as a multiplication that is exact up to 64.
    let highest_bit = (value | 1).ilog2();
    ((highest_bit * 9 + 73) / 64) as usize
}

#[inline]
pub(super) fn uint(out: &mut Vec<u8>, field: u32, value: u64) {
    let key = with_varint(field);
    if key < 0x80 && (1..0x80).contains(&value) {
        out.extend_from_slice(&[key as u8, value as u8]);
    } else if value != 0 {
        varint(out, with_varint(field));
        varint(out, value);
    }
}

#[inline]
pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        // All at once: each step would look for room of its own.
        let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_le_bytes();
        match u8::try_from(with_fixed64(field)) {
            Ok(key @ ..0x80) => out.extend_from_slice(&[key, b0, b1, b2, b3, b4, b5, b6, b7]),
            _ => {
                varint(out, with_fixed64(field));
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

#[inline]
pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        varint(out, with_fixed32(field));
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Bytes of a known number.
#[inline]
pub(super) fn array<const LENGTH: usize>(out: &mut Vec<u8>, field: u32, value: [u8; LENGTH]) {
    head(out, field, LENGTH);
    out.extend_from_slice(&value);
}

/// A text in parts that are put together.
#[inline]
pub(super) fn text(out: &mut Vec<u8>, field: u32, parts: &[&str]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > 0 {
        head(out, field, length);
        for part in parts {
            put(out, part.as_bytes());
        }
    }
}

/// Bytes as they are. Names and keys are short, and for these a call costs more than the copy.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    match as_number(bytes) {
        Some(number) => {
            let end = out.len() + bytes.len();
            out.extend_from_slice(&number.to_le_bytes());
            out.truncate(end);
        }
        None => out.extend_from_slice(bytes),
    }
}

/// Up to 16 bytes as a number, the first one lowest. The first bytes and the last ones are read at
/// once, and may overlap.
#[inline]
fn as_number(bytes: &[u8]) -> Option<u128> {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk::<8>()) {
        let shift = 8 * (bytes.len() - 8);
        let last = u128::from(u64::from_le_bytes(*last));
        return (shift <= 64).then(|| u128::from(u64::from_le_bytes(*first)) | last << shift);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
        return Some(u128::from(u64::from(u32::from_le_bytes(*first)) | last));
    }
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte)))
}

/// What stands before a value of so many bytes.
#[inline]
pub(super) fn head(out: &mut Vec<u8>, field: u32, length: usize) {
    let key = with_length(field);
    if key < 0x80 && length < 0x80 {
        out.extend_from_slice(&[key as u8, length as u8]);
    } else {
        varint(out, key);
        varint(out, length as u64);
    }
}

/// How long a field is whose value takes so many bytes.
pub(super) const fn size(field: u32, length: usize) -> usize {
    varint_length(with_length(field)) + varint_length(length as u64) + length
}

/// A message within a message, also if it has no fields. For short ones: a length of one byte is
/// expected.
#[inline]
pub(super) fn message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    nested::<1>(out, field, write);
}

/// The same, where the length is expected to take so many bytes. With another length what was
/// written moves, once.
#[inline]
pub(super) fn nested<const EXPECTED: usize>(
    out: &mut Vec<u8>,
    field: u32,
    write: impl FnOnce(&mut Vec<u8>),
) {
    varint(out, with_length(field));
    let before = out.len();
    out.extend_from_slice(&[0; EXPECTED]);
    write(out);
    let start = before + EXPECTED;
    let length = out.len() - start;
    let size = varint_length(length as u64);
    if size != EXPECTED {
        if size > EXPECTED {
            out.resize(out.len() + size - EXPECTED, 0);
        }
        out.copy_within(start..start + length, before + size);
        out.truncate(before + size + length);
    }
    let mut rest = length;
    for byte in &mut out[before..before + size] {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[before + size - 1] &= 0x7f;
}

#[cfg(test)]
mod tests {
    use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};

    use super::*;

    #[test]
    fn numbers_are_those_of_the_protocol() {
        let edges = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]).chain([u64::MAX]);
        for value in edges {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            varint(&mut ours, value);
            encode_varint(value, &mut theirs);
            assert_eq!(ours, theirs);
            assert_eq!(varint_length(value), encoded_len_varint(value));
        }
    }

    #[test]
    fn a_message_has_the_shortest_length_whatever_was_expected() {
        fn check<const EXPECTED: usize>(length: usize) {
            let content: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let mut out = vec![7];
            nested::<EXPECTED>(&mut out, 3, |out| out.extend_from_slice(&content));
            let mut rest = &out[1..];
            assert_eq!(decode_varint(&mut rest), Ok(3 << 3 | 2));
            let before = rest.len();
            assert_eq!(decode_varint(&mut rest), Ok(length as u64));
            assert_eq!(before - rest.len(), varint_length(length as u64));
            assert_eq!(rest, content);
        }
        for length in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x20_0000] {
            check::<1>(length);
            check::<2>(length);
            check::<4>(length);
        }
    }

    #[test]
    fn bytes_are_copied_whatever_their_number() {
        let all: Vec<u8> = (1..=40).collect();
        for length in 0..all.len() {
            let mut out = vec![7];
            put(&mut out, &all[..length]);
            assert_eq!((out[0], &out[1..]), (7, &all[..length]));
        }
    }

    #[test]
    fn a_length_is_that_of_what_is_written() {
        for (field, length) in [(1, 0), (15, 0x7f), (16, 0x7f), (2, 0x80), (3000, 0x20_0000)] {
            let mut out = Vec::new();
            head(&mut out, field, length);
            assert_eq!(size(field, length), out.len() + length);
        }
    }

    #[test]
    fn what_has_its_default_value_is_left_out() {
        let mut out = Vec::new();
        uint(&mut out, 1, 0);
        fixed64(&mut out, 2, 0);
        fixed32(&mut out, 3, 0);
        text(&mut out, 5, &["", ""]);
        assert!(out.is_empty(), "{out:?}");
        message(&mut out, 6, |_| {});
        assert_eq!(out, [6 << 3 | 2, 0]);
    }
}
