//! What is remembered of spans until they stop.
//!
//! The SDK's exporter gets a span when it has stopped. Until then its start, and what happened in
//! it, may wait here: accepted, and yet to be delivered. The memory is bounded; what finds no room
//! is shown at once, as a span without length.

use std::collections::HashMap;
use std::ops::AddAssign;

use onelogger::SpanId;
use opentelemetry::trace::Event;

use super::attributes::size_bytes;
use crate::exception::LastError;

pub(super) struct OpenSpans {
    spans: HashMap<SpanId, OpenSpan>,
    bytes: usize,
    limit_bytes: usize,
}

pub(super) struct OpenSpan {
    name: Box<str>,
    /// Records that are shown by nothing but the span, and lost with it.
    pub(super) waiting: Waiting,
    pub(super) last_error: Option<LastError>,
    pub(super) events: Vec<Event>,
    bytes: usize,
}

/// Records that wait for the stop of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) records: usize,
    /// Those of them that are additions of attributes.
    pub(super) updates: usize,
}

impl Waiting {
    pub(super) const NOTHING: Waiting = Waiting { records: 0, updates: 0 };
    pub(super) const RECORD: Waiting = Waiting { records: 1, updates: 0 };
    pub(super) const UPDATE: Waiting = Waiting { records: 1, updates: 1 };
}

impl AddAssign for Waiting {
    fn add_assign(&mut self, others: Waiting) {
        self.records += others.records;
        self.updates += others.updates;
    }
}

/// What a span, and what an event of it, takes beside its texts. Twice the size: tables and vectors
/// have room to grow into.
const SPAN_BYTES: usize = size_of::<(SpanId, OpenSpan)>() * 2;
const EVENT_BYTES: usize = size_of::<Event>() * 2;

impl OpenSpans {
    pub(super) fn new(limit_bytes: usize) -> OpenSpans {
        OpenSpans { spans: HashMap::new(), bytes: 0, limit_bytes }
    }

    /// Remembers a span, and that this waits for its stop too. Whether there is room.
    pub(super) fn hold(&mut self, id: SpanId, name: &str, waiting: Waiting) -> bool {
        if let Some(span) = self.spans.get_mut(&id) {
            span.waiting += waiting;
            return true;
        }
        let bytes = SPAN_BYTES + name.len();
        if !self.has_room_for(bytes) {
            return false;
        }
        self.bytes += bytes;
        let (last_error, events) = (None, Vec::new());
        let span = OpenSpan { name: name.into(), waiting, last_error, events, bytes };
        self.spans.insert(id, span);
        true
    }

    pub(super) fn name(&self, id: SpanId) -> Option<&str> {
        self.spans.get(&id).map(|span| &*span.name)
    }

    /// Keeps an event, which shows so many records, until its span stops. Gives it back if the span
    /// is not known or there is no room.
    pub(super) fn keep_event(
        &mut self,
        id: SpanId,
        event: Event,
        records: usize,
    ) -> Result<(), Event> {
        let bytes = EVENT_BYTES + event.name.len() + size_bytes(&event.attributes);
        if !self.has_room_for(bytes) {
            return Err(event);
        }
        let Some(span) = self.spans.get_mut(&id) else {
            return Err(event);
        };
        span.waiting.records += records;
        span.events.push(event);
        span.bytes += bytes;
        self.bytes += bytes;
        Ok(())
    }

    /// Keeps what the status is to say of an error, if there is room. The error itself is shown
    /// elsewhere.
    pub(super) fn keep_error(&mut self, id: SpanId, error: LastError) {
        let bytes = error.text_bytes();
        if !self.has_room_for(bytes) {
            return;
        }
        if let Some(span) = self.spans.get_mut(&id) {
            let before = span.last_error.replace(error).map_or(0, |error| error.text_bytes());
            span.bytes = span.bytes + bytes - before;
            self.bytes = self.bytes + bytes - before;
        }
    }

    /// Takes out what is known of a span that has stopped.
    pub(super) fn take(&mut self, id: SpanId) -> Option<OpenSpan> {
        let span = self.spans.remove(&id)?;
        self.bytes -= span.bytes;
        Some(span)
    }

    /// Forgets all spans; returns what had waited for them.
    pub(super) fn forget_all(&mut self) -> Waiting {
        self.bytes = 0;
        let mut all = Waiting::NOTHING;
        self.spans.drain().for_each(|(_, span)| all += span.waiting);
        all
    }

    fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes + bytes <= self.limit_bytes
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn event() -> Event {
        Event::new("event", SystemTime::UNIX_EPOCH, Vec::new(), 0)
    }

    #[test]
    fn what_is_taken_out_makes_room_again() {
        let mut open = OpenSpans::new(2 * (SPAN_BYTES + EVENT_BYTES + 10));
        let [first, second] = [1, 2].map(SpanId::from_u64);
        for _ in 0..3 {
            assert!(open.hold(first, "first", Waiting::RECORD));
            assert!(open.hold(second, "second", Waiting::UPDATE));
            open.keep_error(first, LastError { message: "bad".into(), error_type: None });
            open.keep_error(first, LastError { message: "x".into(), error_type: None });
            assert!(open.keep_event(first, event(), 1).is_ok());
            assert!(open.keep_event(second, event(), 1).is_err());
            assert!(!open.hold(SpanId::from_u64(3), "third", Waiting::RECORD));
            let taken = open.take(first).unwrap();
            assert_eq!((taken.waiting.records, taken.events.len()), (2, 1));
            assert_eq!(taken.last_error.map(|error| error.message).as_deref(), Some("x"));
            assert!(open.keep_event(second, event(), 1).is_ok());
            assert_eq!(open.forget_all(), Waiting { records: 2, updates: 1 });
            assert_eq!(open.bytes, 0);
        }
        assert!(open.keep_event(first, event(), 1).is_err(), "an event of a span that is over");
    }
}
