//! Reads records, on the pipeline's side and in exporters.

use super::{DYNAMIC, Dynamic, KEYS_INLINE, LaneKind, MAX_WORDS, NONE, flag};
use crate::data::view::{AttributesRef, LinksRef};
use crate::data::{Level, Outcome, ScopeRef, SpanKind, Timestamp, TraceId};
use crate::sync::words;

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
    /// What is kept of a start while the span is open: links, name and attributes.
    pub(crate) kept: &'a [u64],
    /// How many of these words the links take, head included; 0 if there are none.
    pub(crate) links_length: usize,
    /// How many the name takes, as [`read_dynamic`] reads it; 0 if the callsite has it.
    pub(crate) name_length: usize,
    /// The words of the event's attributes, head included; empty if there are none.
    pub(crate) event_attributes: &'a [u64],
}

#[cfg(test)]
impl<'a> LaneRecord<'a> {
    pub(crate) fn links(&self) -> &'a [u64] {
        &self.kept[..self.links_length]
    }
}

impl<'a> LaneRecord<'a> {
    pub(crate) fn name(&self) -> &'a [u64] {
        &self.kept[self.links_length..self.links_length + self.name_length]
    }

    /// The words of the attributes, head included; empty if there are none.
    pub(crate) fn attributes(&self) -> &'a [u64] {
        &self.kept[self.links_length + self.name_length..]
    }
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
    let is_of_span = matches!(kind, LaneKind::Start | LaneKind::Stop | LaneKind::Update);
    if is_own && is_of_span {
        // The library has no spans of its own: such a record would be delivered and never counted.
        return None;
    }
    let remote_parent = flags & flag::REMOTE_PARENT != 0;
    let mut record =
        LaneRecord { order, span, remote_parent, is_own, callsite, ..Default::default() };
    if kind == LaneKind::Start {
        record.parent = reader.word()?;
        record.is_reserved = flags & flag::UNRESERVED == 0;
    }
    if flags & flag::TIME != 0 {
        let (unix_nanos, monotonic) = (reader.word()?, reader.word()?);
        let monotonic_nanos = (monotonic != NONE).then_some(monotonic);
        record.time = Some(Timestamp { unix_nanos, monotonic_nanos });
    }
    let kept = reader.words;
    if flags & flag::LINKS != 0 {
        record.links_length = reader.section()?.len();
    }
    if kind == LaneKind::Stop {
        record.outcome = Outcome::from_code(flags >> flag::OUTCOME_SHIFT & flag::OUTCOME_MASK);
    } else if kind != LaneKind::Update && callsite == DYNAMIC {
        record.name_length = reader.dynamic_words()?.len();
    }
    if flags & flag::ATTRIBUTES != 0 {
        reader.section()?;
    }
    record.kept = &kept[..kept.len() - reader.words.len()];
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

    #[inline]
    pub(crate) fn text_of(&mut self, bytes: usize) -> Option<&'a str> {
        let taken = self.take(bytes.div_ceil(8))?;
        std::str::from_utf8(&words::as_bytes(taken)[..bytes]).ok()
    }

    #[inline]
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

/// The words that a name takes, of those that begin with it.
pub(crate) fn dynamic_words(words: &[u64]) -> &[u64] {
    Reader { words }.dynamic_words().unwrap_or_default()
}

/// The words that a section takes, of those that begin with it.
pub(crate) fn section_words(words: &[u64]) -> &[u64] {
    Reader { words }.section().unwrap_or_default()
}
