//! The spans of a future that is timed.

use std::cell::Cell;

use super::stack::Entry;
use super::{foreign, with_current};
use crate::data::SpanId;
use crate::recorder::Span;

/// The stack of spans of a future: in place of the thread's own while the future is polled, and with
/// the future meanwhile.
#[derive(Default)]
pub(crate) struct FutureSpans(Vec<Entry>);

thread_local! {
    /// The memory of a future that is over, for the next one.
    static SPARE: Cell<Vec<Entry>> = const { Cell::new(Vec::new()) };
}

/// What belongs to the thread that polls: the end of the poll gives it back. Not kept in the future,
/// because that grows by it.
pub(crate) struct Outside {
    of_foreign: SpanId,
    /// Of a first poll.
    origin: Option<Option<Span>>,
}

impl FutureSpans {
    /// Puts these in place of the thread's own, which are kept here. Gives what
    /// [`leave`](FutureSpans::leave) takes.
    pub(crate) fn enter(&mut self) -> Outside {
        self.swap_in(false)
    }

    /// The same for a future that is polled for the first time: what it starts hangs under what is
    /// current now.
    pub(crate) fn enter_first(&mut self) -> Outside {
        if self.0.capacity() == 0 {
            self.0 = SPARE.try_with(Cell::take).unwrap_or_default();
        }
        self.swap_in(true)
    }

    fn swap_in(&mut self, is_first: bool) -> Outside {
        let foreign = foreign::active();
        let mut of_foreign = foreign.map_or(SpanId::INVALID, |span| span.span_id);
        let origin = with_current(|current| {
            let now = is_first.then(|| current.innermost(foreign).into_span());
            std::mem::swap(&mut current.spans, &mut self.0);
            std::mem::swap(&mut current.outside, &mut of_foreign);
            now.map(|now| std::mem::replace(&mut current.origin, now))
        });
        Outside { of_foreign, origin: origin.flatten() }
    }

    /// Undoes [`enter`](FutureSpans::enter) or [`enter_first`](FutureSpans::enter_first).
    pub(crate) fn leave(&mut self, outside: Outside) {
        let _ended = with_current(|current| {
            std::mem::swap(&mut current.spans, &mut self.0);
            current.outside = outside.of_foreign;
            outside.origin.map(|origin| std::mem::replace(&mut current.origin, origin))
        });
    }

    /// Puts these in place of the thread's own while the future is dropped.
    pub(crate) fn enter_for_drop(&mut self) {
        let outside = foreign::active_id();
        for entry in &mut self.0 {
            entry.outside = outside;
        }
        self.swap();
    }

    /// Undoes [`enter_for_drop`](FutureSpans::enter_for_drop).
    pub(crate) fn leave_after_drop(&mut self) {
        self.swap();
    }

    fn swap(&mut self) {
        with_current(|current| std::mem::swap(&mut current.spans, &mut self.0));
    }

    /// Gives up a span that is about to end.
    pub(crate) fn let_go(&mut self, span: &Span) {
        self.0.pop_if(|last| last.span == *span);
    }

    /// Leaves what is still open to whoever has polled the future, if something is open there. A bare
    /// thread of an executor gets nothing: its next future has nothing to do with this one.
    pub(crate) fn hand_on(&mut self) {
        let mut open = std::mem::take(&mut self.0);
        if open.is_empty() {
            let _ = SPARE.try_with(|spare| spare.set(open));
            return;
        }
        open.retain(|entry| !entry.span.is_stopped());
        if !open.is_empty() {
            with_current(|current| {
                if !current.spans.is_empty() || current.origin.is_some() {
                    current.spans.append(&mut open);
                }
            });
        }
    }
}
