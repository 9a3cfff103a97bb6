//! A promise that several threads keep and one waits for.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts what is still to be done.
#[derive(Clone, Debug)]
pub(super) struct Ticket(Arc<(Mutex<usize>, Condvar)>);

impl Ticket {
    pub(super) fn new(parts: usize) -> Ticket {
        Ticket(Arc::new((Mutex::new(parts), Condvar::new())))
    }

    /// Whether the one who waited has gone.
    pub(super) fn is_given_up(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// There is more to do.
    pub(super) fn expect(&self, parts: usize) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += parts;
    }

    /// A part is done.
    pub(super) fn done(&self) {
        let mut left = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(1);
        let is_over = *left == 0;
        // Before the call: whoever hears it takes the lock.
        drop(left);
        if is_over {
            self.0.1.notify_all();
        }
    }

    /// Waits until everything is done; whether it was done in time.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut left = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *left > 0 {
            // A timeout beyond what the clock can name is no limit; an hour is looked at again.
            let rest = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if rest.is_zero() {
                return false;
            }
            (left, _) = self.0.1.wait_timeout(left, rest).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}
