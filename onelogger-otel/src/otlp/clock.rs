//! Where this crate reads the time: for how long a span is open, and until when a request is tried.
//! What is sent bears the times of the records, but for what tries the connection.

use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use std::time::Instant;

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since 1970, of the system's clock.
pub(super) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
