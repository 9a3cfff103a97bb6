//! Hands records to one exporter: failures, reports of them, the exporter's state, its close.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::disable::{DisableRule, Verdict};
use super::health::{ExporterState, SharedStatus};
use super::ledger::LossReason;
use super::reports;
use crate::data::Attributes;
use crate::data::names::attribute;
use crate::diagnostics;
use crate::exporter::{Batch, Entry, ExportError, Exporter, RecordKind, Run, Totals};
use crate::processor::Processors;

/// For so long a failure that has been said is not said again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// An exporter that asks to be called again at once is not called more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Worker {
    pub(super) name: String,
    /// Gone after a panic and after the close.
    exporter: Option<Box<dyn Exporter>>,
    run: Run,
    /// The exporter's own.
    processors: Processors,
    pub(super) clock: Clock,
    pub(super) status: SharedStatus,
    /// Whether `open` has succeeded.
    pub(super) is_open: bool,
    /// Whether a record has ever been accepted.
    has_exported: bool,
    /// Whether a telemetry data error has been given to the exporter.
    has_reported: bool,
    /// The report of a failure that has not got through yet.
    pub(super) unsent_report: Option<Batch>,
    /// The failure that was said last, and when.
    last_said: Option<(String, Duration)>,
    /// The losses that the exporter's output speaks of.
    pub(super) losses_reported: u64,
    /// The time of the latest record: that of what the worker itself has to say.
    pub(super) latest_unix_nanos: u64,
}

impl Worker {
    pub(super) fn new(
        exporter: Box<dyn Exporter>,
        processors: Processors,
        rule: DisableRule,
        run: Run,
        clock: Clock,
    ) -> Worker {
        let name = exporter.name().to_owned();
        let status = SharedStatus::new(name.clone(), rule);
        Worker {
            name,
            exporter: Some(exporter),
            latest_unix_nanos: run.started_unix_nanos(),
            run,
            processors,
            clock,
            status,
            is_open: false,
            has_exported: false,
            has_reported: false,
            unsent_report: None,
            last_said: None,
            losses_reported: 0,
        }
    }

    /// Opens the exporter.
    pub(super) fn open(&mut self) -> Result<(), ExportError> {
        let run = self.run.clone();
        let result = self.call(|exporter| exporter.open(&run));
        match &result {
            Ok(()) => {
                self.is_open = true;
                self.status.lock().state = ExporterState::Ready;
            }
            Err(error) => {
                self.note(error);
                let verdict = self.status.lock().failures.failed_to_open(self.clock.elapsed());
                self.obey(verdict);
            }
        }
        result
    }

    /// Hands what the exporter's processors leave of a batch to the exporter, and counts what became of
    /// it.
    pub(super) fn deliver(&mut self, batch: &Batch) {
        if self.processors.is_empty() {
            return self.deliver_processed(batch);
        }
        let left = self.processors.run(batch);
        self.status.lock().ledger.process(self.processors.counts());
        self.deliver_processed(left.as_ref().unwrap_or(batch));
    }

    fn deliver_processed(&mut self, batch: &Batch) {
        self.send_unsent_report();
        if let Some(last) = batch.entries().last() {
            self.latest_unix_nanos = last.time_unix_nanos;
        }
        let mut at = 0;
        while at < batch.entries().len() {
            let rest = &batch.entries()[at..];
            if !self.is_ready() {
                let lost = rest.iter().filter(|entry| !entry.is_own).count();
                self.status.lock().ledger.lose(lost, LossReason::ExporterDisabled);
                break;
            }
            let is_report = |entry: &Entry| entry.kind == RecordKind::TelemetryDataError;
            let has_report = batch.has(RecordKind::TelemetryDataError);
            match has_report.then(|| rest.iter().position(is_report)).flatten() {
                Some(0) => {
                    self.report(batch, at);
                    at += 1;
                }
                next => {
                    let end = next.map_or(batch.entries().len(), |next| at + next);
                    at += self.export(batch, at, end);
                }
            }
        }
        self.status.lock().ledger.reach(batch.totals);
        self.report_losses();
    }

    /// Exports records of a batch; returns how many are done with.
    fn export(&mut self, batch: &Batch, start: usize, end: usize) -> usize {
        let records = batch.range(start..end);
        let Err(mut error) = self.call(|exporter| exporter.export_batch(records)) else {
            self.accepted();
            let ledger = &mut self.status.lock().ledger;
            match batch.has(RecordKind::Attributes) {
                true => ledger.deliver(&batch.entries()[start..end]),
                false => ledger.deliver_plain(records.len()),
            }
            return records.len();
        };
        error.accepted = error.accepted.min(records.len());
        error.refused = error.refused.min(records.len() - error.accepted);
        let is_stuck = error.revoked == 0 || self.status.lock().failures.in_a_row() > 0;
        if error.accepted + error.refused == 0 && is_stuck {
            // An exporter that gets nowhere would be asked for ever.
            error.refused = 1;
        }
        let done = error.accepted + error.refused;
        self.status.lock().ledger.settle(&batch.entries()[start..start + done], &error);
        self.accepted_in_part(&error);
        // The report stands where the refused record would have stood, and bears its time.
        let refused = start + error.accepted.min(records.len() - 1);
        self.failed(&error, batch.made_unix_nanos(refused));
        done
    }

    /// The exporter has accepted something; if that has reached the backend, it works.
    pub(super) fn accepted(&mut self) {
        if self.has_sent().unwrap_or(true) {
            self.works();
        }
    }

    /// A call has failed; if something has reached the backend before, that was a success, and the
    /// failure is the first after it.
    fn accepted_in_part(&mut self, error: &ExportError) {
        // What was taken over, and taken back at once, is none.
        if self.has_sent().unwrap_or(error.accepted > error.revoked) {
            self.gets_through();
        }
    }

    fn works(&mut self) {
        self.gets_through();
        self.status.lock().has_spoken = false;
    }

    fn gets_through(&mut self) {
        self.has_exported = true;
        let mut status = self.status.lock();
        status.failures.succeeded();
        status.state = ExporterState::Ready;
    }

    fn has_sent(&mut self) -> Option<bool> {
        // One that panics over this is gone, and does not work.
        self.call(|exporter| Ok(exporter.has_sent())).unwrap_or(Some(false))
    }

    /// Gives the exporter a telemetry data error of the application or of the library, if it is
    /// the first that it gets.
    fn report(&mut self, batch: &Batch, at: usize) {
        let is_own = batch.entries()[at].is_own;
        let record = batch.range(at..at + 1);
        let Some(record) = record.iter().next() else {
            return;
        };
        if self.has_reported {
            self.status.lock().ledger.withhold(!is_own as usize);
            return;
        }
        let (attributes, time) = (record.attributes().to_owned(), record.time_unix_nanos());
        let report = reports::data_error(attributes, self.has_exported, time, is_own);
        match self.call(|exporter| exporter.export_batch(report.records())) {
            Ok(()) => {
                self.has_reported = true;
                self.accepted();
                if !is_own {
                    self.status.lock().ledger.deliver_plain(1);
                }
            }
            Err(error) => {
                // It may have been taken while others were lost.
                self.has_reported = error.accepted > 0;
                {
                    let ledger = &mut self.status.lock().ledger;
                    match self.has_reported {
                        true => ledger.deliver_plain(!is_own as usize),
                        false => ledger.lose(!is_own as usize, LossReason::ExportFailed),
                    }
                    ledger.revoke(&error);
                }
                self.accepted_in_part(&error);
                self.failed(&error, record.time_unix_nanos());
            }
        }
    }

    /// Notes a failure of the exporter, tells the exporter itself, and applies the rule.
    fn failed(&mut self, error: &ExportError, time_unix_nanos: u64) {
        self.note(error);
        let verdict = self.status.lock().failures.failed(self.clock.elapsed());
        if !self.has_reported {
            self.has_reported = true;
            let message = self.failure_message(error);
            let attributes = Attributes::new().with(attribute::ERROR_MESSAGE, message);
            let reached = self.has_exported;
            let report = reports::data_error(attributes, reached, time_unix_nanos, true);
            self.unsent_report = Some(report);
            self.send_unsent_report();
        }
        self.obey(verdict);
    }

    pub(super) fn note(&mut self, error: &ExportError) {
        if self.exporter.is_none() {
            // Its panic was noted when it happened.
            return;
        }
        let message = self.failure_message(error);
        let is_news = {
            let mut status = self.status.lock();
            status.failure_count += 1;
            status.last_error = Some(message.clone());
            // Once until it works again, and the same not again at once where it fails now and then;
            // `health()` has the rest.
            let is_news = !status.has_spoken;
            status.has_spoken = true;
            is_news
        };
        let now = self.clock.elapsed();
        let is_old = |(said, at): &(String, Duration)| {
            *said == message && now.saturating_sub(*at) < REMEMBERED
        };
        if is_news && !self.last_said.as_ref().is_some_and(is_old) {
            // Not under the lock: a logger of the application may ask for `health()`.
            diagnostics::error(format_args!("{message}"));
            self.last_said = Some((message, now));
        }
    }

    fn failure_message(&self, error: &ExportError) -> String {
        format!("Error exporting data via exporter {}: {error}", self.name)
    }

    fn obey(&mut self, verdict: Verdict) {
        let state = match verdict {
            Verdict::GoOn => return,
            Verdict::BackOff => ExporterState::BackingOff,
            Verdict::Disable => ExporterState::Disabled,
        };
        {
            let mut status = self.status.lock();
            // By a panic, or by the rule.
            if status.state == ExporterState::Disabled {
                return;
            }
            status.state = state;
        }
        if verdict == Verdict::Disable {
            let name = &self.name;
            diagnostics::error(format_args!("exporter {name} is switched off after its failures"));
        }
    }

    /// Whether records may be handed to the exporter now. Opens it if that is due.
    pub(super) fn is_ready(&mut self) -> bool {
        match self.state() {
            ExporterState::Ready => true,
            ExporterState::Disabled | ExporterState::Closed => false,
            ExporterState::NotOpened | ExporterState::BackingOff => {
                let is_due = self.status.lock().failures.is_due(self.clock.elapsed());
                if is_due && !self.is_open {
                    return self.open().is_ok();
                }
                is_due
            }
        }
    }

    /// Flushes the exporter, and says before what it has not been told yet.
    pub(super) fn flush(&mut self) {
        if !self.is_ready() {
            return;
        }
        self.send_unsent_report();
        self.report_losses();
        if !self.is_ready() {
            return;
        }
        match self.call(Exporter::flush) {
            Ok(()) if self.has_sent() == Some(true) => self.works(),
            Ok(()) => {}
            Err(error) => {
                self.status.lock().ledger.revoke(&error);
                self.accepted_in_part(&error);
                self.failed(&error, self.latest_unix_nanos);
            }
        }
    }

    /// When to flush although nothing is recorded: the exporter asks for it, or it has not been told
    /// of its losses and may be tried again then.
    pub(super) fn next_flush_at(&mut self) -> Option<Instant> {
        match self.state() {
            ExporterState::Ready => {
                let wish = self.call(|exporter| Ok(exporter.next_flush_after()));
                let pause = wish.ok().flatten()?.max(SHORTEST_PAUSE);
                Instant::now().checked_add(pause)
            }
            ExporterState::BackingOff => {
                let is_lost = self.losses_reported == 0 && self.lost_total() > 0;
                let retry_at = self.status.lock().failures.retry_at();
                let retry_at = retry_at.filter(|_| is_lost || self.unsent_report.is_some())?;
                Instant::now().checked_add(retry_at.saturating_sub(self.clock.elapsed()))
            }
            _ => None,
        }
    }

    pub(super) fn state(&self) -> ExporterState {
        self.status.lock().state
    }

    fn lost_total(&self) -> u64 {
        self.status.lock().ledger.counts().lost_total()
    }

    /// Delivers what the processors have to say at the end.
    pub(super) fn finish_processors(&mut self, totals: Totals, now_unix_nanos: u64) {
        let last = self.processors.finish(now_unix_nanos);
        self.status.lock().ledger.process(self.processors.counts());
        if !last.entries().is_empty() {
            self.deliver_processed(&last.with_totals(totals));
        }
    }

    /// Calls the exporter; a panic within it is an error, and its last.
    pub(super) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut dyn Exporter) -> Result<T, ExportError>,
    ) -> Result<T, ExportError> {
        let Some(exporter) = &mut self.exporter else {
            return Err(ExportError::new("the exporter is closed").with_refused(usize::MAX));
        };
        // Whatever a panic leaves of the exporter is not used again.
        let called = catch_unwind(AssertUnwindSafe(|| {
            let result = call(&mut **exporter);
            (result, exporter.withheld())
        }));
        let Ok((result, withheld)) = called else {
            let error = ExportError::new("the exporter has panicked").with_refused(usize::MAX);
            {
                let mut status = self.status.lock();
                status.state = ExporterState::Disabled;
                // Whatever was said before, that it is gone is news.
                status.has_spoken = false;
            }
            self.note(&error);
            self.discard();
            return Err(error);
        };
        self.status.lock().ledger.hold_back(withheld);
        result
    }

    /// Lets the exporter go. A panic of its `Drop` ends here.
    pub(super) fn discard(&mut self) {
        self.is_open = false;
        let exporter = self.exporter.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(exporter)));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.discard();
    }
}
