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
    /// The order word is a sequence number; the clock knows when each was given out.
    Manual(ManualClock),
}

/// A clock that stands still until it is moved, for tests.
///
/// Wall and monotonic time move together. Clones are the same clock. It remembers each move, so it
/// is not for programs that run long.
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
    /// Records made so far.
    sequence: Counter,
    /// Each move: the number of the first record after it, and the time that had passed.
    moves: Mutex<Vec<(u64, Duration)>>,
}

/// Where the monotonic clock of a manual clock begins.
const MANUAL_ORIGIN: u64 = 1_000_000_000_000;

impl ManualClock {
    /// A clock that shows this wall-clock time, in nanoseconds since 1970.
    pub fn new(unix_nanos: u64) -> ManualClock {
        let (sequence, moves) = (Counter::new(0), Mutex::new(vec![(0, Duration::ZERO)]));
        ManualClock(Arc::new(Manual { origin: unix_nanos, sequence, moves }))
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        self.go_to(|passed| passed.saturating_add(by));
    }

    /// Sets both clocks to where they were when the clock was made, plus `elapsed`.
    pub fn set_elapsed(&self, elapsed: Duration) {
        self.go_to(|_| elapsed);
    }

    /// The wall-clock time, in nanoseconds since 1970.
    pub fn unix_nanos(&self) -> u64 {
        self.moment(u64::MAX).unix
    }

    fn go_to(&self, next: impl FnOnce(Duration) -> Duration) {
        let mut moves = self.0.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = moves.last().map_or(Duration::ZERO, |(_, passed)| *passed);
        moves.push((self.0.sequence.get() + 1, next(passed)));
    }

    /// When a record was made.
    fn moment(&self, order: u64) -> Moment {
        let moves = self.0.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let after = moves.partition_point(|(first, _)| *first <= order);
        let passed = nanos(moves[after.saturating_sub(1)].1);
        Moment {
            unix: self.0.origin.saturating_add(passed),
            monotonic: MANUAL_ORIGIN.saturating_add(passed),
        }
    }
}

impl Clock {
    pub(crate) fn system() -> Clock {
        Clock::System { origin: Instant::now() }
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

    pub(crate) fn unix_nanos(&self) -> u64 {
        self.now().unix
    }

    pub(crate) fn now(&self) -> Moment {
        match self {
            Clock::System { .. } => Moment {
                unix: Timestamp::from(SystemTime::now()).unix_nanos,
                monotonic: self.order(),
            },
            Clock::Manual(clock) => clock.moment(u64::MAX),
        }
    }
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) unix: u64,
    pub(crate) monotonic: u64,
}

impl Moment {
    /// The moment at which the monotonic clock shows this.
    fn at(self, monotonic: u64) -> Moment {
        let since = monotonic.wrapping_sub(self.monotonic) as i64;
        Moment { unix: self.unix.saturating_add_signed(since), monotonic }
    }

    /// An explicit time: as far from this moment on the one clock as on the other. A monotonic
    /// reading that comes with it is of another clock, and says nothing here.
    pub(crate) fn place(self, given: Timestamp) -> Moment {
        let since = given.unix_nanos.wrapping_sub(self.unix) as i64;
        let monotonic = self.monotonic.saturating_add_signed(since);
        Moment { unix: given.unix_nanos, monotonic }
    }
}

/// Turns order words into times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// A moment that both clocks saw, from which the others are derived.
    anchor: Moment,
}

impl Timeline {
    pub(crate) fn new(clock: &Clock) -> Timeline {
        Timeline { anchor: clock.now() }
    }

    /// Takes a new anchor where the wall clock was set; keeps the old one otherwise, so that times
    /// do not jitter by what lies between the two reads.
    pub(crate) fn renew(&mut self, clock: &Clock) {
        const STEP_NANOS: u64 = 500_000;
        let now = clock.now();
        if now.unix.abs_diff(self.anchor.at(now.monotonic).unix) > STEP_NANOS {
            self.anchor = now;
        }
    }

    /// When a record was made.
    pub(crate) fn moment(&self, clock: &Clock, order: u64) -> Moment {
        match clock {
            Clock::System { .. } => self.anchor.at(order),
            Clock::Manual(clock) => clock.moment(order),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_moves_times_and_no_duration() {
        let mut timeline = Timeline { anchor: Moment { unix: 1_000_000_000, monotonic: 0 } };
        let clock = Clock::system();
        let start = timeline.moment(&clock, 5);
        timeline.anchor = Moment { unix: 10, monotonic: 20 };
        let stop = timeline.moment(&clock, 30);
        assert_eq!((start.unix, stop.unix), (1_000_000_005, 20));
        assert_eq!(stop.monotonic - start.monotonic, 25);
    }

    #[test]
    fn an_explicit_time_is_placed_by_its_distance() {
        let now = Moment { unix: 5_000, monotonic: 700 };
        let placed = now.place(Timestamp::from_unix_nanos(4_900));
        assert_eq!(placed, Moment { unix: 4_900, monotonic: 600 });
    }

    #[test]
    fn a_manual_clock_knows_when_each_record_was_made() {
        let manual = ManualClock::new(100);
        let clock = Clock::Manual(manual.clone());
        let before = clock.order();
        manual.advance(Duration::from_nanos(5));
        let after = clock.order();
        manual.set_elapsed(Duration::from_nanos(3));
        assert_eq!([before, after].map(|order| manual.moment(order).unix), [100, 105]);
        assert_eq!(manual.unix_nanos(), 103);
    }
}
