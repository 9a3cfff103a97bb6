use std::pin::Pin;
use std::task::Poll;

use super::{Context, foreign, with_current};
use crate::sync::{Around, AroundPoll, Wrapped};

/// Futures with a context of their own.
///
/// A spawned task knows nothing of the one that spawned it. This carries the current span, and the
/// provider in force, over:
///
/// ```
/// use onelogger::context::FutureExt as _;
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// # async fn work() {}
/// # let tokio_spawn = spawn;
/// tokio_spawn(work().with_current_context());
/// ```
pub trait FutureExt: Future + Sized {
    /// Polls the future in the context that is current now.
    fn with_current_context(self) -> WithContext<Self> {
        self.with_context(Context::capture())
    }

    /// Polls the future in a context: each poll attaches it, and takes back what has become of it
    /// (spans that are still open).
    fn with_context(self, context: Context) -> WithContext<Self> {
        Wrapped::new(self, InContext(context))
    }
}

impl<F: Future> FutureExt for F {}

/// A future in a context of its own; see [`FutureExt`].
pub type WithContext<F> = Wrapped<F, InContext>;

/// The context that a future is polled and dropped in.
#[derive(Debug)]
pub struct InContext(Context);

impl InContext {
    fn enter(&mut self) {
        self.0.outside = foreign::active_id();
        self.swap();
    }

    /// Swaps it with the thread's.
    fn swap(&mut self) {
        with_current(|current| std::mem::swap(current, &mut self.0));
    }
}

impl<F: Future> AroundPoll<F> for InContext {
    fn poll(&mut self, future: Pin<&mut F>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let swapped = Swapped::new(self);
        let poll = future.poll(cx);
        drop(swapped);
        poll
    }
}

/// What the future's destructors record is in its context as well.
impl Around for InContext {
    fn before_drop(&mut self) {
        self.enter();
    }
}

impl Drop for InContext {
    fn drop(&mut self) {
        self.swap();
    }
}

/// In the context until this is dropped: also when a poll panics.
struct Swapped<'a>(&'a mut InContext);

impl Swapped<'_> {
    fn new(context: &mut InContext) -> Swapped<'_> {
        context.enter();
        Swapped(context)
    }
}

impl Drop for Swapped<'_> {
    fn drop(&mut self) {
        self.0.swap();
    }
}
