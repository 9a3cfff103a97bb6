//! The short way of macros: spans that only their thread knows.
//!
//! Most spans are opened by a macro, closed by their guard, and never shown to anybody. For these a
//! handle with its shared memory is more work than the record. So where nothing out of the ordinary is in
//! force, which is looked into once ([`open_way`]) and holds until something changes, a span is an entry in
//! a list of its thread and the number of that entry in its guard.
//!
//! Whoever wants more calls [`settle`]: the local spans become ordinary ones, with handles, and the short
//! way is closed until it is opened anew. The context does so before anybody looks at it; so nothing
//! outside of this file knows of local spans but the guards, which ask for the handles of theirs
//! ([`take_settled`]).

use std::num::NonZero;
use std::sync::{Arc, Weak};

use super::span::{Anchor, Facts, Fate};
use super::thread::{THREAD, Thread};
use super::{Configured, Direct, Span};
use crate::data::codec::{STOP_WORDS, short_event, short_start, short_start_with, short_stop};
use crate::data::{Argument, Callsite, Name, SpanContext, SpanId, TraceFlags, TraceId};
use crate::pipeline::intake::{Intake, LaneWriter};
use crate::pipeline::is_pipeline_thread;
use crate::sync::{Claim, epoch};

/// What a thread has open on the short way. Its lane is the thread's first one.
pub(super) struct Short {
    /// The [`epoch`] in which the way was opened; 0 where it is closed.
    epoch: u64,
    /// What must be active of another library: what was when the way was opened.
    outside: Outside,
    /// How many spans were local.
    count: u64,
    /// The innermost last.
    spans: Vec<LocalSpan>,
    /// What the outermost of them hangs under.
    base: Base,
    /// The trace that they, and what hangs under the base, belong to; under none, that of the last one.
    trace: TraceId,
    flags: TraceFlags,
    /// What the spans are started through.
    owner: Weak<Configured>,
    intake: Option<Arc<Intake>>,
    /// Spans that were local, for their guards.
    settled: Vec<(NonZero<u64>, Span)>,
}

/// What is active of another tracing library.
#[derive(Clone, Copy)]
pub(crate) struct Outside {
    /// Says what is active now, if there is such a library.
    pub(crate) active: Option<fn() -> SpanId>,
    pub(crate) expected: SpanId,
}

/// A span that its guard and its thread know, and nobody else.
#[derive(Clone, Copy)]
struct LocalSpan {
    /// Among all that were local to the thread: raw ids repeat from one recorder to the next.
    number: NonZero<u64>,
    raw: u64,
    order: u64,
    site: &'static Callsite,
}

/// The span that is current where no local one is.
pub(crate) enum Base {
    /// None.
    Root,
    /// An open span of the same recorder.
    Open(Span),
    /// One of the same recorder that may be over: what a task starts later still hangs under it.
    Origin(Span),
}

impl Base {
    /// Its raw id, 0 if there is no span, and the earliest that may come after its start; `None` if it is
    /// not, or not any more, what a span hangs under that starts now, or what an event belongs to.
    #[inline(never)]
    fn current(&self, is_for_start: bool) -> Option<(u64, u64)> {
        let (span, is_over_allowed) = match self {
            Base::Root => return Some((0, 0)),
            Base::Open(span) => (span, false),
            Base::Origin(span) => (span, is_for_start),
        };
        let inner = span.inner()?;
        let is_current = is_over_allowed || !inner.is_stopped.is_raised();
        is_current.then_some((inner.facts.raw, inner.facts.order + 1))
    }
}

impl Short {
    pub(super) const CLOSED: Short = Short {
        epoch: 0,
        outside: Outside { active: None, expected: SpanId::INVALID },
        count: 0,
        spans: Vec::new(),
        base: Base::Root,
        trace: TraceId::INVALID,
        flags: TraceFlags::NONE,
        owner: Weak::new(),
        intake: None,
        settled: Vec::new(),
    };

    /// Whether the way is open, and leads to where it did.
    #[inline(always)]
    fn is_open(&self) -> bool {
        self.epoch == epoch() && !is_pipeline_thread() && !self.outside.has_changed()
    }

    #[cold]
    #[inline(never)]
    fn begin_trace(&mut self, intake: &Intake, root: u64) {
        self.trace = intake.ids.trace_id(root);
    }

    /// What is current: its raw id, and the earliest that may come after its start.
    #[inline(always)]
    fn current(&self, is_for_start: bool) -> Option<(u64, u64)> {
        match self.spans.last() {
            Some(span) => Some((span.raw, span.order + 1)),
            None => self.base.current(is_for_start),
        }
    }
}

impl Outside {
    #[inline(always)]
    fn has_changed(self) -> bool {
        self.active.is_some_and(|active| active() != self.expected)
    }
}

impl Direct {
    /// Opens the short way for the current thread, if this recorder can be reached by it. The `epoch` is of
    /// before it was looked at what is in force.
    pub(crate) fn open_way(
        &self,
        epoch: u64,
        base: Base,
        outside: Outside,
        owner: &Arc<Configured>,
    ) -> bool {
        let is_ordinary = self.open_pipeline().is_ok_and(|it| !it.is_synchronous())
            && self.filter.accepts_all()
            && match &base {
                Base::Root => self.sampling.takes_all(),
                // Whichever sampler has taken it takes what is below it.
                Base::Open(span) | Base::Origin(span) => span.inner().is_some_and(|inner| {
                    Arc::ptr_eq(&inner.intake, &self.intake) && inner.facts.fate == Fate::Recorded
                }),
            };
        if !is_ordinary {
            return false;
        }
        let opened = THREAD.try_with(|thread| {
            let mut thread = thread.try_borrow_mut().ok()?;
            let Thread { lanes, short } = &mut *thread;
            lanes.of(&self.intake)?;
            let place = lanes.0.iter().position(|lane| Arc::ptr_eq(&lane.intake, &self.intake))?;
            lanes.0.swap(0, place);
            // Those that are local are of the recorder that they were opened with.
            if !short.spans.is_empty() {
                return None;
            }
            (short.trace, short.flags) = match &base {
                Base::Root => (TraceId::INVALID, TraceFlags::default()),
                Base::Open(span) | Base::Origin(span) => {
                    let context = span.inner()?.facts.context;
                    (context.trace_id, context.trace_flags.of_child())
                }
            };
            short.intake = Some(Arc::clone(&self.intake));
            short.owner = Arc::downgrade(owner);
            (short.base, short.outside, short.epoch) = (base, outside, epoch);
            Some(())
        });
        opened.is_ok_and(|opened| opened.is_some())
    }
}

/// Starts a span under what is current, on the short way: its number, if that is open and there is room.
/// `callsite` is the number of `site`.
#[inline(always)]
pub(crate) fn start(site: &'static Callsite, callsite: u32) -> Option<NonZero<u64>> {
    start_by(site, |lane, intake, [order, raw, parent]| {
        let words = short_start(callsite, order, raw, parent);
        lane.publish_words(words, Claim::Reserve(STOP_WORDS), intake)
    })
}

/// The same with attributes, of itself and of its start event. No code of the application's own may be left
/// to be run for their values.
#[inline(always)]
pub(crate) fn start_with(
    site: &'static Callsite,
    callsite: u32,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<NonZero<u64>> {
    start_by(site, |lane, _, fixed| {
        lane.publish_in_place(Claim::Reserve(STOP_WORDS), |words| {
            short_start_with(words, callsite, fixed, attributes, start_attributes)
        })
    })
}

/// `publish` gets the order, the raw id, and that of what the span hangs under.
#[inline(always)]
fn start_by(
    site: &'static Callsite,
    publish: impl FnOnce(&mut LaneWriter, &Intake, [u64; 3]) -> Option<()>,
) -> Option<NonZero<u64>> {
    let started = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        if !short.is_open() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        let (intake, lane) = (&*lane.intake, &mut lane.writer);
        let (parent, earliest) = short.current(true)?;
        let raw = lane.ids.next(&intake.ids);
        if parent == 0 {
            short.begin_trace(intake, raw);
        }
        lane.enter_trace(short.trace, intake)?;
        let order = lane.order(intake).max(earliest);
        publish(lane, intake, [order, raw, parent])?;
        let number = NonZero::new(short.count + 1)?;
        short.count = number.get();
        short.spans.push(LocalSpan { number, raw, order, site });
        Some(number)
    });
    started.ok().flatten()
}

/// Stops the innermost local span, if it is the one with this number and the short way is still open.
#[inline(always)]
pub(crate) fn stop(number: NonZero<u64>) -> bool {
    let stopped = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        let &LocalSpan { raw, order, .. } = short.spans.last().filter(|it| it.number == number)?;
        if short.epoch != epoch() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        let order = lane.writer.order(&lane.intake).max(order + 1);
        lane.writer.publish_words(short_stop(order, raw), Claim::Use(STOP_WORDS), &lane.intake)?;
        short.spans.pop();
        Some(())
    });
    matches!(stopped, Ok(Some(())))
}

/// Records an event of what is current, on the short way; whether that was open and had room.
#[inline(always)]
pub(crate) fn event(callsite: u32, attributes: &[Argument<'_>]) -> bool {
    let recorded = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        if !short.is_open() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        let (intake, lane) = (&*lane.intake, &mut lane.writer);
        let (span, earliest) = short.current(false)?;
        if span != 0 {
            lane.enter_trace(short.trace, intake)?;
        }
        let fixed = [lane.order(intake).max(earliest), span];
        lane.publish_in_place(Claim::Nothing, |words| {
            short_event(words, callsite, fixed, attributes)
        })
    });
    matches!(recorded, Ok(Some(())))
}

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
    let Some(intake) = short.intake.clone() else { return };
    let owner = short.owner.upgrade();
    let (trace, flags) = (short.trace, short.flags);
    for LocalSpan { number, raw, order, site } in short.spans.drain(..) {
        let lane = lanes.0.iter_mut().find(|lane| Arc::ptr_eq(&lane.intake, &intake));
        let facts = Facts {
            name: Name::from_static(site.name()),
            context: SpanContext {
                trace_id: trace,
                span_id: intake.ids.span_id(raw),
                is_remote: false,
                trace_flags: flags,
            },
            raw,
            anchor: Anchor::Local(raw),
            order,
            lane: lane.as_ref().map(|lane| lane.writer.id),
            fate: Fate::Recorded,
        };
        let span = match lane {
            Some(lane) => lane.idle.span(facts, &intake, owner.as_ref()),
            None => Span::new(facts, &intake, owner.as_ref()),
        };
        place(&span, short.outside.expected);
        if short.settled.len() == short.settled.capacity() {
            // Those whose guards were forgotten.
            short.settled.retain(|(_, span)| !span.is_stopped());
        }
        short.settled.push((number, span));
    }
}

/// The span that was local and had this number.
pub(crate) fn take_settled(number: NonZero<u64>) -> Option<Span> {
    let taken = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let settled = &mut thread.short.settled;
        let place = settled.iter().rposition(|(settled, _)| *settled == number)?;
        Some(settled.swap_remove(place).1)
    });
    taken.ok().flatten()
}
