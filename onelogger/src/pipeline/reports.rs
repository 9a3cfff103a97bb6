//! The library's own records: what an exporter is told of failures and losses, and at the close.

use super::health::ExporterState;
use super::ledger::Counts;
use super::worker::Worker;
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, Name, TelemetryDataErrorType};
use crate::exporter::{Batch, Entry, RecordKind};

impl Worker {
    /// Gives the exporter a record of the worker's own; whether it has accepted it.
    ///
    /// These do not count for the rule: the report of a failure would be the next failure. But an
    /// exporter that is tried again after a back-off shows by them as well whether it works.
    pub(super) fn say(&mut self, record: &Batch) -> bool {
        let result = self.call(|exporter| exporter.export_batch(record.records()));
        let is_trial = self.state() == ExporterState::BackingOff;
        match &result {
            Ok(()) if is_trial => self.accepted(),
            Ok(()) => {}
            Err(error) => {
                self.status.lock().ledger.revoke(error);
                if is_trial {
                    self.failures.wait();
                }
            }
        }
        result.is_ok()
    }

    pub(super) fn send_unsent_report(&mut self) {
        if self.is_ready()
            && let Some(report) = self.unsent_report.take()
            && !self.say(&report)
        {
            self.unsent_report = Some(report);
        }
    }

    /// Says in the exporter's own output that something is lost: once when it begins, and with
    /// `close` if it has grown since.
    pub(super) fn report_losses(&mut self) {
        if self.losses_reported == 0 {
            self.report_new_losses(self.latest_unix_nanos);
        }
    }

    pub(super) fn report_new_losses(&mut self, time_unix_nanos: u64) {
        let counts = self.status.lock().ledger.counts();
        let lost = counts.lost_total();
        if lost == self.losses_reported || !self.is_ready() {
            return;
        }
        if self.say(&losses(&counts, time_unix_nanos)) {
            self.losses_reported = lost;
        }
    }
}

/// A telemetry data error with its type, which depends on whether something has reached this
/// exporter's backend.
pub(super) fn data_error(
    given: Attributes,
    has_exported: bool,
    time_unix_nanos: u64,
    is_own: bool,
) -> Batch {
    let kind = match has_exported {
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

/// Says how much is lost, and why.
pub(super) fn losses(counts: &Counts, time_unix_nanos: u64) -> Batch {
    let message = format!("{} of {} records are lost", counts.lost_total(), counts.recorded);
    let mut attributes = Attributes::new().with(attribute::ERROR_MESSAGE, message);
    let kind = TelemetryDataErrorType::IncompleteTelemetryData;
    attributes.set(attribute::TELEMETRY_DATA_ERROR_TYPE, kind.as_str());
    attributes.merge(counts.loss_attributes());
    let kind = RecordKind::TelemetryDataError;
    single(kind, event::TELEMETRY_DATA_ERROR, &attributes, time_unix_nanos, true)
}

/// The closing record, with the totals.
pub(super) fn closing(counts: &Counts, time_unix_nanos: u64) -> Batch {
    let attributes = counts.closing_attributes();
    single(RecordKind::Event, event::CLOSE, &attributes, time_unix_nanos, true)
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
