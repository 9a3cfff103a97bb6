//! What is remembered of spans until they stop.
//!
//! The collector sees a span when it has stopped. Until then its start, and in part what happened
//! in it, wait here: accepted, and yet to be delivered. The memory is bounded. A span that finds no
//! room is announced at once, so that its start waits for nothing; an event that finds none becomes
//! a log record.
//!
//! Most spans start and stop within one batch, and pass through here all the same: places are used
//! again, with the memory of their names, so that such a span allocates nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use onelogger::exporter::RecordRef;
use onelogger::{SpanId, TraceId};

use super::clock::Instant;
use super::messages::{Remembered, new_name};
use super::stake::Stake;
use crate::exception::LastError;

pub(super) struct OpenSpans {
    /// The place of each span.
    index: HashMap<SpanId, usize, BuildHasherDefault<SpreadId>>,
    places: Vec<OpenSpan>,
    free: Vec<usize>,
    bytes: usize,
    limit_bytes: usize,
    event_limit: usize,
    /// No span that has yet to be announced is remembered, or waits for it, since before then.
    waiting_since: Option<Instant>,
    /// Whether this call has let go what it could; a second look would find nothing.
    is_swept: bool,
    event: Vec<u8>,
}

pub(super) struct OpenSpan {
    pub(super) id: SpanId,
    pub(super) trace_id: TraceId,
    pub(super) name: String,
    pub(super) start_time_unix_nanos: u64,
    since: Instant,
    /// Whether its start was accepted, and is shown by nothing but the span.
    is_start_waiting: bool,
    is_announced: bool,
    /// How many of the other records about it wait for it.
    waiting: usize,
    /// How many of these are additions of attributes.
    updates: usize,
    dropped_event_count: usize,
    /// Few spans have any of it.
    kept: Option<Box<Kept>>,
    bytes: usize,
}

#[derive(Default)]
struct Kept {
    events: Vec<u8>,
    event_count: usize,
    last_error: Option<LastError>,
}

/// A span that has stopped.
#[derive(Default)]
pub(super) struct StoppedSpan {
    /// The records that are lost if the span is.
    pub(super) stake: Stake,
    dropped_event_count: usize,
    kept: Option<Box<Kept>>,
}

/// What a span takes beside its texts: with the room that growing leaves, and its entries in the
/// index and the list of free places.
const SPAN_BYTES: usize = 2 * (size_of::<OpenSpan>() + size_of::<(SpanId, usize, usize)>());

/// A place whose name was longer does not keep its memory.
const LONGEST_NAME_KEPT: usize = 128;

impl OpenSpan {
    fn waiting(&self) -> usize {
        self.waiting + usize::from(self.is_start_waiting)
    }

    fn event_count(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.event_count)
    }

    fn kept(&mut self) -> &mut Kept {
        self.kept.get_or_insert_default()
    }
}

impl StoppedSpan {
    pub(super) fn remembered(&self) -> Remembered<'_> {
        let kept = self.kept.as_deref();
        Remembered {
            events: kept.map_or(&[], |kept| &kept.events),
            event_count: kept.map_or(0, |kept| kept.event_count),
            dropped_event_count: self.dropped_event_count,
            last_error: kept.and_then(|kept| kept.last_error.as_ref()),
        }
    }
}

impl OpenSpans {
    pub(super) fn new(limit_bytes: usize, event_limit: usize) -> OpenSpans {
        OpenSpans {
            index: HashMap::default(),
            places: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            limit_bytes,
            event_limit,
            waiting_since: None,
            is_swept: false,
            event: Vec::new(),
        }
    }

    /// A new call begins.
    pub(super) fn begin_call(&mut self) {
        self.is_swept = false;
    }

    /// Lets a start wait for the stop of its span. Whether there is room for that.
    pub(super) fn hold_start(&mut self, start: &RecordRef<'_>, now: Instant) -> bool {
        let Some(span) = self.known(start, start.time_unix_nanos(), now) else {
            return false;
        };
        // A second start of a span is none, but it is a record.
        span.waiting += usize::from(span.is_start_waiting);
        span.is_start_waiting = true;
        true
    }

    /// The same for an addition of attributes.
    pub(super) fn hold_update(&mut self, update: &RecordRef<'_>, now: Instant) -> bool {
        let Some(span) = self.known(update, update.start_time_unix_nanos(), now) else {
            return false;
        };
        span.waiting += 1;
        span.updates += 1;
        if let Some(name) = new_name(update.event_attributes()) {
            let before = span.name.len();
            span.name.clear();
            span.name.push_str(name);
            span.bytes = span.bytes + name.len() - before;
            self.bytes = self.bytes + name.len() - before;
        }
        true
    }

    /// The span of a record, which is remembered from now on. `None` if there is no room for it.
    fn known(
        &mut self,
        record: &RecordRef<'_>,
        start_time_unix_nanos: u64,
        now: Instant,
    ) -> Option<&mut OpenSpan> {
        let (id, name) = (record.span_id(), record.name());
        let bytes = SPAN_BYTES + name.len();
        let has_room = self.has_room_for(bytes);
        let place = match self.index.entry(id) {
            Entry::Occupied(known) => return self.places.get_mut(*known.get()),
            Entry::Vacant(_) if !has_room => return None,
            Entry::Vacant(new) => *new.insert(self.free.pop().unwrap_or(self.places.len())),
        };
        self.bytes += bytes;
        self.waiting_since.get_or_insert(now);
        match self.places.get_mut(place) {
            // Field by field: a struct that is put together first and moved then costs more.
            Some(span) => {
                span.id = id;
                span.trace_id = record.trace_id();
                span.name.clear();
                span.name.push_str(name);
                span.start_time_unix_nanos = start_time_unix_nanos;
                span.since = now;
                span.is_start_waiting = false;
                span.is_announced = false;
                span.waiting = 0;
                span.updates = 0;
                span.dropped_event_count = 0;
                span.kept = None;
                span.bytes = bytes;
            }
            None => self.places.push(OpenSpan {
                id,
                trace_id: record.trace_id(),
                name: name.to_owned(),
                start_time_unix_nanos,
                since: now,
                is_start_waiting: false,
                is_announced: false,
                waiting: 0,
                updates: 0,
                dropped_event_count: 0,
                kept: None,
                bytes,
            }),
        }
        self.places.get_mut(place)
    }

    pub(super) fn get(&self, id: SpanId) -> Option<&OpenSpan> {
        self.places.get(*self.index.get(&id)?)
    }

    fn get_mut(&mut self, id: SpanId) -> Option<&mut OpenSpan> {
        self.places.get_mut(*self.index.get(&id)?)
    }

    /// Keeps an event, as it is written, until its span stops. `records` says how many records it
    /// alone shows. Whether the span is known and has a place for it.
    pub(super) fn keep_event(
        &mut self,
        id: SpanId,
        records: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(span) = self.get(id) else {
            return false;
        };
        let mut is_kept = span.event_count() < self.event_limit;
        let mut bytes = 0;
        let mut event = std::mem::take(&mut self.event);
        event.clear();
        if is_kept {
            write(&mut event);
            bytes = size_of::<Kept>() + 2 * event.len();
            is_kept = self.has_room_for(bytes);
        }
        // To make room this very span may have been let go.
        let place = self.index.get(&id).copied();
        match place.and_then(|place| self.places.get_mut(place)) {
            Some(span) if is_kept => {
                span.waiting += records;
                span.bytes += bytes;
                self.bytes += bytes;
                let kept = span.kept();
                kept.event_count += 1;
                kept.events.extend_from_slice(&event);
            }
            Some(span) => span.dropped_event_count += 1,
            None => is_kept = false,
        }
        self.event = event;
        is_kept
    }

    /// Keeps what the status is to say of an error. The error has a log record of its own: nothing
    /// is lost if there is no room.
    pub(super) fn keep_error(&mut self, id: SpanId, error: LastError) {
        let bytes = size_of::<Kept>() + error.text_bytes();
        if !self.has_room_for(bytes) {
            return;
        }
        if let Some(span) = self.get_mut(id) {
            let before = span.kept().last_error.replace(error);
            let before = before.map_or(0, |before| size_of::<Kept>() + before.text_bytes());
            span.bytes = span.bytes + bytes - before;
            self.bytes = self.bytes + bytes - before;
        }
    }

    /// Takes out what is known of a span that has stopped.
    pub(super) fn take(&mut self, id: SpanId) -> StoppedSpan {
        let Some(place) = self.index.remove(&id) else {
            return StoppedSpan::default();
        };
        if self.index.is_empty() {
            self.waiting_since = None;
        }
        self.release(place)
    }

    fn release(&mut self, place: usize) -> StoppedSpan {
        let Some(span) = self.places.get_mut(place) else {
            return StoppedSpan::default();
        };
        self.free.push(place);
        self.bytes -= span.bytes;
        if span.name.capacity() > LONGEST_NAME_KEPT {
            span.name = String::new();
        }
        StoppedSpan {
            stake: Stake { waiting: span.waiting(), updates: span.updates, own: 0 },
            dropped_event_count: span.dropped_event_count,
            kept: span.kept.take(),
        }
    }

    /// How long it takes until a span may have to be announced that is as old as this then; `None`
    /// if none is waiting for it. The span may have stopped by now.
    pub(super) fn next_due_after(&self, now: Instant, age: Duration) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.waiting_since?);
        Some(age.saturating_sub(waited))
    }

    /// The spans that are open for so long and have not been announced, the oldest first.
    pub(super) fn due(&mut self, now: Instant, age: Duration) -> Vec<&OpenSpan> {
        if self.next_due_after(now, age).is_none_or(|wait| !wait.is_zero()) {
            return Vec::new();
        }
        let is_due = |span: &&OpenSpan| now.saturating_duration_since(span.since) >= age;
        let open = self.index.values().filter_map(|place| self.places.get(*place));
        let waiting = open.filter(|span| !span.is_announced);
        let (mut due, later): (Vec<&OpenSpan>, Vec<&OpenSpan>) = waiting.partition(is_due);
        self.waiting_since = later.iter().map(|span| span.since).min();
        due.sort_unstable_by_key(|span| (span.start_time_unix_nanos, span.id.to_u64()));
        due
    }

    /// Notes that a span is announced. `is_delivered` says that the announcement has arrived for
    /// certain, and the start with it.
    pub(super) fn announced(&mut self, id: SpanId, is_delivered: bool) {
        if let Some(span) = self.get_mut(id) {
            span.is_announced = true;
            span.is_start_waiting &= !is_delivered;
        }
    }

    /// Notes that a span could not be announced: it is tried again when it is as old once more.
    pub(super) fn not_announced(&mut self, id: SpanId, now: Instant) {
        if let Some(span) = self.get_mut(id) {
            span.since = now;
            self.waiting_since.get_or_insert(now);
        }
    }

    /// Forgets all spans; returns what is lost with them.
    pub(super) fn forget_all(&mut self) -> Stake {
        self.waiting_since = None;
        let places: Vec<usize> = self.index.drain().map(|(_, place)| place).collect();
        let stakes = places.into_iter().map(|place| self.release(place).stake);
        stakes.fold(Stake::NONE, |sum, stake| sum.plus(stake, 1))
    }

    /// Whether so much more may be kept. Lets go what nothing depends on.
    fn has_room_for(&mut self, bytes: usize) -> bool {
        if self.bytes + bytes > self.limit_bytes && !self.is_swept {
            self.is_swept = true;
            let is_needed =
                |span: &OpenSpan| !span.is_announced || span.waiting() > 0 || span.kept.is_some();
            let idle = self
                .index
                .iter()
                .filter(|(_, place)| self.places.get(**place).is_none_or(|span| !is_needed(span)));
            let idle: Vec<SpanId> = idle.map(|(id, _)| *id).collect();
            for id in idle {
                self.take(id);
            }
        }
        self.bytes + bytes <= self.limit_bytes
    }
}

/// Spreads the bits of a span id. Ids of a recorder are as good as random; those that come from
/// elsewhere cannot be chosen by whoever would want them to collide.
#[derive(Default)]
struct SpreadId(u64);

impl Hasher for SpreadId {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
