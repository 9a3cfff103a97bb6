//! What becomes of each record: which items show it, and what waits for later.

use std::time::Duration;

use onelogger::exporter::{RecordKind, RecordRef, Withheld};
use onelogger::names;

use super::clock::{self, Instant};
use super::draft::Extra;
use super::ids::Ids;
use super::limits::{LogLimits, SpanLimits};
use super::messages;
use super::open_spans::OpenSpans;
use super::outbox::Outbox;
use super::settings::{EventMode, Settings};
use super::stake::Stake;
use crate::exception::last_error;
use crate::names::event::{SPAN_OPEN, SPAN_UPDATE};

pub(super) struct Converter {
    mode: EventMode,
    sends_traces: bool,
    sends_logs: bool,
    /// What there is no place for, because spans are not sent or log records are not.
    withheld: Withheld,
    announce_after: Option<Duration>,
    span_limits: SpanLimits,
    log_limits: LogLimits,
    pub(super) open_spans: OpenSpans,
    ids: Ids,
    /// A start was accepted just now whose stop comes next.
    is_stop_next: bool,
    /// When the call began.
    pub(super) now: Instant,
}

impl Converter {
    pub(super) fn new(settings: &Settings) -> Converter {
        let event_limit = settings.span_limits.event_count;
        let (sends_traces, sends_logs) = (settings.traces.is_some(), settings.logs.is_some());
        let mode = match settings.event_mode {
            _ if !sends_traces => EventMode::LogRecords,
            EventMode::LogRecords if !sends_logs => EventMode::SpanEvents,
            mode => mode,
        };
        Converter {
            mode,
            sends_traces,
            sends_logs,
            withheld: Withheld::default(),
            announce_after: settings.announce_after.filter(|_| sends_traces && sends_logs),
            span_limits: settings.span_limits,
            log_limits: settings.log_limits,
            open_spans: OpenSpans::new(settings.memory_bytes, event_limit),
            ids: Ids::new(),
            is_stop_next: false,
            now: clock::now(),
        }
    }

    /// A new call begins.
    pub(super) fn begin_call(&mut self) {
        self.now = clock::now();
        self.open_spans.begin_call();
    }

    /// Writes down what shows a record, or remembers it. `next` is the record that comes after it, in
    /// the same call.
    pub(super) fn take(
        &mut self,
        record: &RecordRef<'_>,
        next: Option<&RecordRef<'_>>,
        outbox: &mut Outbox,
    ) {
        match record.kind() {
            kind @ (RecordKind::Start | RecordKind::Attributes | RecordKind::Stop)
                if !self.sends_traces =>
            {
                self.withheld.records += 1;
                self.withheld.updates += u64::from(kind == RecordKind::Attributes);
            }
            // Most spans have no span below them: nothing of such a one need be remembered.
            RecordKind::Start if next.is_some_and(|next| is_lone_start(record, next)) => {
                self.is_stop_next = true;
            }
            RecordKind::Start => self.start(record, outbox),
            RecordKind::Attributes => {
                if !self.open_spans.hold_update(record, self.now) {
                    self.unremembered(record, SPAN_UPDATE, Stake::OWN_UPDATE, outbox);
                }
            }
            RecordKind::Stop => self.stop(record, outbox),
            RecordKind::Event => self.event(record, outbox),
            RecordKind::Error => self.error(record, outbox),
            RecordKind::TelemetryDataError => {
                let root = self.ids.root();
                let (of_log, of_span) = self.stakes(stake(record));
                outbox.log(record.scope(), of_log, |out| {
                    messages::data_error_log(out, record, root);
                });
                if self.sends_traces {
                    outbox.span(record.scope(), of_span, |out| {
                        messages::data_error_span(out, record, root);
                    });
                }
            }
            // A kind that came later than this exporter is shown as what happened.
            _ => self.event_log(record, outbox),
        }
    }

    fn start(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let (attributes, limits) = (record.event_attributes(), &self.span_limits);
        let is_held = self.open_spans.hold_start(record, self.now);
        // The attributes of the start event are in no stop.
        let is_whole = is_held
            && (attributes.is_empty()
                || self.open_spans.keep_event(record.span_id(), 0, |out| {
                    let name = names::event::SPAN_START;
                    messages::span_event(out, record, name, attributes, limits);
                }));
        if !is_whole {
            let stake = if is_held { Stake::NONE } else { Stake::OWN };
            self.unremembered(record, SPAN_OPEN, stake, outbox);
        }
    }

    fn unremembered(
        &self,
        record: &RecordRef<'_>,
        event_name: &str,
        stake: Stake,
        outbox: &mut Outbox,
    ) {
        outbox.log(record.scope(), stake, |out| {
            messages::unremembered_log(out, record, event_name, &self.log_limits);
        });
    }

    fn stop(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let span = self.open_spans.take(record.span_id());
        let mut stake = Stake::OWN.plus(span.stake, 1);
        stake.waiting += usize::from(std::mem::take(&mut self.is_stop_next));
        let mut has_place = true;
        outbox.span(record.scope(), stake, |out| {
            has_place = messages::span(out, record, span.remembered(), &self.span_limits);
        });
        if !has_place {
            outbox.log(record.scope(), Stake::NONE, |out| {
                messages::stop_event_log(out, record, &self.log_limits);
            });
        }
    }

    fn event(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let span = record.span_id();
        if self.mode == EventMode::LogRecords || !span.is_valid() || messages::is_log_record(record)
        {
            return self.event_log(record, outbox);
        }
        let limits = &self.span_limits;
        if self.mode == EventMode::SpanEvents {
            let is_kept = self.open_spans.keep_event(span, 1, |out| {
                messages::span_event(out, record, record.name(), record.attributes(), limits);
            });
            if !is_kept {
                self.event_log(record, outbox);
            }
            return;
        }
        let (id, open) = (self.ids.span(), self.open_spans.get(span));
        let of = open.map_or(["", ""], |open| ["_for_", &open.name]);
        outbox.span(record.scope(), stake(record), |out| {
            let name = [record.name(), "_event", of[0], of[1]];
            messages::zero_length(out, record, id, &name, limits);
        });
    }

    fn event_log(&self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        outbox.log(record.scope(), stake(record), |out| {
            messages::event_log(out, record, &self.log_limits);
        });
    }

    fn error(&mut self, record: &RecordRef<'_>, outbox: &mut Outbox) {
        let (span, limits) = (record.span_id(), &self.span_limits);
        let (of_log, mut of_span) = self.stakes(stake(record));
        outbox.log(record.scope(), of_log, |out| {
            messages::error_log(out, record, &self.log_limits);
        });
        if span.is_valid() && self.sends_traces {
            self.open_spans.keep_error(span, last_error(record));
            match self.mode {
                EventMode::LogRecords => {}
                EventMode::SpanEvents => {
                    // Without a place for it there is still the log record, if it is sent.
                    let is_kept = self.open_spans.keep_event(span, of_span.own, |out| {
                        messages::exception_event(out, record, limits);
                    });
                    of_span = if is_kept { Stake::NONE } else { of_span };
                }
                EventMode::ZeroLengthSpans => {
                    let (id, open) = (self.ids.span(), self.open_spans.get(span));
                    let of = open.map_or(["", ""], |open| ["_for_", &open.name]);
                    outbox.span(record.scope(), of_span, |out| {
                        let name = ["error", of[0], of[1]];
                        messages::zero_length_error(out, record, id, &name, limits);
                    });
                    of_span = Stake::NONE;
                }
            }
        }
        self.withheld.records += of_span.own as u64;
    }

    /// What is shown by a log record and by a span stands for a record once: in the log record, if
    /// that is sent.
    fn stakes(&self, stake: Stake) -> (Stake, Stake) {
        if self.sends_logs { (stake, Stake::NONE) } else { (Stake::NONE, stake) }
    }

    /// What is held back up to now, also for `outbox`.
    pub(super) fn withheld(&self, outbox: &Outbox) -> Withheld {
        let of_outbox = outbox.withheld;
        Withheld {
            records: self.withheld.records + of_outbox.total() as u64,
            updates: self.withheld.updates + of_outbox.updates as u64,
        }
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
        for span in self.open_spans.due(self.now, age) {
            outbox.extra(Extra::OpenSpan(span.id), |out| messages::open_span_log(out, span));
        }
    }
}

/// Whether a start is all that there is to know of its span before the stop, which comes next.
fn is_lone_start(start: &RecordRef<'_>, next: &RecordRef<'_>) -> bool {
    next.kind() == RecordKind::Stop
        && next.span_id() == start.span_id()
        && start.event_attributes().is_empty()
}

/// The library's own records are counted by nobody.
fn stake(record: &RecordRef<'_>) -> Stake {
    if record.is_own() { Stake::NONE } else { Stake::OWN }
}

/// Whether a record is the last of a run.
pub(super) fn is_closing(record: &RecordRef<'_>) -> bool {
    record.is_own() && record.kind() == RecordKind::Event && record.name() == names::event::CLOSE
}
