//! Hands records to one exporter: failures, reports of them, the exporter's state, its close.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::health::{ExporterState, SharedStatus};
use super::ledger::LossReason;
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, Name, TelemetryDataErrorType};
use crate::diagnostics;
use crate::exporter::{Batch, Entry, ExportError, Exporter, RecordKind, Run, Totals};

/// When an exporter that fails is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableRule {
    /// After so many failures in a row; tried again after a second, and after twice as long each
    /// time that it fails again, up to a minute. A success resets both.
    AfterConsecutive(u32),
    /// After so many failures in total, and for good: the Python library's rule.
    AfterTotal(u32),
}

impl Default for DisableRule {
    fn default() -> DisableRule {
        DisableRule::AfterConsecutive(5)
    }
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    name: String,
    /// Gone after a panic and after the close.
    exporter: Option<Box<dyn Exporter>>,
    run: Run,
    rule: DisableRule,
    pub(super) status: SharedStatus,
    /// Whether `open` has succeeded.
    is_open: bool,
    /// Whether a record has ever been accepted.
    has_exported: bool,
    /// Whether a telemetry data error has been given to the exporter.
    has_reported: bool,
    /// The report of a failure that has not got through yet.
    unsent_report: Option<Batch>,
    consecutive_failures: u32,
    retry_at: Option<Instant>,
    back_off: Duration,
    /// The losses that the exporter's output speaks of.
    losses_reported: u64,
}

impl Worker {
    pub(super) fn new(exporter: Box<dyn Exporter>, rule: DisableRule, run: Run) -> Worker {
        let name = exporter.name().to_owned();
        let status = SharedStatus::new(name.clone());
        Worker {
            name,
            exporter: Some(exporter),
            run,
            rule,
            status,
            is_open: false,
            has_exported: false,
            has_reported: false,
            unsent_report: None,
            consecutive_failures: 0,
            retry_at: None,
            back_off: FIRST_BACK_OFF,
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
                self.wait_before_retry();
            }
        }
        result
    }

    /// Hands all records of a batch to the exporter, and counts what became of them.
    pub(super) fn deliver(&mut self, batch: &Batch) {
        self.send_unsent_report();
        let mut at = 0;
        while at < batch.entries().len() {
            let rest = &batch.entries()[at..];
            if !self.is_ready() {
                let lost = rest.iter().filter(|entry| !entry.is_own).count();
                self.status.lock().ledger.lose(lost, LossReason::ExporterDisabled);
                break;
            }
            let is_report = |entry: &Entry| entry.kind == RecordKind::TelemetryDataError;
            match rest.iter().position(is_report) {
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
        self.report_losses(batch.entries().last().map(|entry| entry.time_unix_nanos));
    }

    /// Exports records of a batch; returns how many are done with.
    fn export(&mut self, batch: &Batch, start: usize, end: usize) -> usize {
        let records = batch.range(start..end);
        let Err(mut error) = self.call(|exporter| exporter.export_batch(records)) else {
            self.accepted();
            self.status.lock().ledger.deliver(&batch.entries()[start..end]);
            return records.len();
        };
        error.accepted = error.accepted.min(records.len());
        error.refused = error.refused.min(records.len() - error.accepted);
        let is_stuck = error.revoked == 0 || self.consecutive_failures > 0;
        if error.accepted + error.refused == 0 && is_stuck {
            // An exporter that gets nowhere would be asked for ever.
            error.refused = 1;
        }
        let done = error.accepted + error.refused;
        {
            let ledger = &mut self.status.lock().ledger;
            ledger.deliver(&batch.entries()[start..start + error.accepted]);
            ledger.lose(error.refused, LossReason::ExportFailed);
            ledger.revoke(error.revoked);
        }
        self.has_exported |= error.accepted > 0;
        // What was taken over, and taken back at once, is no success.
        if error.accepted > error.revoked {
            self.consecutive_failures = 0;
        }
        // The report stands where the refused record would have stood, and bears its time.
        let refused = &batch.entries()[start + error.accepted.min(records.len() - 1)];
        self.failed(&error, refused.recorded_unix_nanos);
        done
    }

    /// The exporter works.
    fn accepted(&mut self) {
        self.has_exported = true;
        self.consecutive_failures = 0;
        self.back_off = FIRST_BACK_OFF;
        let mut status = self.status.lock();
        status.state = ExporterState::Ready;
        status.has_spoken = false;
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
        let report =
            self.data_error(record.attributes().to_owned(), record.time_unix_nanos(), is_own);
        match self.call(|exporter| exporter.export_batch(report.records())) {
            Ok(()) => {
                self.has_reported = true;
                self.accepted();
                if !is_own {
                    self.status.lock().ledger.deliver_report();
                }
            }
            Err(error) => {
                {
                    let ledger = &mut self.status.lock().ledger;
                    ledger.lose(!is_own as usize, LossReason::ExportFailed);
                    ledger.revoke(error.revoked);
                }
                self.failed(&error, record.time_unix_nanos());
            }
        }
    }

    /// Notes a failure of the exporter, tells the exporter itself, and applies the rule.
    fn failed(&mut self, error: &ExportError, time_unix_nanos: u64) {
        self.note(error);
        self.consecutive_failures += 1;
        if !self.has_reported {
            self.has_reported = true;
            let message = self.failure_message(error);
            let attributes = Attributes::new().with(attribute::ERROR_MESSAGE, message);
            self.unsent_report = Some(self.data_error(attributes, time_unix_nanos, true));
            self.send_unsent_report();
        }
        let total = self.status.lock().failures;
        match self.rule {
            DisableRule::AfterTotal(limit) if total >= u64::from(limit) => self.disable(),
            DisableRule::AfterConsecutive(limit) if self.consecutive_failures >= limit => {
                self.wait_before_retry();
            }
            _ => {}
        }
    }

    fn note(&mut self, error: &ExportError) {
        let message = self.failure_message(error);
        let is_news = {
            let mut status = self.status.lock();
            status.failures += 1;
            status.last_error = Some(message.clone());
            // Once until it works again; `health()` has the rest.
            let is_news = !status.has_spoken;
            status.has_spoken = true;
            is_news
        };
        // Not under the lock: a logger of the application may ask for `health()`.
        if is_news {
            diagnostics::error(format_args!("{message}"));
        }
    }

    fn failure_message(&self, error: &ExportError) -> String {
        format!("Error exporting data via exporter {}: {error}", self.name)
    }

    fn wait_before_retry(&mut self) {
        self.retry_at = Instant::now().checked_add(self.back_off);
        self.back_off = (self.back_off * 2).min(LONGEST_BACK_OFF);
        let mut status = self.status.lock();
        if status.state != ExporterState::Disabled {
            status.state = ExporterState::BackingOff;
        }
    }

    fn disable(&mut self) {
        self.status.lock().state = ExporterState::Disabled;
        let name = &self.name;
        diagnostics::error(format_args!("exporter {name} is switched off after its failures"));
    }

    /// Whether records may be handed to the exporter now. Opens it if that is due.
    fn is_ready(&mut self) -> bool {
        let state = self.status.lock().state;
        match state {
            ExporterState::Ready => true,
            ExporterState::Disabled | ExporterState::Closed => false,
            ExporterState::NotOpened | ExporterState::BackingOff => {
                let is_due = self.retry_at.is_none_or(|at| Instant::now() >= at);
                if is_due && !self.is_open {
                    return self.open().is_ok();
                }
                is_due
            }
        }
    }

    fn send_unsent_report(&mut self) {
        if self.is_ready()
            && let Some(report) = self.unsent_report.take()
        {
            let sent = self.call(|exporter| exporter.export_batch(report.records()));
            if let Err(error) = sent {
                self.status.lock().ledger.revoke(error.revoked);
                self.unsent_report = Some(report);
            }
        }
    }

    /// Says in the exporter's own output that something is lost: once when it begins, and with
    /// `close` if it has grown since.
    fn report_losses(&mut self, time_unix_nanos: Option<u64>) {
        if self.losses_reported == 0 {
            self.report_new_losses(time_unix_nanos.unwrap_or(self.run.started_unix_nanos()));
        }
    }

    fn report_new_losses(&mut self, time_unix_nanos: u64) {
        let counts = self.status.lock().ledger.counts();
        let lost = counts.lost_total();
        if lost == self.losses_reported || !self.is_ready() {
            return;
        }
        let message = format!("{lost} of {} records are lost", counts.recorded);
        let mut attributes = Attributes::new().with(attribute::ERROR_MESSAGE, message);
        let kind = TelemetryDataErrorType::IncompleteTelemetryData;
        attributes.set(attribute::TELEMETRY_DATA_ERROR_TYPE, kind.as_str());
        attributes.merge(counts.loss_attributes());
        let kind = RecordKind::TelemetryDataError;
        let name = event::TELEMETRY_DATA_ERROR;
        let report = single(kind, name, &attributes, time_unix_nanos, true);
        match self.call(|exporter| exporter.export_batch(report.records())) {
            Ok(()) => self.losses_reported = lost,
            Err(error) => self.status.lock().ledger.revoke(error.revoked),
        }
    }

    pub(super) fn flush(&mut self) {
        if self.is_open && self.is_ready() {
            self.send_unsent_report();
            if let Err(error) = self.call(Exporter::flush) {
                self.status.lock().ledger.revoke(error.revoked);
                self.note(&error);
            }
        }
    }

    /// Sends what is left, the losses, the closing record with the totals; closes the exporter.
    pub(super) fn close(&mut self, totals: Totals, time_unix_nanos: u64) {
        self.status.lock().ledger.reach(totals);
        // An exporter that is backing off gets a last chance.
        self.retry_at = None;
        if self.is_ready() {
            self.flush();
            self.report_new_losses(time_unix_nanos);
            // A second time if a record that the exporter still held was lost with the first: then
            // the totals have changed.
            for _ in 0..2 {
                let attributes = self.status.lock().ledger.counts().closing_attributes();
                let (kind, name) = (RecordKind::Event, event::CLOSE);
                let closing = single(kind, name, &attributes, time_unix_nanos, true);
                match self.call(|exporter| exporter.export_batch(closing.records())) {
                    Ok(()) => break,
                    Err(error) => {
                        self.status.lock().ledger.revoke(error.revoked);
                        self.note(&error);
                    }
                }
            }
        }
        if self.is_open
            && let Err(error) = self.call(Exporter::close)
        {
            self.status.lock().ledger.revoke(error.revoked);
            self.note(&error);
        }
        self.discard();
        self.status.lock().state = ExporterState::Closed;
    }

    /// A telemetry data error with its type, which depends on what has reached this exporter.
    fn data_error(&self, given: Attributes, time_unix_nanos: u64, is_own: bool) -> Batch {
        let kind = match self.has_exported {
            true => TelemetryDataErrorType::IncompleteTelemetryData,
            false => TelemetryDataErrorType::NoTelemetryData,
        };
        let mut given = given.into_iter();
        // The message comes first, then the type, then what else there is.
        let mut attributes: Attributes = given.by_ref().take(1).collect();
        attributes.set(attribute::TELEMETRY_DATA_ERROR_TYPE, kind.as_str());
        attributes.extend(given);
        let kind = RecordKind::TelemetryDataError;
        single(kind, event::TELEMETRY_DATA_ERROR, &attributes, time_unix_nanos, is_own)
    }

    /// Calls the exporter; a panic within it is an error, and its last.
    fn call(
        &mut self,
        call: impl FnOnce(&mut dyn Exporter) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let Some(exporter) = &mut self.exporter else {
            return Err(ExportError::new("the exporter is closed").with_refused(usize::MAX));
        };
        // Whatever a panic leaves of the exporter is not used again.
        catch_unwind(AssertUnwindSafe(|| call(&mut **exporter))).unwrap_or_else(|_| {
            self.discard();
            self.status.lock().state = ExporterState::Disabled;
            Err(ExportError::new("the exporter has panicked").with_refused(usize::MAX))
        })
    }

    /// Lets the exporter go. A panic of its `Drop` ends here.
    fn discard(&mut self) {
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

/// A batch of one record that belongs to no span.
fn single(
    kind: RecordKind,
    name: &'static str,
    attributes: &Attributes,
    time_unix_nanos: u64,
    is_own: bool,
) -> Batch {
    let mut batch = Batch::default();
    let name = batch.put_name(Dynamic::named(&Name::from_static(name)));
    let attributes = batch.put_attributes(attributes);
    batch.push(Entry { is_own, time_unix_nanos, name, attributes, ..Entry::new(kind) });
    batch
}
