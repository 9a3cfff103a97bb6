use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment: wall-clock nanoseconds since 1970, and the monotonic clock's nanoseconds if known.
///
/// Given by an application that reports something late. Where both ends of a span have a monotonic
/// reading, their difference is its duration; else the duration goes by the wall clock.
///
/// ```
/// use onelogger::Timestamp;
/// let earlier = Timestamp::from_unix_nanos(1_700_000_000_000_000_000);
/// assert_eq!(earlier.unix_millis(), 1_700_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp {
    /// Nanoseconds since 1970 on the wall clock.
    pub unix_nanos: u64,
    /// Nanoseconds on a monotonic clock of arbitrary origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monotonic_nanos: Option<u64>,
}

impl Timestamp {
    /// The moment that the wall clock names so.
    pub const fn from_unix_nanos(unix_nanos: u64) -> Timestamp {
        Timestamp { unix_nanos, monotonic_nanos: None }
    }

    /// Whole milliseconds since 1970, truncated.
    pub const fn unix_millis(self) -> u64 {
        self.unix_nanos / 1_000_000
    }
}

impl From<SystemTime> for Timestamp {
    /// A time before 1970 becomes 1970, which every [`TimeWindow`] but an unlimited one refuses.
    fn from(time: SystemTime) -> Timestamp {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// How far from now an explicit time may lie.
///
/// The default accepts whatever was not recorded in the future: 10 years back, 1 minute ahead
/// (clocks of two machines differ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// The furthest past.
    pub past: Duration,
    /// The furthest future.
    pub future: Duration,
}

impl Default for TimeWindow {
    fn default() -> TimeWindow {
        TimeWindow {
            past: Duration::from_secs(10 * 365 * 24 * 3600),
            future: Duration::from_secs(60),
        }
    }
}

/// An explicit time lies outside the [`TimeWindow`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeWindowError {
    /// Further back than [`TimeWindow::past`].
    #[error("the time given lies {by:?} in the past; at most {limit:?} are accepted")]
    TooOld {
        /// The distance from now.
        by: Duration,
        /// The window's limit.
        limit: Duration,
    },
    /// Further ahead than [`TimeWindow::future`].
    #[error("the time given lies {by:?} in the future; at most {limit:?} are accepted")]
    InTheFuture {
        /// The distance from now.
        by: Duration,
        /// The window's limit.
        limit: Duration,
    },
}

impl TimeWindow {
    /// Checks a wall-clock time against now.
    ///
    /// # Errors
    /// If the time lies outside the window.
    pub fn check(&self, time: Timestamp, now_unix_nanos: u64) -> Result<(), TimeWindowError> {
        let ahead = Duration::from_nanos(time.unix_nanos.saturating_sub(now_unix_nanos));
        let behind = Duration::from_nanos(now_unix_nanos.saturating_sub(time.unix_nanos));
        if ahead > self.future {
            Err(TimeWindowError::InTheFuture { by: ahead, limit: self.future })
        } else if behind > self.past {
            Err(TimeWindowError::TooOld { by: behind, limit: self.past })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_belongs_to_the_window() {
        let window = TimeWindow { past: Duration::from_nanos(10), future: Duration::from_nanos(2) };
        let at = |nanos| window.check(Timestamp::from_unix_nanos(nanos), 100);
        assert_eq!((at(90), at(102)), (Ok(()), Ok(())));
        assert!(matches!(at(89), Err(TimeWindowError::TooOld { .. })));
        assert!(matches!(at(103), Err(TimeWindowError::InTheFuture { .. })));
    }
}
