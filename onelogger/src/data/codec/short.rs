//! Writes the records of the short way, as they are, where they go.

use super::encode::header;
use super::{
    DYNAMIC, KEYS_INLINE, LaneKind, MAX_WORDS, TAG_ABSENT, TAG_BOOL, TAG_BOOL_LIST, TAG_F64,
    TAG_F64_LIST, TAG_I64, TAG_I64_LIST, TAG_STRING, TAG_STRING_LIST, flag,
};
use crate::data::Outcome;
use crate::data::argument::{Argument, Borrowed};
use crate::data::list::Elements;

/// A record as most are.
pub(crate) enum PlainRecord<'a> {
    /// A callsite's start, with a parent of this recorder or none, and with attributes or none.
    Start { order: u64, span: u64, parent: u64, callsite: u32, attributes: &'a [u64] },
    /// A stop that says nothing but its outcome.
    Stop { order: u64, span: u64, outcome: Outcome },
    /// One that holds more, or makes no sense.
    No,
}

/// Words that a stop takes which says nothing but its outcome.
pub(crate) const PLAIN_STOP_WORDS: usize = 3;

/// Reads what [`short_start`], [`short_start_with`] and [`short_stop`] write; `words` are a record's own.
#[inline(always)]
pub(crate) fn read_plain(words: &[u64]) -> PlainRecord<'_> {
    const START: u64 = LaneKind::Start as u64;
    const STOP: u64 = LaneKind::Stop as u64;
    let Some(&header) = words.first() else { return PlainRecord::No };
    let flags = (header >> 8) as u8;
    let callsite = (header >> 40) as u32;
    match (header & 0xff, words) {
        (STOP, &[_, order, span]) if flags & !(flag::OUTCOME_MASK << flag::OUTCOME_SHIFT) == 0 => {
            let outcome = Outcome::from_code(flags >> flag::OUTCOME_SHIFT);
            PlainRecord::Stop { order, span, outcome }
        }
        (START, &[_, order, span, parent, ref attributes @ ..])
            if callsite != DYNAMIC
                && flags & !flag::ATTRIBUTES == 0
                && is_section(flags, attributes) =>
        {
            PlainRecord::Start { order, span, parent, callsite, attributes }
        }
        _ => PlainRecord::No,
    }
}

/// Whether these are the words of one section if there is one, and else none.
#[inline(always)]
fn is_section(flags: u8, words: &[u64]) -> bool {
    let length =
        if flags == 0 { 0 } else { words.first().map_or(0, |head| (head >> 32) as usize + 1) };
    words.len() == length
}

/// A start without attributes and links, of a callsite's span whose stop has its room.
#[inline(always)]
pub(crate) fn short_start(callsite: u32, order: u64, span: u64, parent: u64) -> [u64; 4] {
    [header(LaneKind::Start, 0, 4, callsite), order, span, parent]
}

/// A stop without time and attributes.
#[inline(always)]
pub(crate) fn short_stop(order: u64, span: u64, outcome: Outcome) -> [u64; 3] {
    let flags = (outcome as u8) << flag::OUTCOME_SHIFT;
    [header(LaneKind::Stop, flags, 3, DYNAMIC), order, span]
}

/// A start with attributes. Returns how many words it takes; `None` if
/// there are too few, or a value is one that is made first: formatted, or a number beyond an `i64`.
#[inline(always)]
pub(crate) fn short_start_with(
    words: &mut [u64],
    callsite: u32,
    [order, span, parent]: [u64; 3],
    attributes: &[Argument<'_>],
) -> Option<usize> {
    let whole = words.len();
    let (fixed, rest) = words.split_first_chunk_mut()?;
    let rest = put_section(rest, attributes)?;
    let (length, flags) = (whole - rest.len(), flag::ATTRIBUTES);
    *fixed = [header(LaneKind::Start, flags, length as u64, callsite), order, span, parent];
    (length <= MAX_WORDS).then_some(length)
}

/// An event, as [`short_start_with`].
#[inline(always)]
pub(crate) fn short_event(
    words: &mut [u64],
    callsite: u32,
    [order, span]: [u64; 2],
    attributes: &[Argument<'_>],
) -> Option<usize> {
    let whole = words.len();
    let (fixed, mut rest) = words.split_first_chunk_mut()?;
    let mut flags = 0;
    if !attributes.is_empty() {
        flags |= flag::ATTRIBUTES;
        rest = put_section(rest, attributes)?;
    }
    let length = whole - rest.len();
    *fixed = [header(LaneKind::Event, flags, length as u64, callsite), order, span];
    (length <= MAX_WORDS).then_some(length)
}

/// An addition of one attribute, as [`short_start_with`].
pub(crate) fn short_update(
    words: &mut [u64],
    [order, span]: [u64; 2],
    key: &str,
    value: &Argument<'_>,
) -> Option<usize> {
    let whole = words.len();
    let (fixed, rest) = words.split_first_chunk_mut()?;
    let (section, rest) = rest.split_first_mut()?;
    let before = rest.len();
    let rest = put_bytes(rest, key.len() as u64, key.as_bytes())?;
    let (rest, count) = put_value(rest, value)?;
    *section = ((before - rest.len()) as u64) << 32 | KEYS_INLINE | count;
    let length = whole - rest.len();
    *fixed = [header(LaneKind::Update, flag::ATTRIBUTES, length as u64, DYNAMIC), order, span];
    (length <= MAX_WORDS).then_some(length)
}

/// Writes a section of values. Returns the words that are left.
#[inline(always)]
fn put_section<'a>(words: &'a mut [u64], values: &[Argument<'_>]) -> Option<&'a mut [u64]> {
    let (section, mut rest) = words.split_first_mut()?;
    let (before, mut count) = (rest.len(), 0);
    for value in values {
        let is_there;
        (rest, is_there) = put_value(rest, value)?;
        count += is_there;
    }
    *section = ((before - rest.len()) as u64) << 32 | count;
    Some(rest)
}

/// Writes a value. Returns the words that are left, and 1, or 0 where there is no value.
#[inline(always)]
fn put_value<'a>(words: &'a mut [u64], value: &Argument<'_>) -> Option<(&'a mut [u64], u64)> {
    let pair = match value.0 {
        Borrowed::I64(value) => [TAG_I64 as u64, value as u64],
        Borrowed::F64(value) => [TAG_F64 as u64, value.to_bits()],
        Borrowed::Text(text) => {
            let head = TAG_STRING as u64 | (text.len() as u64) << 8;
            return Some((put_bytes(words, head, text.as_bytes())?, 1));
        }
        Borrowed::Bool(value) => {
            let (place, rest) = words.split_first_mut()?;
            *place = TAG_BOOL as u64 | (value as u64) << 8;
            return Some((rest, 1));
        }
        Borrowed::Absent => {
            let (place, rest) = words.split_first_mut()?;
            *place = TAG_ABSENT as u64;
            return Some((rest, 0));
        }
        Borrowed::List(list) => {
            let mut rest = Rest(words);
            list.put(&mut rest)?;
            return Some((rest.0, 1));
        }
        _ => return None,
    };
    let (place, rest) = words.split_first_chunk_mut()?;
    *place = pair;
    Some((rest, 1))
}

/// Writes a word, and the bytes of a text. Returns the words that are left.
#[inline(always)]
fn put_bytes<'a>(words: &'a mut [u64], head: u64, text: &[u8]) -> Option<&'a mut [u64]> {
    let (place, rest) = words.split_first_mut()?;
    *place = head;
    match text.len() {
        0 => Some(rest),
        1..=8 => {
            let (place, rest) = rest.split_first_mut()?;
            *place = word_of(text);
            Some(rest)
        }
        _ => put_long(rest, text),
    }
}

fn put_long<'a>(words: &'a mut [u64], text: &[u8]) -> Option<&'a mut [u64]> {
    let (places, rest) = words.split_at_mut_checked(text.len().div_ceil(8))?;
    let (chunks, last) = text.as_chunks::<8>();
    for (place, chunk) in places.iter_mut().zip(chunks) {
        *place = u64::from_ne_bytes(*chunk);
    }
    if !last.is_empty() {
        *places.last_mut()? = word_of(last);
    }
    Some(rest)
}

/// Up to eight bytes, with zeros behind them.
#[inline(always)]
fn word_of(text: &[u8]) -> u64 {
    let word = if let Some(text) = text.first_chunk::<8>() {
        u64::from_le_bytes(*text)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        // Two reads that overlap.
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        first as u64 | (last as u64) << (8 * (text.len() - 4))
    } else {
        text.iter().rev().fold(0, |word, &byte| word << 8 | byte as u64)
    };
    u64::from_ne_bytes(word.to_le_bytes())
}

/// Words that a list is written into.
struct Rest<'a>(&'a mut [u64]);

impl Rest<'_> {
    fn put(&mut self, words: impl ExactSizeIterator<Item = u64>) -> Option<()> {
        let (places, rest) = std::mem::take(&mut self.0).split_at_mut_checked(words.len())?;
        places.iter_mut().zip(words).for_each(|(place, word)| *place = word);
        self.0 = rest;
        Some(())
    }

    fn head(&mut self, tag: u8, count: usize) -> Option<()> {
        self.put(std::iter::once(tag as u64 | (count as u64) << 8))
    }
}

impl Elements for Rest<'_> {
    fn texts(&mut self, count: usize, texts: impl Iterator<Item: AsRef<str>>) -> Option<()> {
        self.head(TAG_STRING_LIST, count)?;
        for text in texts {
            let text = text.as_ref().as_bytes();
            self.0 = put_bytes(std::mem::take(&mut self.0), text.len() as u64, text)?;
        }
        Some(())
    }

    fn bools(&mut self, list: &[bool]) -> Option<()> {
        self.head(TAG_BOOL_LIST, list.len())?;
        self.put(list.iter().map(|&value| value as u64))
    }

    fn integers(&mut self, numbers: impl ExactSizeIterator<Item = i64>) -> Option<()> {
        self.head(TAG_I64_LIST, numbers.len())?;
        self.put(numbers.map(|value| value as u64))
    }

    fn floats(&mut self, numbers: impl ExactSizeIterator<Item = f64>) -> Option<()> {
        self.head(TAG_F64_LIST, numbers.len())?;
        self.put(numbers.map(f64::to_bits))
    }
}
