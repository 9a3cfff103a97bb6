//! Makes times of the stamps that records bear.

use std::time::Instant;

use super::clock::{Clock, Reading, system_unix_nanos};
use crate::data::Timestamp;

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
    ///
    /// What lies before the monotonic clock began wraps around; differences come out right all the same.
    pub(crate) fn place(self, given: Timestamp) -> Moment {
        let since = given.unix_nanos.wrapping_sub(self.unix) as i64;
        let monotonic = self.monotonic.wrapping_add_signed(since);
        Moment { unix: given.unix_nanos, monotonic }
    }
}

/// Turns order words into times.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    clock: Clock,
    /// Where order words are ticks of the CPU's counter.
    scale: Option<Scale>,
    /// A moment that both clocks saw, from which the others are derived.
    anchor: Moment,
}

impl Timeline {
    /// Takes a millisecond where the length of a tick has to be found out.
    pub(crate) fn new(clock: &Clock) -> Timeline {
        let scale = match clock {
            Clock::Counter { origin, first } => Some(Scale::measured(*origin, *first)),
            Clock::System { .. } | Clock::Manual(_) => None,
        };
        let clock = clock.clone();
        let mut timeline = Timeline { clock, scale, anchor: Moment::default() };
        timeline.anchor = timeline.now();
        timeline
    }

    /// Takes a new anchor where the wall clock was set; keeps the old one otherwise, so that times
    /// do not jitter by what lies between the two reads.
    pub(crate) fn renew(&mut self) {
        const STEP_NANOS: u64 = 500_000;
        if let (Some(scale), Clock::Counter { origin, .. }) = (&mut self.scale, &self.clock)
            && let Some(now) = Reading::of_counter(*origin)
        {
            scale.renew(now);
        }
        let now = self.now();
        if now.unix.abs_diff(self.anchor.at(now.monotonic).unix) > STEP_NANOS {
            self.anchor = now;
        }
    }

    /// When a record was made.
    #[cfg(test)]
    fn moment(&self, order: u64) -> Moment {
        match self.line() {
            Some(line) => line.moment(order),
            None => self.moved_to(order),
        }
    }

    /// The same under a manual clock.
    pub(crate) fn moved_to(&self, order: u64) -> Moment {
        match &self.clock {
            Clock::Manual(clock) => clock.moment(order),
            _ => self.anchor.at(order),
        }
    }

    /// What order words mean until the timeline is renewed; `None` under a manual clock.
    pub(crate) fn line(&self) -> Option<Line> {
        let unix_offset = self.anchor.unix.wrapping_sub(self.anchor.monotonic);
        match (&self.scale, &self.clock) {
            (Some(scale), _) => {
                let Scale { from, slope, .. } = *scale;
                Some(Line { ticks: from.ticks, nanos: from.nanos, slope, unix_offset })
            }
            (None, Clock::Manual(_)) => None,
            (None, _) => Some(Line { ticks: 0, nanos: 0, slope: 1 << 32, unix_offset }),
        }
    }

    /// Both clocks, now.
    pub(crate) fn now(&self) -> Moment {
        if let Clock::Manual(clock) = &self.clock {
            return clock.moment(u64::MAX);
        }
        let monotonic = || {
            let order = self.clock.order();
            self.scale.as_ref().map_or(order, |scale| scale.nanos(order))
        };
        // The thread may be held up between the two; of some attempts one is undisturbed.
        let try_once = |_| {
            let before = monotonic();
            let unix = system_unix_nanos();
            (monotonic().saturating_sub(before), Moment { unix, monotonic: before })
        };
        let tries = (0..3).map(try_once).min_by_key(|(apart, _)| *apart);
        tries.map_or_else(Moment::default, |(_, moment)| moment)
    }
}

/// How order words become times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    ticks: u64,
    nanos: u64,
    /// Nanoseconds of a unit of the order word, in units of 2^-32.
    slope: u64,
    /// What the wall clock is ahead of the monotonic one.
    unix_offset: u64,
}

impl Line {
    #[inline(always)]
    pub(crate) fn moment(self, order: u64) -> Moment {
        let monotonic = self.nanos.wrapping_add(scaled(order.wrapping_sub(self.ticks), self.slope));
        Moment { monotonic, unix: monotonic.wrapping_add(self.unix_offset) }
    }
}

/// The nanoseconds of so many ticks, which may be negative.
#[inline(always)]
fn scaled(ticks: u64, slope: u64) -> u64 {
    ((i128::from(ticks as i64) * i128::from(slope as i64)) >> 32) as u64
}

/// How ticks of the CPU's counter become nanoseconds of the monotonic clock.
///
/// A straight line, whose slope is measured again as time goes on, first after milliseconds, then at
/// longer and longer intervals. The next piece begins where the last one ends, and is so steep that it
/// meets the monotonic clock after one more interval: so time neither stands still nor jumps, unless
/// the two clocks have parted (the machine slept).
#[derive(Clone, Debug)]
struct Scale {
    /// Where the line begins.
    from: Reading,
    /// The two clocks when the slope was measured last.
    base: Reading,
    /// Nanoseconds of a tick, in units of 2^-32.
    slope: u64,
    /// The slope is measured again after so many nanoseconds.
    interval: u64,
}

impl Scale {
    const FIRST_INTERVAL: u64 = 1_000_000;
    const LAST_INTERVAL: u64 = 8_000_000_000;
    /// The clocks have parted if they are so many nanoseconds from each other.
    const PARTED: u64 = 1_000_000;

    fn measured(origin: Instant, first: Reading) -> Scale {
        let slope = 1 << 32;
        let mut scale = Scale { from: first, base: first, slope, interval: Self::FIRST_INTERVAL };
        loop {
            std::hint::spin_loop();
            if let Some(now) = Reading::of_counter(origin)
                && now.nanos.saturating_sub(first.nanos) >= Self::FIRST_INTERVAL
            {
                scale.slope =
                    slope_of(now.nanos - first.nanos, now.ticks.wrapping_sub(first.ticks));
                scale.from = now;
                scale.base = now;
                return scale;
            }
        }
    }

    fn nanos(&self, ticks: u64) -> u64 {
        let passed = scaled(ticks.wrapping_sub(self.from.ticks), self.slope);
        self.from.nanos.saturating_add_signed(passed as i64)
    }

    fn renew(&mut self, now: Reading) {
        let shown = self.nanos(now.ticks);
        let is_backwards = now.ticks <= self.base.ticks || now.nanos < self.base.nanos;
        if is_backwards || shown.abs_diff(now.nanos) > Self::PARTED {
            (self.from, self.base) = (now, now);
            return;
        }
        let passed = now.nanos - self.base.nanos;
        if passed < self.interval {
            return;
        }
        self.interval = (self.interval * 2).min(Self::LAST_INTERVAL);
        // Of the way that the line has to make good, the part that belongs to the time measured.
        let behind = i128::from(now.nanos) - i128::from(shown);
        let catch_up = behind * i128::from(passed) / i128::from(self.interval);
        let passed = passed.saturating_add_signed(catch_up as i64);
        self.slope = slope_of(passed, now.ticks - self.base.ticks);
        self.from = Reading { nanos: shown, ..now };
        self.base = now;
    }
}

fn slope_of(nanos: u64, ticks: u64) -> u64 {
    let slope = (u128::from(nanos) << 32) / u128::from(ticks.max(1));
    i64::try_from(slope).unwrap_or(i64::MAX).max(1).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_moves_times_and_no_duration() {
        let clock = Clock::System { origin: Instant::now() };
        let mut timeline = Timeline { clock, scale: None, anchor: Moment::default() };
        timeline.anchor = Moment { unix: 1_000_000_000, monotonic: 0 };
        let start = timeline.moment(5);
        timeline.anchor = Moment { unix: 10, monotonic: 20 };
        let stop = timeline.moment(30);
        assert_eq!((start.unix, stop.unix), (1_000_000_005, 20));
        assert_eq!(stop.monotonic - start.monotonic, 25);
    }

    #[test]
    fn an_explicit_time_is_placed_by_its_distance() {
        let now = Moment { unix: 5_000, monotonic: 700 };
        let placed = now.place(Timestamp::from_unix_nanos(4_900));
        assert_eq!(placed, Moment { unix: 4_900, monotonic: 600 });
        // Before the recorder was made.
        let placed = now.place(Timestamp::from_unix_nanos(1_000));
        assert_eq!((placed.unix, now.monotonic.wrapping_sub(placed.monotonic)), (1_000, 4_000));
    }

    /// A counter of so many ticks a nanosecond, whose rate was first measured a thousandth too low.
    fn scale(ticks: u64) -> Scale {
        let zero = Reading { ticks: 0, nanos: 0 };
        let slope = slope_of(1_001, ticks * 1_000);
        Scale { from: zero, base: zero, slope, interval: Scale::FIRST_INTERVAL }
    }

    #[test]
    fn a_scale_approaches_the_monotonic_clock_and_never_runs_backwards() {
        let mut scale = scale(3);
        let (mut now, mut before) = (0, 0);
        for _ in 0..1_000 {
            now += 700_000;
            let reading = Reading { ticks: 3 * now, nanos: now };
            assert!(scale.nanos(reading.ticks) > before);
            before = scale.nanos(reading.ticks);
            scale.renew(reading);
            // The new piece begins where the old one ended.
            assert!(scale.nanos(reading.ticks).abs_diff(before) <= 1);
        }
        assert!(scale.nanos(3 * now).abs_diff(now) < 100, "{scale:?} at {now}");
        assert_eq!(scale.interval, 1_000_000 << 9);
    }

    #[test]
    fn clocks_that_have_parted_are_brought_together_at_once() {
        let mut scale = scale(1);
        let slept = Reading { ticks: 2_000_000, nanos: 5_000_000_000 };
        scale.renew(slept);
        assert_eq!(scale.nanos(slept.ticks), slept.nanos);
        let restarted = Reading { ticks: 1_000, nanos: 6_000_000_000 };
        scale.renew(restarted);
        assert_eq!(scale.nanos(restarted.ticks), restarted.nanos);
    }

    /// Whatever clock this machine has: what it shows lies between two looks at the system's own.
    #[test]
    fn a_record_bears_the_time_at_which_it_was_made() {
        let clock = Clock::system();
        let mut timeline = Timeline::new(&clock);
        for _ in 0..20 {
            let before = system_unix_nanos();
            let order = clock.order();
            let after = system_unix_nanos();
            timeline.renew();
            let unix = timeline.moment(order).unix;
            // The anchor stays as it is while it is off by less than half a millisecond, and a busy
            // machine holds up whoever looks at two clocks.
            assert!((before - 20_000_000..after + 20_000_000).contains(&unix));
        }
    }
}
