//! What the closing record says was delivered, and what the lines hold.

use super::{Finding, Line, LineKind};
use crate::data::Attributes;
use crate::data::names::attribute;

/// The totals of a closing record: `recorded + added = delivered + lost + withheld`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Records that the application made.
    pub recorded: u64,
    /// Records that processors made.
    pub added: u64,
    /// Records that the exporter accepted.
    pub delivered: u64,
    /// Of these, additions of attributes, which have no line of their own; `None` if the closing
    /// record does not say.
    pub delivered_attributes: Option<u64>,
    /// Records held back on purpose.
    pub withheld: u64,
    /// Records lost, by reason.
    pub lost: Vec<(String, u64)>,
}

/// Of the closing record: how many of the delivered records were additions of attributes.
const DELIVERED_ATTRIBUTES: &str = "onelogger.delivered.attributes";

impl Totals {
    pub(super) fn of(closing: &Line) -> Option<Totals> {
        let number = |name| natural(&closing.attributes, name);
        Some(Totals {
            recorded: number(attribute::RECORDED)?,
            added: number(attribute::ADDED)?,
            delivered: number(attribute::DELIVERED)?,
            delivered_attributes: number(DELIVERED_ATTRIBUTES),
            withheld: number(attribute::WITHHELD)?,
            lost: losses(&closing.attributes),
        })
    }

    /// Records lost for whatever reason.
    pub fn lost_total(&self) -> u64 {
        let lost = self.lost.iter().map(|(_, records)| *records);
        lost.fold(0, u64::saturating_add)
    }

    /// Whether every record is accounted for.
    pub fn is_balanced(&self) -> bool {
        let sum = |parts: &[u64]| parts.iter().map(|&part| u128::from(part)).sum::<u128>();
        let lost: u128 = self.lost.iter().map(|(_, records)| u128::from(*records)).sum();
        sum(&[self.recorded, self.added]) == sum(&[self.delivered, self.withheld]) + lost
    }
}

fn natural(attributes: &Attributes, name: &str) -> Option<u64> {
    let value = attributes.get_i64(name).ok().flatten()?;
    u64::try_from(value).ok()
}

/// The loss counters among the attributes.
pub(super) fn losses(attributes: &Attributes) -> Vec<(String, u64)> {
    let losses = attributes.iter().filter_map(|(name, _)| {
        let reason = name.as_str().strip_prefix(attribute::LOST_PREFIX)?;
        Some((reason.to_owned(), natural(attributes, name.as_str())?))
    });
    losses.filter(|(_, records)| *records > 0).collect()
}

/// The records that lines hold.
pub(super) struct Held {
    pub(super) records: u64,
    /// Events with a name of the library's that may be records of the library's own, which the
    /// totals do not count, or of a higher layer, which they do.
    doubtful: u64,
}

impl Held {
    pub(super) fn by(lines: &[Line]) -> Held {
        let (mut records, mut doubtful) = (0, 0);
        for line in lines {
            match line.kind {
                LineKind::Complete => records += 2,
                LineKind::Event if line.is_opening() || line.is_closing() => {}
                LineKind::Event if line.name.as_str().starts_with("onelogger.") => doubtful += 1,
                LineKind::TelemetryDataError if is_own_report(line) => {}
                _ => records += 1,
            }
        }
        Held { records, doubtful }
    }

    pub(super) fn check(&self, totals: &Totals) -> Option<Finding> {
        if !totals.is_balanced() {
            return Some(Finding::BadTotals);
        }
        let expected = totals.delivered.saturating_sub(totals.delivered_attributes.unwrap_or(0));
        let most = self.records + self.doubtful;
        // Without a gap every line is there. If the closing record does not say how many records
        // have no line of their own, these are what is missing.
        let are_too_few = totals.delivered_attributes.is_some() && most < expected;
        (are_too_few || self.records > expected)
            .then_some(Finding::WrongCount { expected, found: self.records })
    }
}

/// Whether a telemetry data error is a report of the library's own.
fn is_own_report(line: &Line) -> bool {
    const OF_A_FAILED_EXPORT: &str = "Error exporting data via exporter ";
    const OF_MISUSE: &str = "Exception in telemetry code when calling ";
    let message = line.attributes.get_str(attribute::ERROR_MESSAGE);
    let message = message.ok().flatten().unwrap_or_default();
    let is_report = message.starts_with(OF_A_FAILED_EXPORT) || message.starts_with(OF_MISUSE);
    is_report || is_loss_report(line)
}

/// Whether a line is a report of losses, which has the counts of them.
pub(super) fn is_loss_report(line: &Line) -> bool {
    line.kind == LineKind::TelemetryDataError && !losses(&line.attributes).is_empty()
}
