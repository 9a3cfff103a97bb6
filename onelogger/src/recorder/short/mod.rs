//! The short way of macros: spans that only their thread knows.
//!
//! Most spans are opened by a macro, closed by their guard, and never shown to anybody. For these a
//! handle with its shared memory is more work than the record. So where nothing out of the ordinary is in
//! force, which is looked into once ([`open_way`]) and holds until something changes, a span is an entry in
//! a list of its thread and the number of that entry in its guard.
//!
//! Whoever wants more calls [`settle`]: the local spans become ordinary ones, with handles, and the short
//! way is closed until it is opened anew. The context does so before anybody looks at it; so nothing
//! outside of this folder knows of local spans but the guards, which ask for the handles of theirs
//! ([`take_settled`]), and the futures, which take theirs off between two polls ([`park()`]).

mod at_length;
mod park;
mod settle;

use std::num::NonZero;
use std::sync::{Arc, Weak};

pub(crate) use at_length::{event_at_length, start_at_length};
pub(crate) use park::{Parked, leave_parked, park};
pub(super) use settle::leave;
pub(crate) use settle::{settle, take_settled};

use super::span::{Anchor, Fate};
use super::thread::{THREAD, Thread, ThreadLane};
use super::{Configured, Direct, Span};
use crate::data::codec::{
    STOP_WORDS, short_event, short_start, short_start_with, short_stop, short_update,
};
use crate::data::{Argument, Callsite, Outcome, SpanId, TraceFlags, TraceId};
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
    settled: Vec<(LocalNumber, Span)>,
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
    number: LocalNumber,
    /// Of a span that is lost, that of the one which what is below it hangs under.
    raw: u64,
    order: u64,
    site: &'static Callsite,
}

/// The number of a span among all that were local to its thread: raw ids repeat from one recorder to the
/// next. The highest bit says that the start found no room, the next one that the span has come from another
/// thread: then the rest of the upper half is the number of the lane that keeps room for its stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalNumber(NonZero<u64>);

impl LocalNumber {
    const LOST: u64 = 1 << 63;
    const ELSEWHERE: u64 = 1 << 62;

    /// Of a span for whose stop another lane keeps room; `None` if the lane's number is too large. Of the
    /// count half will do: the span is local for one poll.
    fn elsewhere(count: u64, lane: u32) -> Option<LocalNumber> {
        let lane = u64::from(lane) << 32;
        let number = LocalNumber::ELSEWHERE | lane | u64::from(count as u32);
        NonZero::new(number).filter(|_| lane < LocalNumber::ELSEWHERE).map(LocalNumber)
    }

    /// The other lane that keeps room for the stop, if one does.
    fn kept_elsewhere(self) -> Option<u32> {
        let number = self.0.get() & !LocalNumber::LOST;
        number.checked_sub(LocalNumber::ELSEWHERE).map(|number| (number >> 32) as u32)
    }

    #[inline(always)]
    fn is_lost(self) -> bool {
        self.0.get() & LocalNumber::LOST != 0
    }

    /// Whether the start is recorded, and its lane is the one that the short way leads to.
    #[inline(always)]
    fn is_ordinary(self) -> bool {
        self.0.get() & (LocalNumber::LOST | LocalNumber::ELSEWHERE) == 0
    }
}

/// What became of something on the short way.
pub(crate) enum Way<T> {
    Gone(T),
    /// It is closed, and may be opened.
    Closed,
    /// It is open, and what is to be recorded does not fit.
    Barred,
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
    /// Its raw id, or that of what it hangs under if it is lost, 0 if there is no span; the earliest that may
    /// come after its start; and whether it is lost. `None` if it is not, or not any more, what a span hangs
    /// under that starts now, or what an event belongs to.
    #[inline(never)]
    fn current(&self, is_for_start: bool) -> Option<(u64, u64, bool)> {
        let (span, is_over_allowed) = match self {
            Base::Root => return Some((0, 0, false)),
            Base::Open(span) => (span, false),
            Base::Origin(span) => (span, is_for_start),
        };
        let inner = span.inner()?;
        let is_current = is_over_allowed || !inner.is_stopped.is_raised();
        let raw = match inner.facts.anchor {
            Anchor::Local(raw) => raw,
            Anchor::Root | Anchor::Remote(_) => 0,
        };
        let is_lost = inner.facts.fate == Fate::Lost;
        is_current.then_some((raw, inner.facts.order + 1, is_lost))
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

    /// A span that hangs under nothing, with this raw id, begins a trace; but for one that hangs under
    /// nothing because what it was to hang under is lost.
    #[cold]
    #[inline(never)]
    fn begin_trace(&mut self, intake: &Intake, root: u64) {
        if self.is_at_root() {
            self.trace = intake.ids.trace_id(root);
            self.flags = TraceFlags::default();
        }
    }

    #[inline]
    fn is_at_root(&self) -> bool {
        self.spans.is_empty() && matches!(self.base, Base::Root)
    }

    /// Whether a span of this trace may be the innermost local one: all of them are of one trace.
    #[inline]
    fn enter_trace(&mut self, trace: TraceId, flags: TraceFlags) -> bool {
        if self.is_at_root() {
            (self.trace, self.flags) = (trace, flags);
        }
        self.trace == trace && self.flags == flags
    }

    /// What a span that starts now hangs under: its raw id, and the earliest that may come after its start.
    #[inline(always)]
    fn parent(&self) -> Option<(u64, u64)> {
        match self.spans.last() {
            Some(span) => Some((span.raw, span.order + 1)),
            None => self.base.current(true).map(|(raw, earliest, _)| (raw, earliest)),
        }
    }

    /// What an event of now belongs to, in the same way, and whether that is lost.
    #[inline(always)]
    fn subject(&self) -> Option<(u64, u64, bool)> {
        match self.spans.last() {
            Some(span) => Some((span.raw, span.order + 1, span.number.is_lost())),
            None => self.base.current(false),
        }
    }

    /// Makes a span the innermost.
    #[inline(always)]
    fn push(&mut self, site: &'static Callsite, raw: u64, order: u64, lost: u64) -> LocalNumber {
        self.count += 1;
        // It never wraps around: a thread would have to start a span each nanosecond for centuries.
        let number = LocalNumber(NonZero::<u64>::MIN.saturating_add(self.count - 1) | lost);
        self.spans.push(LocalSpan { number, raw, order, site });
        number
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
                    let is_known = matches!(
                        (inner.facts.fate, inner.facts.anchor),
                        (Fate::Recorded, _) | (Fate::Lost, Anchor::Root | Anchor::Local(_))
                    );
                    is_known && Arc::ptr_eq(&inner.intake, &self.intake)
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
            if !std::ptr::eq(short.owner.as_ptr(), Arc::as_ptr(owner)) {
                short.owner = Arc::downgrade(owner);
                short.intake = Some(Arc::clone(&self.intake));
            }
            (short.base, short.outside, short.epoch) = (base, outside, epoch);
            Some(())
        });
        opened.is_ok_and(|opened| opened.is_some())
    }
}

/// Calls `work` with what a thread has that is on the short way; `None` where that is closed.
#[inline(always)]
fn on_the_way<T>(work: impl FnOnce(&mut Short, &mut LaneWriter, &Arc<Intake>) -> T) -> Option<T> {
    let worked = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        if !short.is_open() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        Some(work(short, &mut lane.writer, &lane.intake))
    });
    worked.ok().flatten()
}

/// Whether nothing is current on the short way, so that a root is what any span would be.
pub(crate) fn is_at_root() -> bool {
    on_the_way(|short, _, _| short.is_at_root()) == Some(true)
}

/// Starts a span under what is current, on the short way; `None` if that is closed, or something is
/// looked at that is not looked at here. `callsite` is the number of `site`.
#[inline(always)]
pub(crate) fn start(site: &'static Callsite, callsite: u32) -> Option<LocalNumber> {
    start_by(site, |lane, intake, [order, raw, parent]| {
        let words = short_start(callsite, order, raw, parent);
        lane.publish_words(words, Claim::Reserve(STOP_WORDS), intake)
    })
}

/// The same with attributes.
#[inline(always)]
pub(crate) fn start_with(
    site: &'static Callsite,
    callsite: u32,
    attributes: &[Argument<'_>],
) -> Option<LocalNumber> {
    start_by(site, |lane, _, fixed| {
        lane.publish_in_place(Claim::Reserve(STOP_WORDS), |words| {
            short_start_with(words, callsite, fixed, attributes)
        })
    })
}

/// `publish` gets the order, the raw id, and that of what the span hangs under.
#[inline(always)]
fn start_by(
    site: &'static Callsite,
    publish: impl FnOnce(&mut LaneWriter, &Intake, [u64; 3]) -> Option<()>,
) -> Option<LocalNumber> {
    let started = on_the_way(|short, lane, intake| {
        let (parent, earliest) = short.parent()?;
        let raw = lane.ids.next(&intake.ids);
        if parent == 0 {
            short.begin_trace(intake, raw);
        }
        lane.enter_trace(short.trace, intake)?;
        let order = lane.order(intake).max(earliest);
        publish(lane, intake, [order, raw, parent])?;
        Some(short.push(site, raw, order, 0))
    });
    started.flatten()
}

/// Stops the innermost local span, if it is the one with this number and the short way is still open.
#[inline(always)]
pub(crate) fn stop(number: LocalNumber) -> bool {
    let stopped = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let Thread { lanes, short } = &mut *thread;
        let &LocalSpan { raw, order, .. } = short.spans.last().filter(|it| it.number == number)?;
        if short.epoch != epoch() {
            return None;
        }
        let lane = lanes.0.first_mut()?;
        if number.is_ordinary() {
            let order = lane.writer.order(&lane.intake).max(order + 1);
            let claim = Claim::Use(STOP_WORDS);
            lane.writer.publish_words(short_stop(order, raw, Outcome::Ok), claim, &lane.intake)?;
        } else {
            stop_otherwise(number, raw, order, lane)?;
        }
        short.spans.pop();
        Some(())
    });
    matches!(stopped, Ok(Some(())))
}

/// Stops a span that is lost, or for whose stop no room is kept here.
#[cold]
fn stop_otherwise(number: LocalNumber, raw: u64, order: u64, lane: &mut ThreadLane) -> Option<()> {
    let ThreadLane { writer, intake, .. } = lane;
    if number.is_lost() {
        return writer.counts.full.add_one().then_some(());
    }
    let order = writer.order(intake).max(order + 1);
    writer.publish_words(short_stop(order, raw, Outcome::Ok), Claim::Nothing, intake)
}

/// Whether the short way is open, as far as this thread knows.
pub(crate) fn is_open() -> bool {
    with_open(|_| ()).is_some()
}

/// Whether the span with this number is local still, and so is open.
pub(crate) fn is_local(number: LocalNumber) -> bool {
    with_open(|short| short.spans.iter().any(|it| it.number == number)) == Some(true)
}

/// Whether it is the innermost.
#[inline]
pub(crate) fn is_innermost(number: LocalNumber) -> bool {
    with_open(|short| short.spans.last().is_some_and(|it| it.number == number)) == Some(true)
}

/// Whether what is recorded of the span with this number reaches exporters; `None` if it is not local.
pub(crate) fn is_recording(number: LocalNumber) -> Option<bool> {
    is_local(number).then(|| !number.is_lost())
}

fn with_open<T>(look: impl FnOnce(&Short) -> T) -> Option<T> {
    let looked = THREAD.try_with(|thread| {
        let thread = thread.try_borrow().ok()?;
        (thread.short.epoch == epoch()).then(|| look(&thread.short))
    });
    looked.ok().flatten()
}

/// Records an event of what is current, on the short way; whether that was done.
#[inline(always)]
pub(crate) fn event(callsite: u32, attributes: &[Argument<'_>]) -> bool {
    let recorded = on_the_way(|short, lane, intake| {
        let (span, earliest, is_lost) = short.subject()?;
        if is_lost {
            return None;
        }
        if span != 0 {
            lane.enter_trace(short.trace, intake)?;
        }
        let fixed = [lane.order(intake).max(earliest), span];
        lane.publish_in_place(Claim::Nothing, |words| {
            short_event(words, callsite, fixed, attributes)
        })
    });
    matches!(recorded, Some(Some(())))
}

/// Adds an attribute to a local span; whether that could be done on the short way.
pub(crate) fn set(number: LocalNumber, key: &str, value: &Argument<'_>) -> bool {
    let set = on_the_way(|short, lane, intake| {
        let &LocalSpan { raw, order, .. } = short.spans.iter().rfind(|it| it.number == number)?;
        if number.is_lost() {
            return lane.counts.full.add_one().then_some(());
        }
        lane.enter_trace(short.trace, intake)?;
        let fixed = [lane.order(intake).max(order + 1), raw];
        lane.publish_in_place(Claim::Nothing, |words| short_update(words, fixed, key, value))
    });
    matches!(set, Some(Some(())))
}
