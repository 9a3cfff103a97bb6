//! The library's own records: what an exporter is told of failures and losses, and at the close.

use super::health::ExporterState;
use super::ledger::Counts;
use super::worker::Worker;
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, Name, TelemetryDataErrorType};
use crate::diagnostics;
use crate::exporter::{Batch, Entry, Exporter, RecordKind, Totals};

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
                    self.status.lock().failures.wait(self.clock.elapsed());
                }
            }
        }
        // It may have been taken while others were lost: then it is not to come again.
        result.map_or_else(|error| error.accepted > 0, |()| true)
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

    /// Sends what is left, the losses, the closing record with the totals; closes the exporter.
    pub(super) fn close(&mut self, totals: Totals, time_unix_nanos: u64) {
        self.status.lock().ledger.reach(totals);
        // An exporter that is backing off gets a last chance.
        self.status.lock().failures.cut_short();
        self.finish_processors(totals, time_unix_nanos);
        if self.is_open {
            // Another one if it has failed over that.
            self.status.lock().failures.cut_short();
        }
        let mut is_told = false;
        if self.is_ready() {
            self.flush();
            // Also if the flush has failed just now: there is no later.
            self.status.lock().failures.cut_short();
            self.report_new_losses(time_unix_nanos);
            // A second time if a record that the exporter still held was lost with the first: then
            // the totals have changed.
            for _ in 0..2 {
                if self.state() == ExporterState::Disabled {
                    // Just now, by the flush or by a panic.
                    break;
                }
                let counts = self.status.lock().ledger.counts();
                let closing = closing(&counts, time_unix_nanos);
                match self.call(|exporter| exporter.export_batch(closing.records())) {
                    Ok(()) => {
                        is_told = true;
                        break;
                    }
                    Err(error) => {
                        self.status.lock().ledger.revoke(&error);
                        self.note(&error);
                        if error.revoked == 0 {
                            break;
                        }
                    }
                }
            }
        }
        if self.is_open
            && let Err(error) = self.call(Exporter::close)
        {
            self.status.lock().ledger.revoke(&error);
            self.note(&error);
        }
        self.discard();
        self.status.lock().state = ExporterState::Closed;
        let counts = self.status.lock().ledger.counts();
        let lost = counts.lost_total();
        if lost > 0 && !is_told {
            let (name, all) = (&self.name, counts.all());
            let what = format_args!("{lost} of {all} records did not get through exporter {name}");
            diagnostics::error(what);
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
    let message = format!("{} of {} records are lost", counts.lost_total(), counts.all());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::Processed;
    use crate::pipeline::LossReason;
    use crate::pipeline::ledger::Ledger;

    #[test]
    fn there_are_never_more_lost_than_there_were() {
        let mut ledger = Ledger::default();
        ledger.reach(Totals { recorded: 1, ..Totals::default() });
        ledger.process(Processed { added: 2, ..Processed::default() });
        ledger.lose(3, LossReason::QueueFull);
        let report = losses(&ledger.counts(), 0);
        let attributes = report.records().iter().next().unwrap().attributes().to_owned();
        let message = attributes.get_str(attribute::ERROR_MESSAGE).unwrap();
        assert_eq!(message, Some("3 of 3 records are lost"));
    }
}
