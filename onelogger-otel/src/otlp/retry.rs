//! Sends a request until it is through, refused, or too old.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use onelogger::exporter::Run;

use super::clock::Instant;
use super::deadline;
use super::ids;
use super::transport::{Accepted, Failure, Transport};

/// When a request is sent again that did not get through.
///
/// Only where the protocol says that it may be: the collector cannot be reached, does not answer in
/// time, or says that it is busy or down. Between two attempts there is a pause, which doubles each
/// time, and of which a random part of up to a half is left away, so that many processes do not
/// come back together. Where the collector names a longer one (`Retry-After`, in seconds or as a
/// date; `RetryInfo`), that is taken instead; one that would end beyond
/// [`within`](RetryPolicy::within) is not waited for.
///
/// An attempt whose answer is lost may have arrived: then the collector has its data twice. The
/// protocol knows no way around that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first pause. 250 ms by default; one of less than 10 ms stands for that.
    pub first_pause: Duration,
    /// No pause of our own is longer. 5 s by default.
    pub longest_pause: Duration,
    /// So long after a call of the exporter began, what fails is not tried again; zero stands for
    /// one attempt a request. 30 s by default. Meanwhile the exporter's queue fills up. A close ends
    /// it earlier: it gives no more time than the close was given.
    pub within: Duration,
}

impl RetryPolicy {
    /// One attempt.
    pub const NEVER: RetryPolicy = RetryPolicy {
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
        within: Duration::ZERO,
    };
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            within: Duration::from_secs(30),
        }
    }
}

/// Without a pause a collector that is down costs a whole CPU.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Whether a failure is for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// After a pause of ours.
    Later,
    /// After the pause that the collector asks for.
    After(Duration),
}

/// For how long a request is tried.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'a> {
    pub(crate) policy: RetryPolicy,
    /// When the call of the exporter began, which may lead to more requests than one.
    pub(crate) began: Instant,
    /// The run whose close ends it, if there is one.
    pub(crate) run: Option<&'a Run>,
}

/// Sends a request, as often as the policy allows, and until the time of a close is over.
pub(super) async fn send(
    transport: &mut Transport,
    body: Bytes,
    patience: Patience<'_>,
) -> Result<Accepted, Failure> {
    let Patience { policy, began, run } = patience;
    let body = transport.prepare(body)?;
    let timeout = transport.timeout();
    let longest_pause = policy.longest_pause.max(SHORTEST_PAUSE);
    let mut pause = policy.first_pause.max(SHORTEST_PAUSE);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let attempt = deadline::wait(timeout, run, transport.attempt(body.clone()));
        let failure = match attempt.await {
            Some(Ok(accepted)) => return Ok(accepted),
            Some(Err(failure)) => failure,
            None => {
                // The connection may be dead without anyone knowing; the next attempt has another.
                transport.reconnect();
                let reason = match deadline::is_over(run) {
                    true => "the time that the close has is over".to_owned(),
                    false => format!("no answer within {timeout:?}"),
                };
                transport.failure(Retry::Later, &reason)
            }
        };
        let wait = match failure.retry {
            Retry::Never => return Err(failure),
            Retry::Later => shortened(pause),
            // A collector that asks for no time at all is not to be stormed either.
            Retry::After(wait) => wait.max(shortened(pause)),
        };
        if deadline::rest(began, policy.within, run) <= wait {
            return Err(failure.after(attempts));
        }
        deadline::wait(wait, run, pending::<()>()).await;
        // A close may have begun meanwhile.
        if deadline::is_over(run) {
            return Err(failure.after(attempts));
        }
        pause = pause.saturating_mul(2).min(longest_pause);
    }
}

/// Between a half and the whole of a pause.
fn shortened(pause: Duration) -> Duration {
    let half = pause / 2;
    let thousandths = (ids::random() % 1000) as u32;
    half + half * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_shortened_by_up_to_a_half() {
        let pause = Duration::from_millis(200);
        let all: Vec<Duration> = (0..100).map(|_| shortened(pause)).collect();
        assert!(all.iter().all(|wait| (pause / 2..=pause).contains(wait)));
        assert!(all.iter().any(|wait| *wait != all[0]), "all alike: {:?}", all[0]);
        assert_eq!(shortened(Duration::ZERO), Duration::ZERO);
    }
}
