use std::time::Duration;

use onelogger::Timestamp;

/// The lengths of all windows of a kind that are over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Timer {
    windows: u64,
    total: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Timer {
    pub(crate) fn add(&mut self, window: Duration) {
        self.shortest = if self.windows == 0 { window } else { self.shortest.min(window) };
        self.longest = self.longest.max(window);
        self.total += window;
        self.windows += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.windows == 0
    }

    pub(crate) fn total(&self) -> Duration {
        self.total
    }

    pub(crate) fn total_sec(&self) -> f64 {
        self.total.as_secs_f64()
    }

    /// `None` before the first window.
    pub(crate) fn average_sec(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.total_sec() / self.windows as f64)
    }

    pub(crate) fn shortest_sec(&self) -> f64 {
        self.shortest.as_secs_f64()
    }

    pub(crate) fn longest_sec(&self) -> f64 {
        self.longest.as_secs_f64()
    }
}

/// The time between two moments; `None` if the second was reported to lie before the first.
pub(crate) fn between(start: Timestamp, stop: Timestamp) -> Option<Duration> {
    let nanos = |moment: Timestamp| moment.monotonic_nanos.unwrap_or(moment.unix_nanos);
    nanos(stop).checked_sub(nanos(start)).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_that_are_over_count() {
        let mut timer = Timer::default();
        assert_eq!(
            (timer.average_sec(), timer.shortest_sec(), timer.longest_sec()),
            (None, 0., 0.)
        );
        timer.add(Duration::from_millis(1500));
        timer.add(Duration::from_millis(500));
        assert_eq!((timer.average_sec(), timer.total_sec()), (Some(1.), 2.));
        assert_eq!((timer.shortest_sec(), timer.longest_sec()), (0.5, 1.5));
    }

    #[test]
    fn a_window_goes_by_the_monotonic_clock_and_never_backward() {
        let at = |unix_nanos, monotonic| Timestamp { unix_nanos, monotonic_nanos: Some(monotonic) };
        assert_eq!(between(at(9, 1), at(3, 4)), Some(Duration::from_nanos(3)));
        assert_eq!(between(at(3, 4), at(9, 1)), None);
    }
}
