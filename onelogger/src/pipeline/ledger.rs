//! What became of every record, for each exporter.

use std::fmt;

use crate::data::names::attribute;
use crate::data::{Attributes, Name};
use crate::exporter::{Entry, ExportError, Processed, RecordKind, Totals, Withheld};

/// Why a record did not reach an exporter's backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossReason {
    /// The thread's lane had no room: the pipeline did not keep up.
    LaneFull,
    /// The record is longer than a lane.
    RecordTooLarge,
    /// The record made no sense: attributes for a span that another thread had just stopped, or
    /// words that cannot be read.
    Malformed,
    /// The exporter's queue had no room: the exporter did not keep up.
    QueueFull,
    /// The exporter refused the record.
    ExportFailed,
    /// The exporter was switched off after failures, or could not be opened.
    ExporterDisabled,
    /// A [processor](crate::processor::Processor) has panicked over the record, or over the start of its
    /// span.
    ProcessorFailed,
}

impl LossReason {
    /// All of them.
    pub const ALL: [LossReason; 7] = [
        LossReason::LaneFull,
        LossReason::RecordTooLarge,
        LossReason::Malformed,
        LossReason::QueueFull,
        LossReason::ExportFailed,
        LossReason::ExporterDisabled,
        LossReason::ProcessorFailed,
    ];

    /// The word that stands for it in the output, after `onelogger.lost.`.
    pub const fn as_str(self) -> &'static str {
        match self {
            LossReason::LaneFull => "lane_full",
            LossReason::RecordTooLarge => "record_too_large",
            LossReason::Malformed => "malformed",
            LossReason::QueueFull => "queue_full",
            LossReason::ExportFailed => "export_failed",
            LossReason::ExporterDisabled => "exporter_disabled",
            LossReason::ProcessorFailed => "processor_failed",
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the records, for one exporter.
///
/// `recorded + added = delivered + lost + withheld` holds whenever nothing is on its way: after a
/// flush while no one records, and after close. A start, a stop, an event, an error, a report of a
/// telemetry data error by the application and an addition of attributes are a record each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made by the application.
    pub recorded: u64,
    /// Made by processors.
    pub added: u64,
    /// Accepted by the exporter.
    pub delivered: u64,
    /// Of the delivered ones, additions of attributes: an exporter may show them with the stop of
    /// their span only, so that they are nowhere to be counted.
    pub delivered_updates: u64,
    /// Held back on purpose: by the filter, a sampler, a processor, or because a telemetry data
    /// error is reported to each exporter once.
    pub withheld: u64,
    lost: [u64; LossReason::ALL.len()],
}

impl Counts {
    /// Records lost for this reason.
    pub fn lost(&self, reason: LossReason) -> u64 {
        self.lost[reason as usize]
    }

    /// Records lost for whatever reason.
    pub fn lost_total(&self) -> u64 {
        self.lost.iter().sum()
    }

    /// Whether every record is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.all() == self.delivered + self.lost_total() + self.withheld
    }

    /// All that there were to deliver.
    pub(super) fn all(&self) -> u64 {
        self.recorded + self.added
    }

    /// The reasons for which something was lost, with the counts, as attributes.
    pub(super) fn loss_attributes(&self) -> Attributes {
        let reasons = LossReason::ALL.into_iter().filter(|&reason| self.lost(reason) > 0);
        let entry = |reason: LossReason| {
            let name = Name::from(format!("{}{reason}", attribute::LOST_PREFIX));
            (name, self.lost(reason))
        };
        reasons.map(entry).collect()
    }

    /// All counts as attributes: what the closing record holds.
    pub(super) fn closing_attributes(&self) -> Attributes {
        let mut attributes = Attributes::new()
            .with(attribute::RECORDED, self.recorded)
            .with(attribute::ADDED, self.added)
            .with(attribute::DELIVERED, self.delivered)
            .with(attribute::DELIVERED_UPDATES, self.delivered_updates)
            .with(attribute::WITHHELD, self.withheld);
        attributes.merge(self.loss_attributes());
        attributes
    }
}

/// What one exporter adds to the counts that all exporters share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ledger {
    totals: Totals,
    delivered: u64,
    /// Of the delivered ones, additions of attributes, which need no line or span of their own.
    updates: u64,
    withheld: u64,
    /// Accepted by the exporter, which holds them back.
    held_back: Withheld,
    queue_full: u64,
    export_failed: u64,
    exporter_disabled: u64,
    /// By the exporter's own processors.
    processed: Processed,
}

impl Ledger {
    /// Takes the shared counts as they stood with the newest batch.
    pub(super) fn reach(&mut self, totals: Totals) {
        if totals.recorded >= self.totals.recorded {
            self.totals = totals;
        }
    }

    /// All records of a call were accepted.
    pub(super) fn deliver(&mut self, records: &[Entry]) {
        self.delivered += records.len() as u64;
        self.updates += updates(records);
    }

    /// The same for so many records without additions of attributes among them.
    pub(super) fn deliver_plain(&mut self, records: usize) {
        self.delivered += records as u64;
    }

    /// Of the records of a call so many as the error says were accepted, and the others refused.
    pub(super) fn settle(&mut self, records: &[Entry], error: &ExportError) {
        let refused = &records[error.accepted.min(records.len())..];
        let lost_updates = error.lost_updates.map_or(updates(refused), |lost| lost as u64);
        self.deliver(records);
        self.delivered -= refused.len() as u64;
        self.lose(refused.len(), LossReason::ExportFailed);
        self.updates = self.updates.saturating_sub(lost_updates);
        self.take_back(error.revoked);
    }

    /// What a call has lost that had no records of its own.
    pub(super) fn revoke(&mut self, error: &ExportError) {
        self.settle(&[], error);
    }

    /// Moves records that had been accepted to the lost ones.
    fn take_back(&mut self, records: usize) {
        let revoked = (records as u64).min(self.delivered);
        self.delivered -= revoked;
        self.export_failed += revoked;
    }

    /// The exporter says how much of what it has accepted it holds back.
    pub(super) fn hold_back(&mut self, held_back: Withheld) {
        self.held_back = held_back;
    }

    /// The exporter's own processors have made this of all records so far.
    pub(super) fn process(&mut self, processed: Processed) {
        self.processed = processed;
    }

    pub(super) fn withhold(&mut self, records: usize) {
        self.withheld += records as u64;
    }

    pub(super) fn lose(&mut self, records: usize, reason: LossReason) {
        let records = records as u64;
        match reason {
            LossReason::QueueFull => self.queue_full += records,
            LossReason::ExporterDisabled => self.exporter_disabled += records,
            // The others are counted before the exporters' ways part.
            _ => self.export_failed += records,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let mut lost = [0; LossReason::ALL.len()];
        lost[LossReason::LaneFull as usize] = self.totals.lane_full;
        lost[LossReason::RecordTooLarge as usize] = self.totals.too_large;
        lost[LossReason::Malformed as usize] = self.totals.malformed;
        lost[LossReason::QueueFull as usize] = self.queue_full;
        lost[LossReason::ExportFailed as usize] = self.export_failed;
        lost[LossReason::ExporterDisabled as usize] = self.exporter_disabled;
        let processed = &self.processed;
        lost[LossReason::ProcessorFailed as usize] =
            self.totals.processed.failed + processed.failed;
        let held_back = self.held_back.records.min(self.delivered);
        Counts {
            recorded: self.totals.recorded,
            added: self.totals.processed.added + processed.added,
            delivered: self.delivered - held_back,
            delivered_updates: self.updates.saturating_sub(self.held_back.updates),
            withheld: self.totals.withheld
                + self.totals.processed.withheld
                + self.withheld
                + processed.withheld
                + held_back,
            lost,
        }
    }
}

fn updates(records: &[Entry]) -> u64 {
    let is_update = |record: &&Entry| record.kind == RecordKind::Attributes;
    records.iter().filter(is_update).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_exporter_holds_back_is_withheld_and_not_delivered() {
        let mut ledger = Ledger::default();
        let kinds = [RecordKind::Start, RecordKind::Attributes, RecordKind::Stop];
        ledger.reach(Totals { recorded: 3, ..Totals::default() });
        ledger.deliver(&kinds.map(Entry::new));
        ledger.hold_back(Withheld { records: 2, updates: 1 });
        let counts = ledger.counts();
        let shown = (counts.delivered, counts.delivered_updates, counts.withheld);
        assert_eq!(shown, (1, 0, 2));
        assert!(counts.is_balanced());
        // One that says more than it was given does not upset the balance.
        ledger.hold_back(Withheld { records: 9, updates: 9 });
        assert!(ledger.counts().is_balanced());
    }

    fn entries(kinds: &str) -> Vec<Entry> {
        let kind = |letter| match letter {
            'u' => RecordKind::Attributes,
            _ => RecordKind::Event,
        };
        kinds.chars().map(|letter| Entry::new(kind(letter))).collect()
    }

    /// Delivered, of these updates, lost; after a call with `uueue` that went well and this one.
    fn check(kinds: &str, error: &ExportError, expected: (u64, u64, u64)) {
        let mut ledger = Ledger::default();
        ledger.deliver(&entries("uueue"));
        ledger.settle(&entries(kinds), error);
        let counts = ledger.counts();
        assert_eq!((counts.delivered, counts.delivered_updates, counts.lost_total()), expected);
    }

    #[test]
    fn updates_are_counted_by_their_places_unless_the_exporter_knows_better() {
        let refused = |accepted: usize, refused: usize| {
            ExportError::new("").with_accepted(accepted).with_refused(refused)
        };
        check("eu", &refused(1, 1), (6, 3, 1));
        check("eu", &refused(1, 1).with_lost_updates(0), (6, 4, 1));
        check("ue", &refused(1, 1).with_lost_updates(1), (6, 3, 1));
        check("uu", &refused(0, 2), (5, 3, 2));
        // What was revoked may have been updates of this call, or of those before.
        check("uu", &refused(2, 0).with_revoked(3).with_lost_updates(2), (4, 3, 3));
        check("uu", &refused(2, 0).with_revoked(3), (4, 5, 3));
        check("", &refused(0, 0).with_revoked(2).with_lost_updates(1), (3, 2, 2));
        // One that exaggerates.
        check("e", &refused(0, 1).with_revoked(9).with_lost_updates(9), (0, 0, 6));
    }
}
