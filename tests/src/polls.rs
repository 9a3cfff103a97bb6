//! Futures that tests poll.

use std::future::poll_fn;
use std::task::Poll;

/// Ready at the second poll, for which it has the waker called.
pub async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
