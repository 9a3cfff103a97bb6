//! Writes the records of the short way, as they are, where they go.

use super::encode::header;
use super::{
    DYNAMIC, KEYS_INLINE, LaneKind, MAX_WORDS, TAG_ABSENT, TAG_BOOL, TAG_BOOL_LIST, TAG_F64,
    TAG_F64_LIST, TAG_I64, TAG_I64_LIST, TAG_STRING, TAG_STRING_LIST, flag,
};
use crate::data::Outcome;
use crate::data::argument::{Argument, Plain};
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
pub(crate) fn short_stop(order: u64, span: u64) -> [u64; 3] {
    let flags = (Outcome::Ok as u8) << flag::OUTCOME_SHIFT;
    [header(LaneKind::Stop, flags, 3, DYNAMIC), order, span]
}

/// A start with attributes, of itself or of its start event. Returns how many words it takes; `None` if
/// there are too few, or a value is no [`Plain`] one.
#[inline]
pub(crate) fn short_start_with(
    words: &mut [u64],
    callsite: u32,
    [order, span, parent]: [u64; 3],
    attributes: &[Argument<'_>],
    event_attributes: &[Argument<'_>],
) -> Option<usize> {
    let (mut flags, mut length) = (0, 4);
    if !attributes.is_empty() {
        flags |= flag::ATTRIBUTES;
        length = put_section(words, length, attributes)?;
    }
    if !event_attributes.is_empty() {
        flags |= flag::EVENT_ATTRIBUTES;
        length = put_section(words, length, event_attributes)?;
    }
    let header = header(LaneKind::Start, flags, length as u64, callsite);
    *words.first_chunk_mut()? = [header, order, span, parent];
    Some(length)
}

/// An event, as [`short_start_with`].
#[inline]
pub(crate) fn short_event(
    words: &mut [u64],
    callsite: u32,
    [order, span]: [u64; 2],
    attributes: &[Argument<'_>],
) -> Option<usize> {
    let (mut flags, mut length) = (0, 3);
    if !attributes.is_empty() {
        flags |= flag::ATTRIBUTES;
        length = put_section(words, length, attributes)?;
    }
    *words.first_chunk_mut()? =
        [header(LaneKind::Event, flags, length as u64, callsite), order, span];
    Some(length)
}

/// An addition of one attribute, as [`short_start_with`].
pub(crate) fn short_update(
    words: &mut [u64],
    [order, span]: [u64; 2],
    key: &str,
    value: &Argument<'_>,
) -> Option<usize> {
    let (key, section) = (key.as_bytes(), 3);
    let at = put_bytes(words, section + 1, key.len() as u64, key)?;
    // The section of the value alone, whose head gives way to that of the whole.
    let value = std::slice::from_ref(value);
    let end = put_section(words, at, value)?;
    words.copy_within(at + 1..end, at);
    let end = end - 1;
    let count = value.iter().filter(|value| !value.is_absent()).count() as u64;
    words[section] = ((end - section - 1) as u64) << 32 | KEYS_INLINE | count;
    let header = header(LaneKind::Update, flag::ATTRIBUTES, end as u64, DYNAMIC);
    *words.first_chunk_mut()? = [header, order, span];
    (count > 0).then_some(end)
}

/// Writes a section of values from `at` on. Returns where it ends.
#[inline(always)]
fn put_section(words: &mut [u64], at: usize, values: &[Argument<'_>]) -> Option<usize> {
    let (mut end, mut count) = (at + 1, values.len() as u64);
    for value in values {
        let pair = |tag: u8, payload| [tag as u64, payload];
        let words_of_value = match value.plain()? {
            Plain::I64(value) => pair(TAG_I64, value as u64),
            Plain::F64(value) => pair(TAG_F64, value.to_bits()),
            Plain::Text(text) => {
                end = put_text(words, end, text.as_bytes())?;
                continue;
            }
            Plain::List(list) => {
                let mut rest = Rest { words, at: end };
                list.put(&mut rest)?;
                end = rest.at;
                continue;
            }
            Plain::Bool(value) => {
                *words.get_mut(end)? = TAG_BOOL as u64 | (value as u64) << 8;
                end += 1;
                continue;
            }
            Plain::Absent => {
                *words.get_mut(end)? = TAG_ABSENT as u64;
                end += 1;
                count -= 1;
                continue;
            }
        };
        *words.get_mut(end..)?.first_chunk_mut()? = words_of_value;
        end += 2;
    }
    *words.get_mut(at)? = ((end - at - 1) as u64) << 32 | count;
    (end <= MAX_WORDS).then_some(end)
}

/// Words that a list is written into, from `at` on.
struct Rest<'a> {
    words: &'a mut [u64],
    at: usize,
}

impl Rest<'_> {
    fn put(&mut self, words: impl Iterator<Item = u64>) -> Option<()> {
        for word in words {
            *self.words.get_mut(self.at)? = word;
            self.at += 1;
        }
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
            self.at = put_bytes(self.words, self.at, text.len() as u64, text)?;
        }
        Some(())
    }

    fn bools(&mut self, list: &[bool]) -> Option<()> {
        self.head(TAG_BOOL_LIST, list.len())?;
        self.put(list.iter().map(|&value| value as u64))
    }

    fn integers(&mut self, count: usize, numbers: impl Iterator<Item = i64>) -> Option<()> {
        self.head(TAG_I64_LIST, count)?;
        self.put(numbers.map(|value| value as u64))
    }

    fn floats(&mut self, count: usize, numbers: impl Iterator<Item = f64>) -> Option<()> {
        self.head(TAG_F64_LIST, count)?;
        self.put(numbers.map(f64::to_bits))
    }
}

#[inline(always)]
fn put_text(words: &mut [u64], at: usize, text: &[u8]) -> Option<usize> {
    put_bytes(words, at, TAG_STRING as u64 | (text.len() as u64) << 8, text)
}

/// A word, and the bytes of a text.
#[inline(always)]
fn put_bytes(words: &mut [u64], at: usize, head: u64, text: &[u8]) -> Option<usize> {
    *words.get_mut(at)? = head;
    let (chunks, rest) = text.as_chunks::<8>();
    let places = words.get_mut(at + 1..at + 1 + text.len().div_ceil(8))?;
    for (place, chunk) in places.iter_mut().zip(chunks) {
        *place = u64::from_ne_bytes(*chunk);
    }
    if !rest.is_empty() {
        *places.last_mut()? = last_word(text, rest);
    }
    Some(at + 1 + places.len())
}

/// The bytes of `rest`, fewer than eight, with zeros behind them; `text` ends with them.
#[inline(always)]
fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    // Where there are eight bytes to be read at once, those that are not part of the rest are shifted out.
    let word = match text.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | byte as u64),
    };
    u64::from_ne_bytes(word.to_le_bytes())
}
