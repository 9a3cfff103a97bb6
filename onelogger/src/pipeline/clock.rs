//! The one place where time is read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::data::Timestamp;
use crate::sync::Counter;

/// What a record's order word and times come from.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The order word is the monotonic clock, in nanoseconds since the recorder was made.
    System { origin: Instant },
    /// The order word is a sequence number; every record carries its time.
    Manual(ManualClock),
}

/// A clock that stands still until it is moved, for tests.
///
/// Wall and monotonic time move together. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use onelogger::ManualClock;
/// let clock = ManualClock::new(1_700_000_000_000_000_000);
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(clock.unix_nanos(), 1_700_000_000_250_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    /// Where the wall clock stood in the beginning.
    origin: u64,
    /// Where both clocks stand.
    now: Mutex<Timestamp>,
    /// Records made so far.
    sequence: Counter,
}

/// Where the monotonic clock of a manual clock begins.
const MANUAL_ORIGIN: u64 = 1_000_000_000_000;

impl ManualClock {
    /// A clock that shows this wall-clock time, in nanoseconds since 1970.
    pub fn new(unix_nanos: u64) -> ManualClock {
        let now = Timestamp {
            unix_nanos,
            monotonic_nanos: Some(MANUAL_ORIGIN),
        };
        ManualClock(Arc::new(Manual {
            origin: unix_nanos,
            now: Mutex::new(now),
            sequence: Counter::new(0),
        }))
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let nanos = nanos(by);
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.unix_nanos = now.unix_nanos.saturating_add(nanos);
        now.monotonic_nanos = now.monotonic_nanos.map(|mono| mono.saturating_add(nanos));
    }

    /// Sets both clocks to where they were when the clock was made, plus `elapsed`.
    pub fn set_elapsed(&self, elapsed: Duration) {
        let nanos = nanos(elapsed);
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.unix_nanos = self.0.origin.saturating_add(nanos);
        now.monotonic_nanos = Some(MANUAL_ORIGIN.saturating_add(nanos));
    }

    /// The wall-clock time, in nanoseconds since 1970.
    pub fn unix_nanos(&self) -> u64 {
        self.now().unix_nanos
    }

    /// Wall-clock and monotonic time.
    pub fn now(&self) -> Timestamp {
        *self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    pub(crate) fn system() -> Clock {
        Clock::System {
            origin: Instant::now(),
        }
    }

    /// The order word of a record that is made now.
    pub(crate) fn order(&self) -> u64 {
        match self {
            Clock::System { origin } => nanos(origin.elapsed()),
            Clock::Manual(clock) => clock.0.sequence.add(1) + 1,
        }
    }

    /// The order word of the last record that can have been made by now.
    pub(crate) fn cut(&self) -> u64 {
        match self {
            Clock::System { .. } => self.order(),
            Clock::Manual(clock) => clock.0.sequence.get(),
        }
    }

    /// The time that a record carries beside its order word.
    pub(crate) fn carried(&self, given: Option<Timestamp>) -> Option<Timestamp> {
        match (self, given) {
            (Clock::System { .. }, given) => given,
            (Clock::Manual(clock), None) => Some(clock.now()),
            (Clock::Manual(clock), Some(given)) => Some(Timestamp {
                monotonic_nanos: Some(place(given, &Anchor::of(clock.now()))),
                ..given
            }),
        }
    }

    pub(crate) fn unix_nanos(&self) -> u64 {
        match self {
            Clock::System { .. } => Timestamp::from(SystemTime::now()).unix_nanos,
            Clock::Manual(clock) => clock.unix_nanos(),
        }
    }

    pub(crate) fn anchor(&self) -> Anchor {
        match self {
            Clock::System { .. } => Anchor {
                unix: self.unix_nanos(),
                monotonic: self.order(),
            },
            Clock::Manual(clock) => Anchor::of(clock.now()),
        }
    }
}

/// A moment that both clocks saw, from which the wall-clock time of others is derived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) unix: u64,
    pub(crate) monotonic: u64,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) unix: u64,
    pub(crate) monotonic: u64,
}

impl Anchor {
    fn of(now: Timestamp) -> Anchor {
        Anchor {
            unix: now.unix_nanos,
            monotonic: now.monotonic_nanos.unwrap_or(MANUAL_ORIGIN),
        }
    }

    /// Takes a new anchor where the wall clock was set; keeps the old one otherwise, so that times
    /// do not jitter by what lies between the two reads.
    pub(crate) fn renew(&mut self, clock: &Clock) {
        const STEP_NANOS: u64 = 500_000;
        let now = clock.anchor();
        let expected = self.moment_at(now.monotonic).unix;
        if now.unix.abs_diff(expected) > STEP_NANOS {
            *self = now;
        }
    }

    fn moment_at(&self, monotonic: u64) -> Moment {
        let since = monotonic.wrapping_sub(self.monotonic) as i64;
        Moment {
            unix: self.unix.saturating_add_signed(since),
            monotonic,
        }
    }

    /// When a record was made, or when it says that it happened.
    pub(crate) fn moment(&self, order: u64, carried: Option<Timestamp>) -> Moment {
        match carried {
            None => self.moment_at(order),
            Some(given) => Moment {
                unix: given.unix_nanos,
                monotonic: place(given, self),
            },
        }
    }
}

/// The monotonic time of a timestamp: its own, or as far from the anchor's as its wall-clock time.
fn place(given: Timestamp, anchor: &Anchor) -> u64 {
    given.monotonic_nanos.unwrap_or_else(|| {
        let since = given.unix_nanos.wrapping_sub(anchor.unix) as i64;
        anchor.monotonic.saturating_add_signed(since)
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_moves_times_and_no_duration() {
        let mut anchor = Anchor {
            unix: 1_000_000_000,
            monotonic: 0,
        };
        let start = anchor.moment(5, None);
        anchor = Anchor {
            unix: 10,
            monotonic: 20,
        };
        let stop = anchor.moment(30, None);
        assert_eq!((start.unix, stop.unix), (1_000_000_005, 20));
        assert_eq!(stop.monotonic - start.monotonic, 25);
    }

    #[test]
    fn an_explicit_time_is_placed_by_its_distance_from_the_anchor() {
        let anchor = Anchor {
            unix: 5_000,
            monotonic: 700,
        };
        let given = Timestamp::from_unix_nanos(4_900);
        assert_eq!(
            anchor.moment(0, Some(given)),
            Moment {
                unix: 4_900,
                monotonic: 600
            }
        );
    }
}
