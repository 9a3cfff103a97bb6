//! Where local spans become ordinary ones.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::{Base, LocalNumber, LocalSpan, Short};
use crate::data::{Name, SpanContext, SpanId};
use crate::pipeline::intake::{Intake, LaneWriter};
use crate::recorder::Span;
use crate::recorder::span::{Anchor, Facts, Fate, Owner};
use crate::recorder::thread::{THREAD, Thread};

/// Closes the short way of this thread. What is local becomes ordinary: `place` is called with each, the
/// outermost first, and with what was active of another library when it was opened.
#[inline]
pub(crate) fn settle(place: impl FnMut(&Span, SpanId)) {
    let _ = THREAD.try_with(|thread| {
        if let Ok(mut thread) = thread.try_borrow_mut()
            && thread.short.epoch != 0
        {
            settle_all(&mut thread, place);
        }
    });
}

#[cold]
fn settle_all(thread: &mut Thread, mut place: impl FnMut(&Span, SpanId)) {
    let Thread { lanes, short } = thread;
    short.epoch = 0;
    // Handles are dropped where nobody's code runs that has to do with this.
    short.base = Base::Root;
    let Some(intake) = short.intake.take() else { return };
    let mut spans = std::mem::take(&mut short.spans);
    for local in spans.drain(..) {
        let mut lane = lanes.0.iter_mut().find(|lane| Arc::ptr_eq(&lane.intake, &intake));
        // A span that is lost has had no id until now.
        let raw = match &mut lane {
            Some(lane) if local.number.is_lost() => lane.writer.ids.next(&intake.ids),
            _ => local.raw,
        };
        let facts = facts(&local, raw, short, &intake, lane.as_ref().map(|lane| &lane.writer));
        let owner = Some(Owner::Known(&short.owner));
        let span = match lane {
            Some(lane) => lane.idle.span(facts, &intake, owner),
            None => Span::new(facts, &intake, owner),
        };
        place(&span, short.outside.expected);
        let settled = &mut short.settled;
        if settled.len() == settled.capacity() {
            // Those whose guards were forgotten.
            settled.retain(|(_, span)| !span.is_stopped());
        }
        settled.push((local.number, span));
    }
    (short.spans, short.intake) = (spans, Some(intake));
}

/// What is known of a local span, which has this raw id.
#[inline]
pub(super) fn facts(
    local: &LocalSpan,
    raw: u64,
    short: &Short,
    intake: &Intake,
    lane: Option<&LaneWriter>,
) -> Facts {
    let &LocalSpan { number, order, site, .. } = local;
    let (fate, anchor) = match (number.is_lost(), local.raw) {
        (false, raw) => (Fate::Recorded, Anchor::Local(raw)),
        (true, 0) => (Fate::Lost, Anchor::Root),
        (true, raw) => (Fate::Lost, Anchor::Local(raw)),
    };
    Facts {
        name: Name::from_static(site.name()),
        context: SpanContext {
            trace_id: short.trace,
            span_id: intake.ids.span_id(raw),
            is_remote: false,
            trace_flags: short.flags,
        },
        raw,
        anchor,
        order,
        lane: match lane {
            Some(lane) if number.is_ordinary() => Some(lane.id),
            _ => number.kept_elsewhere(),
        },
        fate,
    }
}

/// The span that was local and had this number.
pub(crate) fn take_settled(number: LocalNumber) -> Option<Span> {
    let take = |settled: &mut Vec<(LocalNumber, Span)>| {
        let place = settled.iter().rposition(|(settled, _)| *settled == number)?;
        Some(settled.swap_remove(place).1)
    };
    match THREAD.try_with(|thread| take(&mut thread.try_borrow_mut().ok()?.short.settled)) {
        Ok(taken) => taken,
        Err(_) => LEFT.with(|left| {
            let mut left = left.try_borrow_mut().ok()?;
            let taken = take(&mut left);
            if left.is_empty() {
                **left = Vec::new();
            }
            taken
        }),
    }
}

thread_local! {
    /// Spans whose guards end after what the thread records with: they stand in other values that are
    /// local to the thread. This is there as long as the thread is, because it has no destructor; what
    /// stays in it are spans whose guards were forgotten.
    static LEFT: RefCell<ManuallyDrop<Vec<(LocalNumber, Span)>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// Leaves the spans of an ending thread to their guards.
pub(in crate::recorder) fn leave(thread: &mut Thread) {
    settle_all(thread, |_, _| ());
    let settled = &mut thread.short.settled;
    settled.retain(|(_, span)| !span.is_stopped());
    if !settled.is_empty() {
        LEFT.with_borrow_mut(|left| left.append(settled));
    }
}
