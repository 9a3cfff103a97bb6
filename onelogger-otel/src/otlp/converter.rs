//! What becomes of each record: which items show it, and what waits for later.

use std::time::Duration;

use onelogger::exporter::{RecordKind, RecordRef};
use onelogger::{SpanId, names};

use super::clock::{self, Instant};
use super::draft::{Extra, Outbox, Stake};
use super::ids::Ids;
use super::messages;
use super::open_spans::{OpenSpan, OpenSpans};
use super::settings::{EventMode, Settings};
use super::signal::Signal;
use crate::names::event::{SPAN_OPEN, SPAN_UPDATE};

pub(super) struct Converter {
    mode: EventMode,
    announce_after: Option<Duration>,
    pub(super) open_spans: OpenSpans,
    ids: Ids,
    /// When the call began.
    pub(super) now: Instant,
}

impl Converter {
    pub(super) fn new(settings: &Settings) -> Converter {
        Converter {
            mode: settings.event_mode,
            announce_after: settings.announce_after,
            open_spans: OpenSpans::new(settings.memory_bytes),
            ids: Ids::new(),
            now: clock::now(),
        }
    }

    /// A new call begins.
    pub(super) fn begin_call(&mut self) {
        self.now = clock::now();
        self.open_spans.begin_call();
    }

    /// Writes down what shows a record, or remembers it.
    pub(super) fn take(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        match record.kind() {
            RecordKind::Start => self.start(record, outbox),
            RecordKind::Attributes => {
                if !self.open_spans.hold(record, self.now) {
                    let log = messages::unremembered_log(record, SPAN_UPDATE);
                    outbox.put(Signal::Logs, &log, Stake::OWN);
                }
            }
            RecordKind::Stop => {
                let open = self.open_spans.take(record.span_id());
                let waiting = open.as_ref().map_or(0, OpenSpan::waiting);
                let span = messages::span(record, open);
                outbox.put(Signal::Traces, &span, Stake { own: 1, waiting });
            }
            RecordKind::Event => self.event(record, outbox),
            RecordKind::Error => self.error(record, outbox),
            RecordKind::TelemetryDataError => {
                let root = self.ids.root();
                let span = messages::data_error_span(record, root);
                outbox.put(Signal::Logs, &messages::data_error_log(record, root), stake(record));
                outbox.put(Signal::Traces, &span, Stake::NONE);
            }
            // A kind that came later than this exporter is shown as what happened.
            _ => outbox.put(Signal::Logs, &messages::event_log(record), stake(record)),
        }
    }

    fn start(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let attributes = record.event_attributes();
        let is_held = self.open_spans.hold(record, self.now);
        // The attributes of the start event are in no stop.
        let is_whole = is_held
            && (attributes.is_empty() || {
                let event = messages::span_event(record, names::event::SPAN_START, attributes);
                self.open_spans.keep_event(record.span_id(), event, 0)
            });
        if !is_whole {
            let stake = if is_held { Stake::NONE } else { Stake::OWN };
            outbox.put(Signal::Logs, &messages::unremembered_log(record, SPAN_OPEN), stake);
        }
    }

    fn event(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let span = record.span_id();
        match self.mode {
            EventMode::SpanEvents if span.is_valid() => {
                let event = messages::span_event(record, record.name(), record.attributes());
                if self.open_spans.keep_event(span, event, 1) {
                    return;
                }
            }
            EventMode::ZeroLengthSpans if span.is_valid() => {
                let name = format!("{}_event{}", record.name(), self.for_span(span));
                let span = messages::zero_length(record, self.ids.span(), name);
                return outbox.put(Signal::Traces, &span, stake(record));
            }
            _ => {}
        }
        outbox.put(Signal::Logs, &messages::event_log(record), stake(record));
    }

    fn error(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        outbox.put(Signal::Logs, &messages::error_log(record), stake(record));
        let span = record.span_id();
        if span.is_valid() {
            self.open_spans.keep_error(span, messages::last_error(record));
            if self.mode == EventMode::SpanEvents {
                // Without room for it there is still the log record.
                self.open_spans.keep_event(span, messages::exception_event(record), 0);
            }
            if self.mode == EventMode::ZeroLengthSpans {
                let name = format!("error{}", self.for_span(span));
                let shown = messages::zero_length_error(record, self.ids.span(), name);
                outbox.put(Signal::Traces, &shown, Stake::NONE);
            }
        }
    }

    /// `_for_` and the name of the span, if it is known.
    fn for_span(&self, span: SpanId) -> String {
        self.open_spans.get(span).map_or_else(String::new, |open| format!("_for_{}", open.name))
    }

    /// How long it takes until the next span may have to be announced.
    pub(super) fn next_announcement_after(&self) -> Option<Duration> {
        self.open_spans.next_due_after(clock::now(), self.announce_after?)
    }

    /// Writes down which spans are open for long.
    pub(super) fn announce(&mut self, outbox: &mut Outbox) {
        let Some(age) = self.announce_after else {
            return;
        };
        for (id, span) in self.open_spans.due(self.now, age) {
            outbox.put_extra(&messages::open_span_log(id, span), Extra::OpenSpan(id));
        }
    }
}

/// The library's own records are counted by nobody.
fn stake(record: &RecordRef<'_>) -> Stake {
    if record.is_own() { Stake::NONE } else { Stake::OWN }
}

/// Whether a record is the last of a run.
pub(super) fn is_closing(record: &RecordRef<'_>) -> bool {
    record.is_own() && record.kind() == RecordKind::Event && record.name() == names::event::CLOSE
}
