//! Says at intervals, among the library's own messages, how the exporters are.

use std::time::Duration;

use super::health::{ExporterHealth, ExporterState, Vitals};
use crate::diagnostics;

/// Says how the exporters are, a line for each; nothing of one of which nothing has changed.
pub(super) struct Bulletin {
    vitals: Vitals,
    every: Duration,
    /// By the recorder's clock.
    due: Duration,
    /// What was said of each exporter last.
    said: Vec<ExporterHealth>,
}

impl Bulletin {
    pub(super) fn new(vitals: Vitals, every: Duration) -> Bulletin {
        let due = vitals.intake.clock.elapsed().saturating_add(every);
        Bulletin { vitals, every, due, said: Vec::new() }
    }

    pub(super) fn say_if_due(&mut self) {
        let now = self.vitals.intake.clock.elapsed();
        if now < self.due {
            return;
        }
        self.due = now.saturating_add(self.every);
        let health = self.vitals.health().exporters;
        for (place, exporter) in health.iter().enumerate() {
            let before = self.said.get(place);
            if before.is_some_and(|before| is_no_news(before, exporter)) {
                continue;
            }
            let lost_before = before.map_or(0, |before| before.counts.lost_total());
            let has_lost = exporter.counts.lost_total() > lost_before;
            match exporter.state == ExporterState::Ready && !has_lost {
                true => diagnostics::info(format_args!("{exporter}")),
                false => diagnostics::warn(format_args!("{exporter}")),
            }
        }
        self.said = health;
    }
}

/// How long it still waits, and what is in its queue, changes without anything having happened.
fn is_no_news(before: &ExporterHealth, now: &ExporterHealth) -> bool {
    (before.state, before.counts, before.failures) == (now.state, now.counts, now.failures)
}
