//! One processor at work: asks it, and keeps spans whole.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Draft, Processor, Verdict};
use crate::data::{EventRecord, Record, SpanId};
use crate::diagnostics;
use crate::exporter::{Batch, Entry, Processed, RecordKind, RecordRef};

pub(super) struct Stage {
    processor: Box<dyn Processor>,
    /// What the processor says of itself, asked once: out of its reach while it works.
    name: String,
    memory_bytes: usize,
    /// Open spans with which it is not as with most.
    spans: HashMap<SpanId, Fate>,
    /// What the records that wait take.
    held_bytes: usize,
    pub(super) counts: Processed,
    /// A panic was logged.
    has_failed: bool,
}

/// What is known of an open span.
struct Fate {
    state: State,
    /// What it hangs under.
    parent: Parent,
}

#[derive(Clone, Copy)]
struct Parent {
    id: SpanId,
    is_remote: bool,
}

enum State {
    /// Let through; it is here because it hangs under another parent than it says.
    Moved,
    Withheld,
    /// Its start was lost.
    Lost,
    /// Waits for its stop, as far as it has come by.
    Held(Batch),
}

/// What the processor has said of a record, and made of it.
struct Answer {
    /// `None` after a panic.
    verdict: Option<Verdict>,
    changed: Option<Record>,
    added: Vec<EventRecord>,
}

impl Stage {
    pub(super) fn new(processor: Box<dyn Processor>) -> Stage {
        Stage {
            name: processor.name().to_owned(),
            memory_bytes: processor.memory_bytes(),
            processor,
            spans: HashMap::new(),
            held_bytes: 0,
            counts: Processed::default(),
            has_failed: false,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is left of a batch; `None` if that is all of it, unchanged.
    pub(super) fn run(&mut self, batch: &Batch) -> Option<Batch> {
        let mut output = Output { from: batch, unchanged: 0, changed: None };
        for place in 0..batch.entries().len() {
            self.take(batch, place, &mut output);
        }
        output.changed
    }

    /// What the processor has to say at the end.
    pub(super) fn finish(&mut self, now_unix_nanos: u64) -> Vec<EventRecord> {
        let processor = &mut self.processor;
        let last = catch_unwind(AssertUnwindSafe(|| processor.finish(now_unix_nanos)));
        let mut last = last.unwrap_or_else(|_| {
            self.say_failed();
            Vec::new()
        });
        last.iter_mut().for_each(|event| happens_at(event, now_unix_nanos));
        self.counts.added += last.len() as u64;
        last
    }

    fn take(&mut self, from: &Batch, place: usize, output: &mut Output<'_>) {
        let mut entry = from.entries()[place];
        if entry.is_own {
            return output.pass(&Found { from, place, entry, changed: None });
        }
        let is_start = entry.kind == RecordKind::Start;
        if !is_start && self.is_of_none(&entry) {
            return output.skip();
        }
        if matches!(entry.kind, RecordKind::Start | RecordKind::Stop | RecordKind::Attributes) {
            self.move_under_kept(&mut entry);
        }
        let answer = self.ask(RecordRef::new(from, &entry), from.made_unix_nanos(place));
        let record = Found { from, place, entry, changed: answer.changed.as_ref() };
        match entry.kind {
            RecordKind::Start => self.start(&record, answer.verdict, output),
            RecordKind::Stop => {
                // Before it, because they may belong to the span.
                self.add(&answer.added, output);
                return self.stop(&record, answer.verdict, output);
            }
            _ => self.other(&record, answer.verdict, output),
        }
        self.add(&answer.added, output);
    }

    /// Adds events; one that belongs to a span goes where that is.
    fn add(&mut self, events: &[EventRecord], output: &mut Output<'_>) {
        self.counts.added += events.len() as u64;
        for event in events {
            match self.spans.get(&event.span_id).map(|fate| &fate.state) {
                Some(State::Withheld) => self.counts.withheld += 1,
                Some(State::Lost) => self.counts.failed += 1,
                Some(State::Held(_)) => {
                    let put = |held: &mut Batch| held.push_event(RecordKind::Event, event);
                    self.hold(event.span_id, put, output);
                }
                Some(State::Moved) | None => output.batch().push_event(RecordKind::Event, event),
            }
        }
    }

    /// Whether the span that the record belongs to is held back or lost, and this with it.
    fn is_of_none(&mut self, entry: &Entry) -> bool {
        let count = match self.spans.get(&entry.span_id).map(|fate| &fate.state) {
            Some(State::Withheld) => &mut self.counts.withheld,
            Some(State::Lost) => &mut self.counts.failed,
            _ => return false,
        };
        *count += 1;
        if entry.kind == RecordKind::Stop {
            self.spans.remove(&entry.span_id);
        }
        true
    }

    /// A span whose parent is held back hangs under that one's parent, from its start to its stop.
    fn move_under_kept(&mut self, entry: &mut Entry) {
        if self.spans.is_empty() {
            return;
        }
        let known = match entry.kind {
            RecordKind::Start => {
                let above = self.spans.get(&entry.parent);
                above.filter(|above| matches!(above.state, State::Withheld | State::Lost))
            }
            _ => self.spans.get(&entry.span_id),
        };
        if let Some(Fate { parent, .. }) = known {
            (entry.parent, entry.has_remote_parent) = (parent.id, parent.is_remote);
        }
    }

    fn ask(&mut self, record: RecordRef<'_>, made_unix_nanos: u64) -> Answer {
        let mut added = Vec::new();
        let mut draft = Draft::new(record, made_unix_nanos, &mut added);
        let processor = &mut self.processor;
        let asked = catch_unwind(AssertUnwindSafe(|| processor.process(&mut draft)));
        let changed = draft.into_changed();
        if asked.is_err() {
            self.say_failed();
            return Answer { verdict: None, changed: None, added: Vec::new() };
        }
        Answer { verdict: asked.ok(), changed, added }
    }

    fn say_failed(&mut self) {
        if !std::mem::replace(&mut self.has_failed, true) {
            let name = &self.name;
            diagnostics::error(format_args!(
                "processor {name} has panicked; what it was asked about is lost, and counted"
            ));
        }
    }

    fn start(&mut self, start: &Found<'_>, verdict: Option<Verdict>, output: &mut Output<'_>) {
        let state = match verdict {
            Some(Verdict::Keep) => None,
            Some(Verdict::Hold) => {
                let mut held = Batch::default();
                start.copy_to(&mut held);
                self.make_room(held_bytes(&held)).then_some(State::Held(held))
            }
            Some(Verdict::Withhold) => Some(State::Withheld),
            None => Some(State::Lost),
        };
        match state {
            None => output.pass(start),
            Some(State::Lost) => self.counts.failed += 1,
            Some(_) => self.counts.withheld += 1,
        }
        if state.is_some() {
            output.skip();
        }
        let moved = start.is_moved().then_some(State::Moved);
        if let Some(state) = state.or(moved) {
            let entry = &start.entry;
            let parent = Parent { id: entry.parent, is_remote: entry.has_remote_parent };
            self.spans.insert(entry.span_id, Fate { state, parent });
        }
    }

    fn stop(&mut self, stop: &Found<'_>, verdict: Option<Verdict>, output: &mut Output<'_>) {
        let known = self.spans.remove(&stop.entry.span_id);
        let held = match known.map(|fate| fate.state) {
            Some(State::Held(held)) => Some(held),
            _ => None,
        };
        let waiting = held.as_ref().map_or(0, |held| held.entries().len() as u64);
        self.held_bytes -= held.as_ref().map_or(0, held_bytes);
        match verdict {
            None => {
                self.counts.failed += waiting + 1;
                self.counts.withheld -= waiting;
                output.skip();
            }
            Some(Verdict::Withhold) if held.is_some() => {
                self.counts.withheld += 1;
                output.skip();
            }
            // Without a start that waits, the start was let through.
            Some(_) => {
                self.counts.withheld -= waiting;
                if let Some(held) = held {
                    output.batch().copy_records(&held);
                }
                output.pass(stop);
            }
        }
    }

    /// What is neither a start nor a stop.
    fn other(&mut self, record: &Found<'_>, verdict: Option<Verdict>, output: &mut Output<'_>) {
        let is_report = record.entry.kind == RecordKind::TelemetryDataError;
        match verdict {
            None => {
                self.counts.failed += 1;
                return output.skip();
            }
            Some(Verdict::Withhold) if !is_report => {
                self.counts.withheld += 1;
                return output.skip();
            }
            Some(_) => {}
        }
        if !self.hold(record.entry.span_id, |held| record.copy_to(held), output) {
            output.pass(record);
        }
    }

    /// Puts a record to those of its span that wait; whether it is such a span.
    fn hold(
        &mut self,
        span: SpanId,
        put: impl FnOnce(&mut Batch),
        output: &mut Output<'_>,
    ) -> bool {
        let state = self.spans.get_mut(&span).map(|fate| &mut fate.state);
        let Some(State::Held(held)) = state else { return false };
        let before = held_bytes(held);
        put(held);
        let more = held_bytes(held) - before;
        self.counts.withheld += 1;
        output.skip();
        if !self.make_room(more) {
            self.let_through(span, more, output);
        }
        true
    }

    /// Lets a span through for which there is no room to wait; so many bytes of it are not counted yet.
    fn let_through(&mut self, span: SpanId, uncounted: usize, output: &mut Output<'_>) {
        let Some(fate) = self.spans.get_mut(&span) else { return };
        if let State::Held(held) = std::mem::replace(&mut fate.state, State::Moved) {
            self.held_bytes -= held_bytes(&held) - uncounted;
            self.counts.withheld -= held.entries().len() as u64;
            output.batch().copy_records(&held);
        }
    }

    fn make_room(&mut self, bytes: usize) -> bool {
        let is_room = self.held_bytes + bytes <= self.memory_bytes;
        self.held_bytes += if is_room { bytes } else { 0 };
        is_room
    }
}

/// An event without a time of its own gets this one.
pub(super) fn happens_at(event: &mut EventRecord, time_unix_nanos: u64) {
    if event.time_unix_nanos == 0 {
        event.time_unix_nanos = time_unix_nanos;
    }
}

/// What the records that wait in a batch take, about.
fn held_bytes(held: &Batch) -> usize {
    size_of::<(SpanId, Fate)>() + held.kept_bytes()
}

/// A record on its way through.
struct Found<'a> {
    from: &'a Batch,
    place: usize,
    /// As in the batch, but for a parent that is held back.
    entry: Entry,
    changed: Option<&'a Record>,
}

impl Found<'_> {
    fn copy_to(&self, batch: &mut Batch) {
        match self.changed {
            Some(changed) => batch.copy_changed(self.from, self.place, self.entry, changed),
            None => batch.copy_record(self.from, self.place, self.entry),
        }
    }

    fn is_moved(&self) -> bool {
        self.entry.parent != self.from.entries()[self.place].parent
    }
}

/// What is left of a batch. Nothing is copied before something is changed or left out.
struct Output<'a> {
    from: &'a Batch,
    /// So many records are let through, unchanged, if nothing is copied yet.
    unchanged: usize,
    changed: Option<Batch>,
}

impl Output<'_> {
    fn pass(&mut self, record: &Found<'_>) {
        if self.changed.is_none() && record.changed.is_none() && !record.is_moved() {
            self.unchanged += 1;
            return;
        }
        record.copy_to(self.batch());
    }

    fn skip(&mut self) {
        self.batch();
    }

    fn batch(&mut self) -> &mut Batch {
        let (from, unchanged) = (self.from, self.unchanged);
        self.changed.get_or_insert_with(|| {
            let mut copy = Batch::default();
            for (place, entry) in from.entries()[..unchanged].iter().enumerate() {
                copy.copy_record(from, place, *entry);
            }
            copy
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{EventRecord, Record, SpanRecord};
    use crate::processor::KeepIf;

    #[test]
    fn memory_that_waits_counts_whether_it_is_used_or_not() {
        let mut stage = Stage::new(Box::new(KeepIf::error()));
        let span_id = SpanId::from_u64(1);
        let mut records = vec![Record::Start(SpanRecord { span_id, ..SpanRecord::default() })];
        for _ in 0..5 {
            let name = "something that happened".into();
            records.push(Record::Event(EventRecord { span_id, name, ..EventRecord::default() }));
            let batch: Batch = std::mem::take(&mut records).into_iter().collect();
            stage.run(&batch);
            let State::Held(held) = &stage.spans[&span_id].state else { panic!() };
            // As much as one that was filled one by one keeps.
            let mut entries = Vec::new();
            held.entries().iter().for_each(|entry| entries.push(*entry));
            let least = size_of::<Fate>() + entries.capacity() * size_of::<Entry>();
            assert!(stage.held_bytes >= least, "{} {least}", stage.held_bytes);
        }
        let stop = Record::Stop(SpanRecord { span_id, ..SpanRecord::default() });
        stage.run(&[stop].into_iter().collect());
        assert_eq!((stage.held_bytes, stage.counts.withheld), (0, 7));
    }
}
