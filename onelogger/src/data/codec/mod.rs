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

mod decode;
mod encode;
mod short;

pub(crate) use decode::{
    LaneRecord, Reader, dynamic_words, read_attributes, read_context, read_dynamic, read_links,
    read_record, record_kind, record_length, section_words,
};
pub(crate) use encode::{
    EventFields, Given, StartFields, put_addition, put_attributes, put_context, put_dynamic,
    put_event, put_links, put_start, put_stop, put_update,
};
pub(super) use encode::{put_bool, put_f64, put_i64, put_list, put_string, put_value};
pub(crate) use short::{
    PLAIN_STOP_WORDS, PlainRecord, read_plain, short_event, short_start, short_start_with,
    short_stop, short_update,
};

use super::{Level, Name, ScopeRef, SpanKind};

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
    /// Of a start: the parent is a span id, of another process. Of an event: so is the span.
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

impl<'a> Dynamic<'a> {
    /// A name of the default kind and level.
    pub(crate) fn named(name: &'a Name) -> Dynamic<'a> {
        let (kind, level) = (SpanKind::Internal, Level::Info);
        Dynamic { name: name.as_str(), kind, level, group: None, scope: None }
    }
}

#[cfg(all(test, not(onelogger_loom)))]
mod tests;
