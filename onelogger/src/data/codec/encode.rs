//! Writes records, on the instrumented thread.

use super::{
    DYNAMIC, Dynamic, KEYS_INLINE, LaneKind, MAX_WORDS, NONE, Origin, TAG_ABSENT, TAG_BOOL,
    TAG_BOOL_LIST, TAG_F64, TAG_F64_LIST, TAG_I64, TAG_I64_LIST, TAG_STRING, TAG_STRING_LIST, flag,
};
use crate::data::list::{Elements, List};
use crate::data::{Argument, Attributes, Link, Outcome, Timestamp, TraceId, Value};
use crate::sync::words;

/// Attributes as a caller gives them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    Set(&'a Attributes),
    /// The values for these keys of a callsite.
    Values(&'a [&'static str], &'a [Argument<'a>]),
}

/// What a start says beside its name.
pub(crate) struct StartFields<'a> {
    /// Whether the lane keeps room for the stop.
    pub(crate) is_reserved: bool,
    pub(crate) span: u64,
    /// A raw span id of this recorder, or with `remote_parent` the span id of another process.
    pub(crate) parent: u64,
    pub(crate) remote_parent: bool,
    pub(crate) time: Option<Timestamp>,
    pub(crate) links: &'a [Link],
    pub(crate) attributes: Given<'a>,
    pub(crate) event_attributes: Given<'a>,
}

/// A record that is being written. Appends to the words given; [`Encoder::finish`] closes it.
pub(crate) struct Encoder<'a> {
    words: &'a mut Vec<u64>,
    start: usize,
    flags: u8,
}

impl<'a> Encoder<'a> {
    fn begin(words: &'a mut Vec<u64>, fixed: &[u64]) -> Encoder<'a> {
        let start = words.len();
        words.push(0);
        words.extend_from_slice(fixed);
        Encoder { words, start, flags: 0 }
    }

    fn finish(self, kind: LaneKind, callsite: u32) {
        let length = (self.words.len() - self.start).min(MAX_WORDS) as u64;
        self.words[self.start] = header(kind, self.flags, length, callsite);
    }

    /// The name, if the record brings it. Returns the number of the callsite.
    fn origin(&mut self, origin: Origin<'_>) -> u32 {
        match origin {
            Origin::Dynamic(name) => {
                put_dynamic(self.words, name);
                DYNAMIC
            }
            Origin::Planted(number) => number,
        }
    }

    fn time(&mut self, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.flags |= flag::TIME;
            self.words.push(time.unix_nanos);
            self.words.push(time.monotonic_nanos.unwrap_or(NONE));
        }
    }

    fn attributes(&mut self, given: Given<'_>, callsite: u32, flag: u8) {
        match given {
            Given::Set(attributes) if attributes.is_empty() => return,
            Given::Set(attributes) => put_attributes(self.words, attributes),
            Given::Values([], _) => return,
            Given::Values(keys, values) => {
                put_values(self.words, keys, values, callsite == DYNAMIC);
            }
        }
        self.flags |= flag;
    }
}

/// The first word of a record.
#[inline]
pub(super) fn header(kind: LaneKind, flags: u8, length: u64, callsite: u32) -> u64 {
    kind as u64 | (flags as u64) << 8 | length << 16 | (callsite as u64) << 40
}

/// Writes the record that says which trace the records after it belong to.
pub(crate) fn put_context(words: &mut Vec<u64>, trace: TraceId) {
    let trace = trace.to_u128();
    Encoder::begin(words, &[(trace >> 64) as u64, trace as u64]).finish(LaneKind::Context, DYNAMIC);
}

/// Writes a start.
#[inline]
pub(crate) fn put_start(
    words: &mut Vec<u64>,
    order: u64,
    origin: Origin<'_>,
    fields: &StartFields<'_>,
) {
    let mut record = Encoder::begin(words, &[order, fields.span, fields.parent]);
    if !fields.is_reserved {
        record.flags |= flag::UNRESERVED;
    }
    if fields.remote_parent {
        record.flags |= flag::REMOTE_PARENT;
    }
    record.time(fields.time);
    if !fields.links.is_empty() {
        record.flags |= flag::LINKS;
        put_links(record.words, fields.links);
    }
    let callsite = record.origin(origin);
    record.attributes(fields.attributes, callsite, flag::ATTRIBUTES);
    record.attributes(fields.event_attributes, callsite, flag::EVENT_ATTRIBUTES);
    record.finish(LaneKind::Start, callsite);
}

/// Writes a stop. Without attributes it takes at most [`STOP_WORDS`].
#[inline]
pub(crate) fn put_stop(
    words: &mut Vec<u64>,
    order: u64,
    span: u64,
    time: Option<Timestamp>,
    outcome: Outcome,
    event_attributes: Given<'_>,
) {
    let mut record = Encoder::begin(words, &[order, span]);
    record.flags |= (outcome as u8) << flag::OUTCOME_SHIFT;
    record.time(time);
    record.attributes(event_attributes, DYNAMIC, flag::EVENT_ATTRIBUTES);
    record.finish(LaneKind::Stop, DYNAMIC);
}

/// What an event says beside its name.
pub(crate) struct EventFields<'a> {
    /// A raw span id of this recorder, or with `is_id` a span id.
    pub(crate) span: u64,
    pub(crate) is_id: bool,
    pub(crate) time: Option<Timestamp>,
    pub(crate) attributes: Given<'a>,
    /// Whether it is one of the library's own.
    pub(crate) is_own: bool,
}

/// Writes an event, an error or a telemetry data error.
#[inline]
pub(crate) fn put_event(
    words: &mut Vec<u64>,
    kind: LaneKind,
    order: u64,
    origin: Origin<'_>,
    fields: &EventFields<'_>,
) {
    let mut record = Encoder::begin(words, &[order, fields.span]);
    if fields.is_own {
        record.flags |= flag::OWN;
    }
    if fields.is_id {
        record.flags |= flag::REMOTE_PARENT;
    }
    record.time(fields.time);
    let callsite = record.origin(origin);
    record.attributes(fields.attributes, callsite, flag::ATTRIBUTES);
    record.finish(kind, callsite);
}

/// Writes attributes that are added to an open span.
pub(crate) fn put_update(words: &mut Vec<u64>, order: u64, span: u64, attributes: &Attributes) {
    let mut record = Encoder::begin(words, &[order, span]);
    record.attributes(Given::Set(attributes), DYNAMIC, flag::ATTRIBUTES);
    record.finish(LaneKind::Update, DYNAMIC);
}

/// Writes one attribute that is added to an open span.
pub(crate) fn put_addition(
    words: &mut Vec<u64>,
    order: u64,
    span: u64,
    key: &str,
    value: &Argument<'_>,
) {
    let mut record = Encoder::begin(words, &[order, span]);
    let start = record.words.len();
    record.words.push(0);
    put_text(record.words, key);
    let count = u64::from(value.put(record.words));
    let length = (record.words.len() - start - 1) as u64;
    record.words[start] = length << 32 | KEYS_INLINE | count;
    record.flags |= flag::ATTRIBUTES;
    record.finish(LaneKind::Update, DYNAMIC);
}

/// Writes a name and what goes with it.
pub(crate) fn put_dynamic(words: &mut Vec<u64>, name: Dynamic<'_>) {
    let version = name.scope.and_then(|scope| scope.version);
    let has = [name.group.is_some(), name.scope.is_some(), version.is_some()];
    let has = has.into_iter().rev().fold(0, |bits, has| bits << 1 | has as u64);
    words.push(name.kind as u64 | (name.level as u64) << 8 | has << 16);
    let scope = name.scope.map(|scope| scope.name);
    for text in [Some(name.name), name.group, scope, version].into_iter().flatten() {
        put_text(words, text);
    }
}

/// Writes a text.
pub(crate) fn put_text(words: &mut Vec<u64>, text: &str) {
    words.push(text.len() as u64);
    put_bytes(words, text.as_bytes());
}

fn put_bytes(words: &mut Vec<u64>, bytes: &[u8]) {
    if let 1..=8 = bytes.len() {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        words.push(u64::from_ne_bytes(word));
        return;
    }
    let start = words.len();
    words.resize(start + bytes.len().div_ceil(8), 0);
    words::as_bytes_mut(&mut words[start..])[..bytes.len()].copy_from_slice(bytes);
}

/// Writes a section of attributes with their keys.
pub(crate) fn put_attributes(words: &mut Vec<u64>, attributes: &Attributes) {
    let start = words.len();
    words.push(0);
    for (name, value) in attributes.iter() {
        put_text(words, name.as_str());
        put_value(words, value);
    }
    let length = (words.len() - start - 1) as u64;
    words[start] = length << 32 | KEYS_INLINE | attributes.len() as u64;
}

/// Writes a section of values, each with its key if the callsite's number does not stand for them.
fn put_values(
    words: &mut Vec<u64>,
    keys: &[&'static str],
    values: &[Argument<'_>],
    has_keys: bool,
) {
    let start = words.len();
    words.push(0);
    let mut count = 0;
    for (key, value) in keys.iter().zip(values) {
        let before = words.len();
        if has_keys {
            put_text(words, key);
        }
        if value.put(words) {
            count += 1;
        } else if has_keys {
            words.truncate(before);
        } else {
            put_head(words, TAG_ABSENT, 0);
        }
    }
    let length = (words.len() - start - 1) as u64;
    words[start] = length << 32 | (has_keys as u64) << 31 | count;
}

#[inline]
fn put_head(words: &mut Vec<u64>, tag: u8, length: usize) {
    words.push(tag as u64 | (length as u64) << 8);
}

#[inline]
pub(crate) fn put_string(words: &mut Vec<u64>, text: &str) {
    put_head(words, TAG_STRING, text.len());
    put_bytes(words, text.as_bytes());
}

pub(crate) fn put_bool(words: &mut Vec<u64>, value: bool) {
    put_head(words, TAG_BOOL, value as usize);
}

#[inline]
pub(crate) fn put_i64(words: &mut Vec<u64>, value: i64) {
    words.extend_from_slice(&[TAG_I64 as u64, value as u64]);
}

#[inline]
pub(crate) fn put_f64(words: &mut Vec<u64>, value: f64) {
    words.extend_from_slice(&[TAG_F64 as u64, value.to_bits()]);
}

pub(crate) fn put_value(words: &mut Vec<u64>, value: &Value) {
    let head = put_head;
    match value {
        Value::String(text) => put_string(words, text),
        Value::Bool(value) => put_bool(words, *value),
        Value::I64(value) => put_i64(words, *value),
        Value::F64(value) => put_f64(words, *value),
        Value::StringList(list) => {
            head(words, TAG_STRING_LIST, list.len());
            for text in list {
                put_text(words, text);
            }
        }
        Value::BoolList(list) => {
            head(words, TAG_BOOL_LIST, list.len());
            words.extend(list.iter().map(|&value| value as u64));
        }
        Value::I64List(list) => {
            head(words, TAG_I64_LIST, list.len());
            words.extend(list.iter().map(|&value| value as u64));
        }
        Value::F64List(list) => {
            head(words, TAG_F64_LIST, list.len());
            words.extend(list.iter().map(|value| value.to_bits()));
        }
    }
}

/// Writes a list.
pub(crate) fn put_list(words: &mut Vec<u64>, list: List<'_>) {
    let _ = list.put(&mut Appended(words));
}

/// Words that a list is appended to.
struct Appended<'a>(&'a mut Vec<u64>);

impl Elements for Appended<'_> {
    fn texts(&mut self, count: usize, texts: impl Iterator<Item: AsRef<str>>) -> Option<()> {
        put_head(self.0, TAG_STRING_LIST, count);
        texts.for_each(|text| put_text(self.0, text.as_ref()));
        Some(())
    }

    fn bools(&mut self, list: &[bool]) -> Option<()> {
        put_head(self.0, TAG_BOOL_LIST, list.len());
        self.0.extend(list.iter().map(|&value| value as u64));
        Some(())
    }

    fn integers(&mut self, numbers: impl ExactSizeIterator<Item = i64>) -> Option<()> {
        put_head(self.0, TAG_I64_LIST, numbers.len());
        self.0.extend(numbers.map(|value| value as u64));
        Some(())
    }

    fn floats(&mut self, numbers: impl ExactSizeIterator<Item = f64>) -> Option<()> {
        put_head(self.0, TAG_F64_LIST, numbers.len());
        self.0.extend(numbers.map(f64::to_bits));
        Some(())
    }
}

/// Writes a section of links.
pub(crate) fn put_links(words: &mut Vec<u64>, links: &[Link]) {
    let start = words.len();
    words.push(0);
    for link in links {
        let trace = link.context.trace_id.to_u128();
        words.push((trace >> 64) as u64);
        words.push(trace as u64);
        words.push(link.context.span_id.to_u64());
        let flags = link.context.trace_flags.to_u8();
        words.push((flags as u64) << 8 | link.context.is_remote as u64);
        put_attributes(words, &link.attributes);
    }
    words[start] = ((words.len() - start - 1) as u64) << 32 | links.len() as u64;
}
