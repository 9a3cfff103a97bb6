//! Local spans of futures. While nobody polls the future its span is off the short way, in nothing but the
//! memory of a handle; whoever polls it next brings it onto that of its own thread.

use std::sync::Arc;

use super::settle::facts;
use super::{LocalNumber, LocalSpan, on_the_way};
use crate::data::Callsite;
use crate::recorder::Span;
use crate::recorder::span::{Facts, Owner};
use crate::recorder::thread::{THREAD, Thread};
use crate::sync::epoch;

/// A span that is open, and that no thread knows at the moment.
pub(crate) struct Parked {
    span: Span,
    site: &'static Callsite,
}

/// Takes the innermost local span off the short way, if it is the one with this number and is not lost.
#[inline]
pub(crate) fn park(number: LocalNumber) -> Option<Parked> {
    let parked = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        if short.epoch != epoch() || number.is_lost() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        let local = short.spans.pop_if(|last| last.number == number)?;
        let facts = facts(&local, local.raw, short, &lane.intake, Some(&lane.writer));
        let span = lane.idle.span(facts, &lane.intake, Some(Owner::Known(&short.owner)));
        Some(Parked { span, site: local.site })
    });
    parked.ok().flatten()
}

/// Takes a span that was [entered](Parked::enter) off again, if it is still the innermost local one.
#[inline]
pub(crate) fn leave_parked(number: LocalNumber) -> bool {
    let left = THREAD.try_with(|thread| {
        let short = &mut thread.try_borrow_mut().ok()?.short;
        (short.epoch == epoch()).then_some(())?;
        short.spans.pop_if(|last| last.number == number)
    });
    matches!(left, Ok(Some(_)))
}

impl Parked {
    /// Makes it the innermost local span of this thread; `None` if the short way is closed, or leads to
    /// another recorder or into another trace.
    #[inline]
    pub(crate) fn enter(&self) -> Option<LocalNumber> {
        let inner = self.span.inner()?;
        let entered = on_the_way(|short, lane, intake| {
            let is_ours = Arc::ptr_eq(&inner.intake, intake)
                && inner.owner.get().is_some_and(|owner| owner.ptr_eq(&short.owner));
            let context = &inner.facts.context;
            if !is_ours || !short.enter_trace(context.trace_id, context.trace_flags) {
                return None;
            }
            let &Facts { raw, order, lane: kept_in, .. } = &inner.facts;
            if kept_in == Some(lane.id) {
                return Some(short.push(self.site, raw, order, 0));
            }
            short.count += 1;
            let number = LocalNumber::elsewhere(short.count, kept_in?)?;
            short.spans.push(LocalSpan { number, raw, order, site: self.site });
            Some(number)
        });
        entered.flatten()
    }

    /// The span with its handle.
    pub(crate) fn into_span(self) -> Span {
        self.span
    }
}
