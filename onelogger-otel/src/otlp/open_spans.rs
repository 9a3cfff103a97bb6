//! What is remembered of spans until they stop.
//!
//! The collector sees a span when it has stopped. Until then its start, and in part what happened
//! in it, wait here: accepted, and yet to be delivered. The memory is bounded. A span that finds no
//! room is announced at once, so that its start waits for nothing; an event that finds none becomes
//! a log record.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use onelogger::exporter::{RecordKind, RecordRef};
use onelogger::{SpanId, TraceId};
use opentelemetry_proto::tonic::trace::v1::span;
use prost::Message;

use super::clock::Instant;

pub(super) struct OpenSpans {
    spans: HashMap<SpanId, OpenSpan, BuildHasherDefault<SpreadId>>,
    bytes: usize,
    limit_bytes: usize,
    /// No span that has yet to be announced is remembered, or waits for it, since before then.
    waiting_since: Option<Instant>,
    /// Whether this call has let go what it could; a second look would find nothing.
    is_swept: bool,
}

pub(super) struct OpenSpan {
    pub(super) trace_id: TraceId,
    pub(super) name: Box<str>,
    pub(super) start_time_unix_nanos: u64,
    since: Instant,
    /// Whether its start was accepted, and is shown by nothing but the span.
    is_start_waiting: bool,
    /// How many of the other records about it are.
    waiting: usize,
    is_announced: bool,
    pub(super) last_error: Option<LastError>,
    pub(super) events: Vec<span::Event>,
    bytes: usize,
}

/// What a span's status says of the latest error in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastError {
    pub(super) message: String,
    pub(super) error_type: Option<String>,
}

/// What a span, and what an event of it, takes beside its texts.
const SPAN_BYTES: usize = size_of::<(SpanId, OpenSpan)>() * 2;
const EVENT_BYTES: usize = size_of::<span::Event>() * 2;

impl OpenSpan {
    /// Records that are lost if the span is.
    pub(super) fn waiting(&self) -> usize {
        self.waiting + self.is_start_waiting as usize
    }
}

impl OpenSpans {
    pub(super) fn new(limit_bytes: usize) -> OpenSpans {
        let (spans, waiting_since) = (HashMap::default(), None);
        OpenSpans { spans, bytes: 0, limit_bytes, waiting_since, is_swept: false }
    }

    /// A new call begins.
    pub(super) fn begin_call(&mut self) {
        self.is_swept = false;
    }

    /// Lets a start or an addition of attributes wait for the stop of its span. Whether there is
    /// room for that.
    pub(super) fn hold(&mut self, record: &RecordRef<'_>, now: Instant) -> bool {
        let id = record.span_id();
        let is_start = record.kind() == RecordKind::Start;
        if !self.spans.contains_key(&id) {
            let bytes = SPAN_BYTES + record.name().len();
            if !self.has_room_for(bytes) {
                return false;
            }
            self.bytes += bytes;
            let start_time_unix_nanos = match is_start {
                true => record.time_unix_nanos(),
                false => record.start_time_unix_nanos(),
            };
            let span = OpenSpan {
                trace_id: record.trace_id(),
                name: record.name().into(),
                start_time_unix_nanos,
                since: now,
                is_start_waiting: false,
                waiting: 0,
                is_announced: false,
                last_error: None,
                events: Vec::new(),
                bytes,
            };
            self.spans.insert(id, span);
            self.waiting_since = self.waiting_since.or(Some(now));
        }
        if let Some(span) = self.spans.get_mut(&id) {
            // A second start of a span is none, but it is a record.
            span.waiting += (!is_start || span.is_start_waiting) as usize;
            span.is_start_waiting |= is_start;
        }
        true
    }

    pub(super) fn get(&self, id: SpanId) -> Option<&OpenSpan> {
        self.spans.get(&id)
    }

    /// Keeps an event until its span stops. `records` says how many records it alone shows. Whether
    /// the span is known and there is room.
    pub(super) fn keep_event(&mut self, id: SpanId, event: span::Event, records: usize) -> bool {
        let bytes = EVENT_BYTES + 2 * event.encoded_len();
        if !self.spans.contains_key(&id) || !self.has_room_for(bytes) {
            return false;
        }
        // To make room this very span may have been let go.
        let Some(span) = self.spans.get_mut(&id) else {
            return false;
        };
        span.waiting += records;
        span.events.push(event);
        span.bytes += bytes;
        self.bytes += bytes;
        true
    }

    /// Keeps what the status is to say of an error. The error has a log record of its own: nothing
    /// is lost if there is no room.
    pub(super) fn keep_error(&mut self, id: SpanId, error: LastError) {
        let length = |error: &LastError| {
            error.message.len() + error.error_type.as_ref().map_or(0, String::len)
        };
        let bytes = length(&error);
        if !self.has_room_for(bytes) {
            return;
        }
        if let Some(span) = self.spans.get_mut(&id) {
            let before = span.last_error.replace(error).as_ref().map_or(0, length);
            span.bytes = span.bytes + bytes - before;
            self.bytes = self.bytes + bytes - before;
        }
    }

    /// Takes out what is known of a span that has stopped.
    pub(super) fn take(&mut self, id: SpanId) -> Option<OpenSpan> {
        let span = self.spans.remove(&id)?;
        self.bytes -= span.bytes;
        if self.spans.is_empty() {
            self.waiting_since = None;
        }
        Some(span)
    }

    /// How long it takes until a span may have to be announced that is as old as this then; `None`
    /// if none is waiting for it. The span may have stopped by now.
    pub(super) fn next_due_after(&self, now: Instant, age: Duration) -> Option<Duration> {
        let waited = now.saturating_duration_since(self.waiting_since?);
        Some(age.saturating_sub(waited))
    }

    /// The spans that are open for so long and have not been announced, the oldest first.
    pub(super) fn due(&mut self, now: Instant, age: Duration) -> Vec<(SpanId, &OpenSpan)> {
        if self.next_due_after(now, age).is_none_or(|wait| !wait.is_zero()) {
            return Vec::new();
        }
        let is_due = |span: &OpenSpan| now.saturating_duration_since(span.since) >= age;
        let waiting = self.spans.iter().map(|(id, span)| (*id, span));
        let waiting = waiting.filter(|(_, span)| !span.is_announced);
        let (mut due, later): (Vec<_>, Vec<_>) = waiting.partition(|(_, span)| is_due(span));
        self.waiting_since = later.iter().map(|(_, span)| span.since).min();
        due.sort_unstable_by_key(|(id, span)| (span.start_time_unix_nanos, id.to_u64()));
        due
    }

    /// Notes that a span is announced. `is_delivered` says that the announcement has arrived for
    /// certain, and the start with it.
    pub(super) fn announced(&mut self, id: SpanId, is_delivered: bool) {
        if let Some(span) = self.spans.get_mut(&id) {
            span.is_announced = true;
            span.is_start_waiting &= !is_delivered;
        }
    }

    /// Notes that a span could not be announced: it is tried again when it is as old once more.
    pub(super) fn not_announced(&mut self, id: SpanId, now: Instant) {
        if let Some(span) = self.spans.get_mut(&id) {
            span.since = now;
            self.waiting_since = self.waiting_since.or(Some(now));
        }
    }

    /// Forgets all spans; returns how many records had waited for them.
    pub(super) fn forget_all(&mut self) -> usize {
        self.bytes = 0;
        self.waiting_since = None;
        self.spans.drain().map(|(_, span)| span.waiting()).sum()
    }

    /// Whether so much more may be kept. Lets go what nothing depends on.
    fn has_room_for(&mut self, bytes: usize) -> bool {
        if self.bytes + bytes > self.limit_bytes && !self.is_swept {
            self.is_swept = true;
            let total = &mut self.bytes;
            self.spans.retain(|_, span| {
                let is_needed = !span.is_announced
                    || span.waiting() > 0
                    || span.last_error.is_some()
                    || !span.events.is_empty();
                *total -= if is_needed { 0 } else { span.bytes };
                is_needed
            });
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
