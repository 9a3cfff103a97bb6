use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use super::Configured;
use super::thread::keep_idle;
use crate::data::{Link, Name, SpanContext, TraceFlags};
use crate::pipeline::intake::Intake;
use crate::sync::Flag;

/// A span.
///
/// A handle: clones are the same span, and it may be stopped on another thread than the one that
/// started it. Dropping it does not stop the span; a span that is never stopped is stopped, and
/// marked so, when the recorder is closed. Until then it takes memory, and stays the parent of what
/// its thread starts.
#[derive(Clone, Default)]
pub struct Span(Option<Arc<Shared>>);

enum Shared {
    /// One that a recorder of this process has started.
    Own(Inner),
    /// One of which nothing is known but this.
    Known(SpanContext),
}

pub(super) struct Inner {
    pub(super) facts: Facts,
    pub(super) is_stopped: Flag,
    pub(super) intake: Arc<Intake>,
    /// What it was started through, if that was a handle or a macro.
    pub(super) owner: OnceLock<Weak<Configured>>,
}

/// What does not change while a span is open.
pub(super) struct Facts {
    pub(super) name: Name,
    pub(super) context: SpanContext,
    /// The id within the recorder's lanes.
    pub(super) raw: u64,
    /// What children hang under: this span if it is recorded, else what it hangs under itself.
    pub(super) anchor: Anchor,
    /// The order word of the start: nothing that concerns the span comes before it.
    pub(super) order: u64,
    /// The lane that keeps room for the stop, if one does.
    pub(super) lane: Option<u32>,
    pub(super) fate: Fate,
}

/// What a span is started through, as whoever starts it has it.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    Held(&'a Arc<Configured>),
    Known(&'a Weak<Configured>),
}

impl Owner<'_> {
    /// Tells whether it is another one, without a write to its counts, which all threads share.
    fn as_ptr(self) -> *const Configured {
        match self {
            Owner::Held(owner) => Arc::as_ptr(owner),
            Owner::Known(owner) => owner.as_ptr(),
        }
    }

    fn to_keep(owner: Option<Owner<'_>>) -> OnceLock<Weak<Configured>> {
        let kept = owner.map(|owner| match owner {
            Owner::Held(owner) => Arc::downgrade(owner),
            Owner::Known(owner) => Weak::clone(owner),
        });
        kept.map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl Facts {
    /// Replaces all of them, one by one: as a whole they would be put together elsewhere first.
    #[inline]
    fn set(&mut self, facts: Facts) {
        let Facts { name, context, raw, anchor, order, lane, fate } = facts;
        self.name = name;
        self.context = context;
        self.raw = raw;
        self.anchor = anchor;
        self.order = order;
        self.lane = lane;
        self.fate = fate;
    }
}

/// The span that children are recorded under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// None: they are roots.
    Root,
    /// A span of the same recorder, by its raw id.
    Local(u64),
    /// A span of another process or another recorder.
    Remote(SpanContext),
}

/// What became of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Recorded,
    /// The filter or the sampler holds the span back, and all that concerns it.
    Withheld,
    /// There was no room for it.
    Lost,
    /// It can never fit.
    TooLarge,
}

impl Span {
    /// A span that is not recorded. Everything that is done with it does nothing.
    pub const fn disabled() -> Span {
        Span(None)
    }

    /// A span of which nothing is known but its ids: one of another process, or one of this process
    /// that another library holds. A disabled span if the ids are not valid.
    ///
    /// It can be a parent, get events and errors, also when it is over, and be current. Whoever holds
    /// it stops it: a stop or an attribute that it gets here does nothing.
    ///
    /// ```
    /// use onelogger::{Event, Span};
    /// let capture = onelogger::testing::capture();
    /// let recorder = onelogger::recorder();
    /// let span = recorder.start("load")?;
    /// recorder.event(&Span::from_context(span.context()), Event::new("progress"))?;
    /// # let records = capture.finish();
    /// # let onelogger::Record::Event(event) = &records[1] else { panic!() };
    /// # assert_eq!((event.span_id, event.trace_id), (span.context().span_id, span.context().trace_id));
    /// # Ok::<(), onelogger::recorder::RecordError>(())
    /// ```
    pub fn from_context(context: SpanContext) -> Span {
        Span(context.is_valid().then(|| Arc::new(Shared::Known(context))))
    }

    pub(super) fn new(facts: Facts, intake: &Arc<Intake>, owner: Option<Owner<'_>>) -> Span {
        Span(Some(Arc::new(Shared::Own(Inner {
            facts,
            is_stopped: Flag::new(),
            intake: Arc::clone(intake),
            owner: Owner::to_keep(owner),
        }))))
    }

    #[inline]
    pub(super) fn inner(&self) -> Option<&Inner> {
        match self.0.as_deref()? {
            Shared::Own(inner) => Some(inner),
            Shared::Known(_) => None,
        }
    }

    /// The ids of a span of which nothing else is known.
    pub(crate) fn known(&self) -> Option<SpanContext> {
        self.known_ids().copied()
    }

    pub(super) fn known_ids(&self) -> Option<&SpanContext> {
        match self.0.as_deref()? {
            Shared::Own(_) => None,
            Shared::Known(context) => Some(context),
        }
    }

    /// The name; empty for a disabled span.
    pub fn name(&self) -> &str {
        self.inner().map_or("", |inner| inner.facts.name.as_str())
    }

    /// Trace id and span id; invalid for a disabled span.
    pub fn context(&self) -> SpanContext {
        self.inner().map_or_else(|| self.known().unwrap_or_default(), |inner| inner.facts.context)
    }

    /// Trace id and span id of the span that others are to hang under, in other processes or other
    /// libraries, so that their parent is one that exporters have seen: of this span if it is
    /// recorded, else of what it hangs under itself. A span that is not sampled says so itself, for
    /// those who do as their parent does. None for a disabled span.
    pub fn propagated(&self) -> Option<SpanContext> {
        let Some(inner) = self.inner() else { return self.known() };
        let context = inner.facts.context;
        if !context.trace_flags.is_sampled() {
            return Some(context);
        }
        Some(match inner.facts.anchor {
            Anchor::Local(raw) => SpanContext { span_id: inner.intake.ids.span_id(raw), ..context },
            Anchor::Remote(context) => context,
            Anchor::Root => {
                let trace_flags = context.trace_flags.with(TraceFlags::UNRECORDED);
                SpanContext { trace_flags, ..context }
            }
        })
    }

    /// Whether what is recorded of the span reaches exporters.
    pub fn is_recording(&self) -> bool {
        self.inner().is_some_and(|inner| inner.facts.fate == Fate::Recorded && !inner.is_over())
    }

    /// Whether the span was stopped, or its recorder closed. A disabled span never is.
    pub fn is_stopped(&self) -> bool {
        self.inner().is_some_and(Inner::is_over)
    }

    /// Whether the span's recorder is closed. Then the span is over: the close has stopped it, and
    /// this call is counted there, once.
    pub(crate) fn ends_late(&self) -> bool {
        let Some(inner) = self.inner() else { return false };
        let is_late = inner.intake.is_closed.is_raised();
        if is_late && inner.is_stopped.raise() {
            inner.intake.late_stops.add(1);
        }
        is_late
    }

    /// Says what the span was started through. The first call counts.
    pub(crate) fn set_owner(&self, owner: &Arc<Configured>) {
        if let Some(inner) = self.inner().filter(|inner| inner.owner.get().is_none()) {
            let _ = inner.owner.set(Arc::downgrade(owner));
        }
    }

    /// Whether it was started through this, or nobody knows through what.
    pub(crate) fn is_owned_by(&self, owner: &Arc<Configured>) -> bool {
        let known = self.inner().and_then(|inner| inner.owner.get());
        known.is_none_or(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(owner)))
    }

    /// Whether it is known what it was started through, and that is still there.
    pub(crate) fn has_owner(&self) -> bool {
        let owner = self.inner().and_then(|inner| inner.owner.get());
        owner.is_some_and(|owner| owner.strong_count() > 0)
    }

    /// What the span was started through, if that is known and still there.
    pub(crate) fn owner(&self) -> Option<Arc<Configured>> {
        self.inner()?.owner.get()?.upgrade()
    }

    /// Gives up the handle of a span that is over; its memory is used again if it was the last one.
    pub(crate) fn retire(self) {
        keep_idle(self);
    }

    /// Whether this is a disabled span.
    pub fn is_disabled(&self) -> bool {
        self.0.is_none()
    }
}

impl Inner {
    fn is_over(&self) -> bool {
        self.is_stopped.is_raised()
            || self.intake.is_closed.is_raised()
            || self.intake.is_inherited()
    }
}

/// Spans that nobody holds any more, whose memory is used again.
#[derive(Default)]
pub(super) struct IdleSpans(Vec<Arc<Shared>>);

impl IdleSpans {
    /// A span; in the memory of an idle one, if there is one.
    #[inline]
    pub(super) fn span(
        &mut self,
        facts: Facts,
        intake: &Arc<Intake>,
        owner: Option<Owner<'_>>,
    ) -> Span {
        if let Some(mut idle) = self.0.pop()
            && let Some(Shared::Own(inner)) = Arc::get_mut(&mut idle)
        {
            let known = inner.owner.get().map(Weak::as_ptr);
            if known != owner.map(Owner::as_ptr) {
                inner.owner = Owner::to_keep(owner);
            }
            inner.facts.set(facts);
            inner.is_stopped = Flag::new();
            return Span(Some(idle));
        }
        Span::new(facts, intake, owner)
    }

    /// Keeps the memory of a span of the same intake, unless somebody else holds it or there is enough.
    pub(super) fn keep(&mut self, span: Span) {
        /// As deep as a thread may nest spans without asking for memory.
        const KEPT: usize = 64;
        if let Some(inner) = span.0
            && self.0.len() < KEPT
            && Arc::strong_count(&inner) == 1
        {
            self.0.push(inner);
        }
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Span) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => match (&**a, &**b) {
                (Shared::Known(a), Shared::Known(b)) => a == b,
                _ => Arc::ptr_eq(a, b),
            },
            (None, None) => true,
            _ => false,
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.context();
        f.debug_struct("Span")
            .field("name", &self.name())
            .field("trace_id", &context.trace_id)
            .field("span_id", &context.span_id)
            .finish_non_exhaustive()
    }
}

impl From<&Span> for Link {
    fn from(span: &Span) -> Link {
        Link::from(span.context())
    }
}
