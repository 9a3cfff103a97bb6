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

/// What belongs to the thread that polls: what was active there of another library when its context was
/// attached. The end of the poll gives it back. Not kept in the future, because that grows by it.
#[derive(Clone, Copy)]
pub(crate) struct Outside(SpanId);

impl FutureSpans {
    /// Takes a span of the thread's, and those above it, off the stack.
    pub(crate) fn taken_from(span: &Span) -> FutureSpans {
        let mut taken = SPARE.try_with(Cell::take).unwrap_or_default();
        let is_taken = with_current(|current| {
            let place = current.spans.iter().rposition(|entry| entry.span == *span)?;
            match current.spans.len() - place {
                1 => taken.extend(current.spans.pop()),
                _ => taken.extend(current.spans.drain(place..)),
            }
            Some(())
        });
        if is_taken.flatten().is_none() && !span.is_stopped() {
            // What is on the stack is another context's.
            taken.push(Entry { span: span.clone(), outside: SpanId::INVALID });
        }
        FutureSpans(taken)
    }

    /// This span alone.
    pub(crate) fn of(span: &Span) -> FutureSpans {
        let mut spans = SPARE.try_with(Cell::take).unwrap_or_default();
        spans.push(Entry { span: span.clone(), outside: SpanId::INVALID });
        FutureSpans(spans)
    }

    /// Puts these in place of the thread's own, which are kept here. Gives what
    /// [`leave`](FutureSpans::leave) takes.
    pub(crate) fn enter(&mut self) -> Outside {
        let mut of_foreign = foreign::active_id();
        self.swap_with(&mut of_foreign);
        Outside(of_foreign)
    }

    /// Undoes [`enter`](FutureSpans::enter).
    pub(crate) fn leave(&mut self, outside: Outside) {
        let Outside(mut of_foreign) = outside;
        self.swap_with(&mut of_foreign);
    }

    fn swap_with(&mut self, of_foreign: &mut SpanId) {
        with_current(|current| {
            std::mem::swap(&mut current.spans, &mut self.0);
            std::mem::swap(&mut current.outside, of_foreign);
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
