//! The one place where time is read.
//!
//! Records are stamped with the CPU's counter where the operating system trusts it as well, else with
//! the monotonic clock. The pipeline makes times of the stamps (`timeline.rs`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::timeline::Moment;
use crate::data::Timestamp;
use crate::sync::{Counter, are_invariant, ticks, ticks_between};

/// What a record's order word and times come from.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The order word is the monotonic clock, in nanoseconds since the recorder was made.
    System { origin: Instant },
    /// The order word is the CPU's counter.
    Counter { origin: Instant, first: Reading },
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
    pub(super) fn moment(&self, order: u64) -> Moment {
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
        let origin = Instant::now();
        if is_counter_trusted() {
            let first = Reading::of_counter(origin).unwrap_or(Reading { ticks: ticks(), nanos: 0 });
            return Clock::Counter { origin, first };
        }
        Clock::System { origin }
    }

    /// The order word of a record that is made now.
    #[inline]
    pub(crate) fn order(&self) -> u64 {
        match self {
            Clock::Counter { .. } => ticks(),
            Clock::System { origin } => nanos(origin.elapsed()),
            Clock::Manual(clock) => clock.0.sequence.add(1) + 1,
        }
    }

    /// Whether the order word is the CPU's counter.
    pub(crate) fn is_counter(&self) -> bool {
        matches!(self, Clock::Counter { .. })
    }

    /// The order word of the last record that can have been made by now.
    ///
    /// Where readings of the clock may be early, and order words lie a little beyond them (a span begins
    /// after the one that it hangs under), it waits for so long, a microsecond or two: what was recorded
    /// before the call lies before the cut, and what has caused a record that does was published when
    /// this returns.
    pub(crate) fn cut(&self) -> u64 {
        /// More ticks than a reading can be early by.
        const AROUND: u64 = 2048;
        match self {
            Clock::Counter { .. } => {
                let begun = ticks_between();
                while ticks_between().wrapping_sub(begun) < 2 * AROUND {
                    std::hint::spin_loop();
                }
                begun + AROUND
            }
            Clock::System { .. } => self.order(),
            Clock::Manual(clock) => clock.0.sequence.get(),
        }
    }

    /// Both clocks, now, for those who measure beside the records. The monotonic reading is in
    /// nanoseconds since the recorder was made.
    pub(crate) fn now(&self) -> Timestamp {
        let (unix_nanos, monotonic) = match self {
            Clock::Counter { origin, .. } | Clock::System { origin } => {
                (system_unix_nanos(), nanos(origin.elapsed()))
            }
            Clock::Manual(clock) => {
                let moment = clock.moment(u64::MAX);
                (moment.unix, moment.monotonic)
            }
        };
        Timestamp { unix_nanos, monotonic_nanos: Some(monotonic) }
    }

    pub(crate) fn unix_nanos(&self) -> u64 {
        match self {
            Clock::Counter { .. } | Clock::System { .. } => system_unix_nanos(),
            Clock::Manual(clock) => clock.moment(u64::MAX).unix,
        }
    }

    /// The monotonic time since some moment in the past: for what has to wait, be it a manual clock
    /// that it waits for.
    pub(super) fn elapsed(&self) -> Duration {
        match self {
            Clock::Counter { origin, .. } | Clock::System { origin } => origin.elapsed(),
            Clock::Manual(clock) => Duration::from_nanos(clock.moment(u64::MAX).monotonic),
        }
    }
}

/// Whether the CPU's counter runs at one rate, and the same on each CPU. The second is what the
/// operating system has looked into before it tells its own time by it.
fn is_counter_trusted() -> bool {
    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let source = || std::fs::read_to_string(CLOCK_SOURCE);
    cfg!(target_os = "linux") && are_invariant() && source().is_ok_and(|it| it.trim() == "tsc")
}

pub(super) fn system_unix_nanos() -> u64 {
    Timestamp::from(SystemTime::now()).unix_nanos
}

/// The CPU's counter and the monotonic clock, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(super) ticks: u64,
    /// Nanoseconds since the recorder was made.
    pub(super) nanos: u64,
}

impl Reading {
    /// Reads both; `None` if the thread was held up each time in between.
    pub(super) fn of_counter(origin: Instant) -> Option<Reading> {
        /// What the two may be apart, in ticks: at most some ten microseconds.
        const APART: u64 = 30_000;
        let try_once = |_| {
            let before = ticks_between();
            let nanos = nanos(origin.elapsed());
            let apart = ticks_between().wrapping_sub(before);
            (apart, Reading { ticks: before.wrapping_add(apart / 2), nanos })
        };
        let best = (0..3).map(try_once).min_by_key(|(apart, _)| *apart);
        best.filter(|(apart, _)| *apart <= APART).map(|(_, reading)| reading)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
