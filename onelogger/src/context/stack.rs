//! Which of the spans on a stack, and of those that another library holds, is the innermost.

use super::{Context, foreign, with_current};
use crate::data::{SpanContext, SpanId};
use crate::recorder::Span;

/// A span on a stack.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) span: Span,
    /// What was active of another library when the span became current: it is further out.
    pub(super) outside: SpanId,
}

/// The innermost span.
pub(super) enum Innermost<'a> {
    Own(&'a Span),
    /// One that another library holds.
    Foreign(SpanContext),
    /// None but the remote one, if the context has one.
    Nothing,
}

impl Innermost<'_> {
    pub(super) fn into_span(self) -> Option<Span> {
        match self {
            Innermost::Own(span) => Some(span.clone()),
            Innermost::Foreign(context) => Some(Span::from_context(context)),
            Innermost::Nothing => None,
        }
    }
}

impl Context {
    pub(super) fn push(&mut self, span: &Span, outside: SpanId) {
        if span.is_disabled() {
            return;
        }
        if self.spans.len() == self.spans.capacity() {
            // Spans that others have stopped, below one that is open: they go before more memory
            // is taken.
            self.spans.retain(|entry| !entry.span.is_stopped());
        }
        self.spans.push(Entry { span: span.clone(), outside });
    }

    /// The innermost span, where another library holds this one, or none.
    #[inline]
    pub(super) fn innermost(&mut self, foreign: Option<SpanContext>) -> Innermost<'_> {
        while self.spans.last().is_some_and(|entry| entry.span.is_stopped()) {
            self.spans.pop();
        }
        // The topmost is open now.
        let top = self.spans.last();
        if let Some(foreign) = foreign {
            let at_top = top.map_or(SpanId::INVALID, |entry| entry.outside);
            if foreign.span_id != at_top && foreign.span_id != self.outside {
                return Innermost::Foreign(foreign);
            }
        }
        let own = top.map(|entry| &entry.span).or(self.origin.as_ref());
        own.map_or(Innermost::Nothing, Innermost::Own)
    }

    /// The topmost open span, or that which was current outside.
    pub(super) fn own_span(&self) -> Option<&Span> {
        let open = self.spans.iter().rev().find(|entry| !entry.span.is_stopped());
        open.map(|entry| &entry.span).or(self.origin.as_ref())
    }
}

/// Makes a span the current one of this thread.
#[inline]
pub(super) fn push(span: &Span) {
    let outside = foreign::active_id();
    with_current(|current| current.push(span, outside));
}
