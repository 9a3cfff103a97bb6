//! When an exporter that fails is switched off, and when it is tried again.

use std::time::Duration;

/// When an exporter that fails is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableRule {
    /// After so many failures in a row; tried again after a second, and after twice as long each
    /// time that it fails again, up to a minute. A success resets both, also that of the first part of
    /// a call that fails.
    ///
    /// Only calls count that tried to send something: see
    /// [`Exporter::has_sent`](crate::Exporter::has_sent).
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

/// The failures of one exporter, as the rule looks at them. `now` is that of the recorder's clock.
#[derive(Debug)]
pub(super) struct Failures {
    rule: DisableRule,
    total: u32,
    in_a_row: u32,
    back_off: Duration,
    retry_at: Option<Duration>,
}

/// What the rule says after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    /// It is tried again after a while.
    BackOff,
    /// It is not tried again.
    Disable,
}

impl Failures {
    pub(super) fn new(rule: DisableRule) -> Failures {
        Failures { rule, total: 0, in_a_row: 0, back_off: FIRST_BACK_OFF, retry_at: None }
    }

    /// Something got through.
    pub(super) fn succeeded(&mut self) {
        (self.in_a_row, self.back_off, self.retry_at) = (0, FIRST_BACK_OFF, None);
    }

    /// How many there were since something got through.
    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// A call has failed.
    pub(super) fn failed(&mut self, now: Duration) -> Verdict {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.total = self.total.saturating_add(1);
        match self.rule {
            DisableRule::AfterTotal(limit) if self.total >= limit => Verdict::Disable,
            DisableRule::AfterConsecutive(limit) if self.in_a_row >= limit => self.wait(now),
            _ => Verdict::GoOn,
        }
    }

    /// The exporter could not be opened, so that it cannot go on in any case.
    pub(super) fn failed_to_open(&mut self, now: Duration) -> Verdict {
        self.total = self.total.saturating_add(1);
        match self.rule {
            DisableRule::AfterTotal(limit) if self.total >= limit => Verdict::Disable,
            _ => self.wait(now),
        }
    }

    /// It is still as it was when it was tried last.
    pub(super) fn wait(&mut self, now: Duration) -> Verdict {
        self.retry_at = Some(now.saturating_add(self.back_off));
        self.back_off = (self.back_off * 2).min(LONGEST_BACK_OFF);
        Verdict::BackOff
    }

    /// Tries it again at once.
    pub(super) fn cut_short(&mut self) {
        self.retry_at = None;
    }

    /// Whether it may be tried now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.retry_at.is_none_or(|at| now >= at)
    }

    /// When it is to be tried again, if it has to wait.
    pub(super) fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    #[test]
    fn p26_only_failures_in_a_row_count_and_each_further_one_waits_for_twice_as_long() {
        let mut failures = Failures::new(DisableRule::AfterConsecutive(3));
        for _ in 0..2 {
            assert_eq!([failures.failed(NOW), failures.failed(NOW)], [Verdict::GoOn; 2]);
            failures.succeeded();
            assert_eq!(failures.in_a_row(), 0);
        }
        failures.failed(NOW);
        failures.failed(NOW);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(failures.back_off, Duration::from_secs(expected));
            assert_eq!(failures.failed(NOW), Verdict::BackOff);
            let at = NOW + Duration::from_secs(expected);
            assert!(!failures.is_due(at - Duration::from_nanos(1)) && failures.is_due(at));
        }
        failures.cut_short();
        assert!(failures.is_due(NOW));
        failures.succeeded();
        assert_eq!((failures.failed(NOW), failures.back_off), (Verdict::GoOn, FIRST_BACK_OFF));
    }

    #[test]
    fn the_total_counts_what_could_not_be_opened_and_knows_no_success() {
        let mut failures = Failures::new(DisableRule::AfterTotal(3));
        assert_eq!(failures.failed_to_open(NOW), Verdict::BackOff);
        failures.succeeded();
        assert_eq!(failures.failed(NOW), Verdict::GoOn);
        failures.succeeded();
        assert_eq!(failures.failed(NOW), Verdict::Disable);
    }
}
