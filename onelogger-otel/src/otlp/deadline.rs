//! Waits that a close ends.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use onelogger::exporter::Run;

use super::clock::{self, Instant};

/// How often somebody who waits looks whether a close has begun.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits for some work, for no longer than this, and for no longer than a close that begins meanwhile
/// is given. Runs within a runtime that knows the time.
pub(crate) async fn wait<T>(
    time: Duration,
    run: Option<&Run>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let began = clock::now();
    let mut work = pin!(work);
    loop {
        let rest = rest(began, time, run);
        if rest.is_zero() {
            return None;
        }
        if let Ok(done) = tokio::time::timeout(rest.min(LOOK_AGAIN), work.as_mut()).await {
            return Some(done);
        }
    }
}

/// What is left of so long a time that began then, or of that of a close, if one has begun.
pub(crate) fn rest(began: Instant, time: Duration, run: Option<&Run>) -> Duration {
    let now = clock::now();
    let rest = time.saturating_sub(now.saturating_duration_since(began));
    let until_close = run.and_then(Run::close_by).map(|at| at.saturating_duration_since(now));
    until_close.map_or(rest, |until_close| rest.min(until_close))
}

/// Whether the time of a close is over.
pub(crate) fn is_over(run: Option<&Run>) -> bool {
    run.and_then(Run::close_by).is_some_and(|at| at <= clock::now())
}
