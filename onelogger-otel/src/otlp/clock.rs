//! Where this crate reads the time: for how long a span is open, and until when a request is tried.
//! What is sent bears the times of the records.

pub(super) use std::time::Instant;

pub(super) fn now() -> Instant {
    Instant::now()
}
