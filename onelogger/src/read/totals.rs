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
    /// Of these, additions of attributes, which have no line of their own.
    pub delivered_updates: u64,
    /// Records held back on purpose.
    pub withheld: u64,
    /// Records lost, by reason.
    pub lost: Vec<(String, u64)>,
}

impl Totals {
    pub(super) fn of(closing: &Line) -> Option<Totals> {
        let number = |name| natural(&closing.attributes, name);
        Some(Totals {
            recorded: number(attribute::RECORDED)?,
            added: number(attribute::ADDED)?,
            delivered: number(attribute::DELIVERED)?,
            delivered_updates: number(attribute::DELIVERED_UPDATES)?,
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

/// How many records the lines hold. The library's own are not counted, here or in the totals.
pub(super) fn held(lines: &[Line]) -> u64 {
    let records = |line: &Line| if line.kind == LineKind::Complete { 2 } else { 1 };
    lines.iter().filter(|line| !line.is_own).map(records).sum()
}

/// Compares what the lines hold with what was delivered.
pub(super) fn check(held: u64, totals: &Totals) -> Option<Finding> {
    if !totals.is_balanced() {
        return Some(Finding::BadTotals);
    }
    let expected = totals.delivered.saturating_sub(totals.delivered_updates);
    (held != expected).then_some(Finding::WrongCount { expected, found: held })
}

/// Whether a line is a report of losses, which has the counts of them.
pub(super) fn is_loss_report(line: &Line) -> bool {
    line.kind == LineKind::TelemetryDataError && !losses(&line.attributes).is_empty()
}
