//! A future with something that goes with it, of which the future alone is pinned.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future and what surrounds each of its polls.
///
/// The future is dropped first. One type for all such wrappers, because each further layer of types
/// counts towards the compiler's recursion limit.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Wrapped<F, S> {
    /// Comes first, so that the compiler has seen whether the state is `Send` when it comes to the
    /// futures within futures: at the bottom of a deep chain it would have no steps left for that.
    state_is_seen_first: PhantomData<S>,
    /// Pinned whenever the whole is: never moved, and lent only as `Pin<&mut F>`.
    future: F,
    /// Never pinned.
    state: S,
}

/// What surrounds the polls of a future.
pub trait AroundPoll<F: Future> {
    /// Polls the future.
    fn poll(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output>;
}

impl<F, S> Wrapped<F, S> {
    pub(crate) const fn new(future: F, state: S) -> Wrapped<F, S> {
        Wrapped { state_is_seen_first: PhantomData, future, state }
    }
}

/// The state is not pinned, so it does not matter whether it may be moved.
impl<F: Unpin, S> Unpin for Wrapped<F, S> {}

impl<F: Future, S: AroundPoll<F>> Future for Wrapped<F, S> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing is moved out of the borrow: the state is lent as it is, the future pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the future is pinned because the whole is. It is lent in this place only and
        // nothing ever moves it; `Wrapped` has no `Drop` that could, is not packed, and is `Unpin`
        // only if the future is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        this.state.poll(future, cx)
    }
}
