//! How a record lies in the words of a lane.
//!
//! A record is a header word, the word that orders it, and what its kind and flags say. It is
//! written once, on the instrumented thread, and read once, by the pipeline. A record of an explicit
//! call brings its name and its keys (`callsite` 0); one of a callsite that a macro has planted brings
//! values only, and the number of the callsite ([`CallsiteTable`](super::CallsiteTable)).
//!
//! ```text
//! header    kind 8 | flags 8 | length in words 24 | callsite 24
//! order     clock ticks, or a sequence number under a manual clock
//! context   trace id: high word, low word                     (no order word)
//! start     span, parent, [time 2], [links], [name], [attributes], [start event's attributes]
//! stop      span, [time 2], [stop event's attributes]
//! event     span, [time 2], [name], [attributes]               (error, telemetry data error too)
//! update    span, attributes
//!
//! time        wall nanoseconds, monotonic nanoseconds or NONE
//! text        length in bytes, then the bytes, padded to a word
//! name        kind 8 | level 8 | has a group 1 | has a scope 1 | the scope has a version 1; text;
//!             [text of the group], [text of the scope], [text of its version]
//! attributes  words that follow 32 | keys inline 1 | count 31; then [key text] value …
//!             Without keys there is a value for each key of the callsite, and those that are
//!             absent are not counted.
//! value       tag 8 | length or boolean 56; then the payload
//! links       words that follow 32 | count 32; then trace high, trace low, span,
//!             trace flags 56 | remote 8, attributes
//! ```
//!
//! Reading never panics and never runs past the end: a record that makes no sense is `None`, as a
//! lane may one day be a file that another process has left behind.

use super::view::{AttributesRef, LinksRef};
use super::{
    Argument, Attributes, Level, Link, Name, Outcome, ScopeRef, SpanKind, Timestamp, TraceId, Value,
};
use crate::sync::words;

/// Words that a stop without attributes takes: header, order, span, explicit time.
pub(crate) const STOP_WORDS: usize = 5;
/// The longest record, in words.
pub(crate) const MAX_WORDS: usize = (1 << 24) - 1;
/// The callsite of a record that brings its own name.
const DYNAMIC: u32 = 0;

const NONE: u64 = u64::MAX;
const KEYS_INLINE: u64 = 1 << 31;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LaneKind {
    /// From here on, records of this lane belong to another trace.
    Context = 1,
    Start = 2,
    Stop = 3,
    Event = 4,
    Error = 5,
    TelemetryDataError = 6,
    Update = 7,
}

/// What a record has beyond the fixed words of its kind.
mod flag {
    pub(super) const TIME: u8 = 1;
    pub(super) const REMOTE_PARENT: u8 = 1 << 1;
    pub(super) const LINKS: u8 = 1 << 2;
    pub(super) const ATTRIBUTES: u8 = 1 << 3;
    pub(super) const EVENT_ATTRIBUTES: u8 = 1 << 4;
    /// Of a start: no lane keeps room for the stop.
    pub(super) const UNRESERVED: u8 = 1 << 5;
    /// Of a stop, two bits: the outcome.
    pub(super) const OUTCOME_SHIFT: u8 = 5;
    pub(super) const OUTCOME_MASK: u8 = 3;
    /// A record of the library's own, which is not counted.
    pub(super) const OWN: u8 = 1 << 7;
}

pub(crate) const TAG_STRING: u8 = 0;
pub(crate) const TAG_BOOL: u8 = 1;
pub(crate) const TAG_I64: u8 = 2;
pub(crate) const TAG_F64: u8 = 3;
pub(crate) const TAG_STRING_LIST: u8 = 4;
pub(crate) const TAG_BOOL_LIST: u8 = 5;
pub(crate) const TAG_I64_LIST: u8 = 6;
pub(crate) const TAG_F64_LIST: u8 = 7;
/// Of a callsite's key: there is no value this time.
pub(crate) const TAG_ABSENT: u8 = 8;

/// The name and what goes with it, of a record that no planted callsite describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dynamic<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) level: Level,
    pub(crate) group: Option<&'a str>,
    pub(crate) scope: Option<ScopeRef<'a>>,
}

/// Where a record has its name and its keys from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin<'a> {
    /// It brings them.
    Dynamic(Dynamic<'a>),
    /// From the callsite with this number.
    Planted(u32),
}

impl Origin<'_> {
    /// The highest number of a callsite that a header has room for.
    pub(crate) const LAST: u32 = (1 << 24) - 1;
}

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
        let header = kind as u64 | (self.flags as u64) << 8 | length << 16;
        self.words[self.start] = header | (callsite as u64) << 40;
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

/// Writes the record that says which trace the records after it belong to.
pub(crate) fn put_context(words: &mut Vec<u64>, trace: TraceId) {
    let trace = trace.to_u128();
    Encoder::begin(words, &[(trace >> 64) as u64, trace as u64]).finish(LaneKind::Context, DYNAMIC);
}

/// Writes a start.
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
    pub(crate) span: u64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) attributes: Given<'a>,
    /// Whether it is one of the library's own.
    pub(crate) is_own: bool,
}

/// Writes an event, an error or a telemetry data error.
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

fn put_head(words: &mut Vec<u64>, tag: u8, length: usize) {
    words.push(tag as u64 | (length as u64) << 8);
}

pub(super) fn put_string(words: &mut Vec<u64>, text: &str) {
    put_head(words, TAG_STRING, text.len());
    put_bytes(words, text.as_bytes());
}

pub(super) fn put_bool(words: &mut Vec<u64>, value: bool) {
    put_head(words, TAG_BOOL, value as usize);
}

pub(super) fn put_i64(words: &mut Vec<u64>, value: i64) {
    words.extend_from_slice(&[TAG_I64 as u64, value as u64]);
}

pub(super) fn put_f64(words: &mut Vec<u64>, value: f64) {
    words.extend_from_slice(&[TAG_F64 as u64, value.to_bits()]);
}

pub(super) fn put_value(words: &mut Vec<u64>, value: &Value) {
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

/// A record as it was found in a lane.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaneRecord<'a> {
    pub(crate) order: u64,
    pub(crate) span: u64,
    pub(crate) parent: u64,
    pub(crate) remote_parent: bool,
    pub(crate) is_reserved: bool,
    pub(crate) time: Option<Timestamp>,
    pub(crate) outcome: Outcome,
    pub(crate) is_own: bool,
    /// The number of the callsite; 0 if the record brings its name and keys.
    pub(crate) callsite: u32,
    /// The words of the name, as [`read_dynamic`] reads them.
    pub(crate) name: &'a [u64],
    /// The words of the links, head included; empty if there are none.
    pub(crate) links: &'a [u64],
    /// The words of the attributes, head included; empty if there are none.
    pub(crate) attributes: &'a [u64],
    /// The words of the event's attributes, head included; empty if there are none.
    pub(crate) event_attributes: &'a [u64],
}

/// Length in words of the record that begins here.
pub(crate) fn record_length(header: u64) -> usize {
    (header >> 16) as usize & MAX_WORDS
}

/// Kind of the record that begins here.
pub(crate) fn record_kind(header: u64) -> Option<LaneKind> {
    Some(match header as u8 {
        1 => LaneKind::Context,
        2 => LaneKind::Start,
        3 => LaneKind::Stop,
        4 => LaneKind::Event,
        5 => LaneKind::Error,
        6 => LaneKind::TelemetryDataError,
        7 => LaneKind::Update,
        _ => return None,
    })
}

/// The trace id of a context record.
pub(crate) fn read_context(record: &[u64]) -> Option<TraceId> {
    let &[_, high, low] = record else { return None };
    Some(TraceId::from_u128((high as u128) << 64 | low as u128))
}

/// Reads a record; `words` are exactly its own.
#[inline]
pub(crate) fn read_record(words: &[u64]) -> Option<(LaneKind, LaneRecord<'_>)> {
    let mut reader = Reader { words };
    let header = reader.word()?;
    let (kind, flags) = (record_kind(header)?, (header >> 8) as u8);
    let (order, span) = (reader.word()?, reader.word()?);
    let callsite = (header >> 40) as u32;
    let is_own = flags & flag::OWN != 0;
    let mut record = LaneRecord { order, span, is_own, callsite, ..Default::default() };
    if kind == LaneKind::Start {
        record.parent = reader.word()?;
        record.remote_parent = flags & flag::REMOTE_PARENT != 0;
        record.is_reserved = flags & flag::UNRESERVED == 0;
    }
    if flags & flag::TIME != 0 {
        let (unix_nanos, monotonic) = (reader.word()?, reader.word()?);
        let monotonic_nanos = (monotonic != NONE).then_some(monotonic);
        record.time = Some(Timestamp { unix_nanos, monotonic_nanos });
    }
    if flags & flag::LINKS != 0 {
        record.links = reader.section()?;
    }
    if kind == LaneKind::Stop {
        record.outcome = Outcome::from_code(flags >> flag::OUTCOME_SHIFT & flag::OUTCOME_MASK);
    } else if kind != LaneKind::Update && callsite == DYNAMIC {
        record.name = reader.dynamic_words()?;
    }
    if flags & flag::ATTRIBUTES != 0 {
        record.attributes = reader.section()?;
    }
    if flags & flag::EVENT_ATTRIBUTES != 0 {
        record.event_attributes = reader.section()?;
    }
    Some((kind, record))
}

/// Reads words from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) words: &'a [u64],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (&first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u64]> {
        let (taken, rest) = self.words.split_at_checked(count)?;
        self.words = rest;
        Some(taken)
    }

    pub(crate) fn text_of(&mut self, bytes: usize) -> Option<&'a str> {
        let taken = self.take(bytes.div_ceil(8))?;
        std::str::from_utf8(&words::as_bytes(taken)[..bytes]).ok()
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let bytes = usize::try_from(self.word()?).ok()?;
        self.text_of(bytes)
    }

    /// A text that is there if the lowest bit says so.
    fn optional_text(&mut self, bits: u64) -> Option<Option<&'a str>> {
        if bits & 1 != 0 { self.text().map(Some) } else { Some(None) }
    }

    /// A section of attributes or links, with the word at its head.
    fn section(&mut self) -> Option<&'a [u64]> {
        let length = (*self.words.first()? >> 32) as usize;
        self.take(length + 1)
    }

    fn dynamic_words(&mut self) -> Option<&'a [u64]> {
        let before = self.words;
        self.dynamic()?;
        Some(&before[..before.len() - self.words.len()])
    }

    pub(crate) fn dynamic(&mut self) -> Option<Dynamic<'a>> {
        let head = self.word()?;
        let name = self.text()?;
        let group = self.optional_text(head >> 16)?;
        let scope = self.optional_text(head >> 17)?;
        let version = self.optional_text(head >> 18)?;
        let scope = scope.map(|name| ScopeRef { name, version });
        let kind = SpanKind::from_code(head as u8);
        Some(Dynamic { name, kind, level: Level::from_code((head >> 8) as u8), group, scope })
    }

    /// Attributes; `keys` are those of the callsite, for values that come without.
    pub(crate) fn attributes(
        &mut self,
        keys: &'static [&'static str],
    ) -> Option<AttributesRef<'a>> {
        let head = self.word()?;
        let words = self.take((head >> 32) as usize)?;
        let keys = (head & KEYS_INLINE == 0).then_some(keys);
        Some(AttributesRef::new(words, (head as u32 & !(KEYS_INLINE as u32)) as usize, keys))
    }

    pub(crate) fn links(&mut self) -> Option<LinksRef<'a>> {
        let head = self.word()?;
        let words = self.take((head >> 32) as usize)?;
        Some(LinksRef::new(words, head as u32 as usize))
    }
}

/// The name in the words of [`LaneRecord::name`]; empty where they make no sense.
pub(crate) fn read_dynamic(words: &[u64]) -> Dynamic<'_> {
    Reader { words }.dynamic().unwrap_or(Dynamic {
        name: "",
        kind: SpanKind::Internal,
        level: Level::Info,
        group: None,
        scope: None,
    })
}

/// The attributes of a section; none where it is empty or makes no sense. `keys` are those of the
/// callsite, if there is one.
pub(crate) fn read_attributes<'a>(
    section: &'a [u64],
    keys: &'static [&'static str],
) -> AttributesRef<'a> {
    Reader { words: section }.attributes(keys).unwrap_or_default()
}

/// The links of a section; none where it is empty or makes no sense.
pub(crate) fn read_links(section: &[u64]) -> LinksRef<'_> {
    Reader { words: section }.links().unwrap_or_default()
}

impl<'a> Dynamic<'a> {
    /// A name of the default kind and level.
    pub(crate) fn named(name: &'a Name) -> Dynamic<'a> {
        let (kind, level) = (SpanKind::Internal, Level::Info);
        Dynamic { name: name.as_str(), kind, level, group: None, scope: None }
    }
}

#[cfg(all(test, not(onelogger_loom)))]
#[path = "codec_tests.rs"]
mod tests;
