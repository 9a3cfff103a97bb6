//! Tells a time that is now from one that is given.

use std::time::{Duration, SystemTime};

use onelogger::Timestamp;

/// The time of an event or an end, unless it is now.
///
/// OpenTelemetry's interface reads the wall clock where the caller has given no time, and does not say
/// so. Such a time is left out, because the recorder has a better one: durations come from its
/// monotonic clock, whatever happens to the wall clock.
pub(super) fn unless_now(time: SystemTime) -> Option<Timestamp> {
    /// Far longer than the way from there to here, and so short that nobody misses it.
    const NOW: Duration = Duration::from_micros(50);
    let since = SystemTime::now().duration_since(time);
    since.map_or(true, |since| since > NOW).then(|| Timestamp::from(time))
}
