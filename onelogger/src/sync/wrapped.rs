//! A future with something that goes with it, of which the future alone is pinned.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future and what surrounds each of its polls, and its end.
///
/// One type for all such wrappers, because each further layer of types counts towards the compiler's
/// recursion limit.
#[must_use = "a future does nothing unless it is polled"]
#[derive(Debug)]
pub struct Wrapped<F, S: Around> {
    /// Comes first, so that the compiler has seen whether the state is `Send` when it comes to the
    /// futures within futures: at the bottom of a deep chain it would have no steps left for that.
    state_is_seen_first: PhantomData<S>,
    /// Pinned whenever the whole is: never moved, and lent only as `Pin<&mut F>`.
    future: F,
    /// Never pinned. Dropped after the future.
    state: S,
}

/// What surrounds the end of a future. The state's own destructor runs when the future is gone.
pub trait Around {
    /// The future is about to be dropped.
    fn before_drop(&mut self);
}

/// What surrounds the polls of a future.
pub trait AroundPoll<F: Future>: Around {
    /// Polls the future.
    fn poll(&mut self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output>;
}

impl<F, S: Around> Wrapped<F, S> {
    pub(crate) const fn new(future: F, state: S) -> Wrapped<F, S> {
        Wrapped { state_is_seen_first: PhantomData, future, state }
    }
}

/// The state is not pinned, so it does not matter whether it may be moved.
impl<F: Unpin, S: Around> Unpin for Wrapped<F, S> {}

impl<F: Future, S: AroundPoll<F>> Future for Wrapped<F, S> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: nothing is moved out of the borrow: the state is lent as it is, the future pinned.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the future is pinned because the whole is. It is lent in this place only and
        // nothing ever moves it: `drop` does not touch it, `Wrapped` is not packed, and is `Unpin` only
        // if the future is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        this.state.poll(future, cx)
    }
}

impl<F, S: Around> Drop for Wrapped<F, S> {
    fn drop(&mut self) {
        self.state.before_drop();
    }
}
