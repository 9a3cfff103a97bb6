use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use super::Configured;
use super::producer::keep_idle;
use crate::data::{
    Attributes, InstrumentationScope, Level, Link, Name, Outcome, SpanContext, SpanKind, Timestamp,
    TraceFlags, Value,
};
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
        owner: Option<&Arc<Configured>>,
    ) -> Span {
        if let Some(mut idle) = self.0.pop()
            && let Some(Shared::Own(inner)) = Arc::get_mut(&mut idle)
        {
            let known = inner.owner.get().map(Weak::as_ptr);
            if known != owner.map(Arc::as_ptr) {
                inner.owner = owner.map(Arc::downgrade).map_or_else(OnceLock::new, OnceLock::from);
            }
            inner.facts.set(facts);
            inner.is_stopped = Flag::new();
            return Span(Some(idle));
        }
        Span(Some(Arc::new(Shared::Own(Inner {
            facts,
            is_stopped: Flag::new(),
            intake: Arc::clone(intake),
            owner: owner.map(Arc::downgrade).map_or_else(OnceLock::new, OnceLock::from),
        }))))
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

/// What a new span hangs under.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum SpanParent {
    /// The current span of the thread or task, if there is one.
    #[default]
    Current,
    /// Nothing: the span begins a trace of its own.
    Root,
    /// This span, stopped or not.
    Span(Span),
    /// A span of another process; or, where [`is_remote`](SpanContext::is_remote) is false, one of this
    /// process of which nothing is known but its ids.
    Remote(SpanContext),
}

impl From<Span> for SpanParent {
    fn from(span: Span) -> SpanParent {
        SpanParent::Span(span)
    }
}

impl From<&Span> for SpanParent {
    fn from(span: &Span) -> SpanParent {
        SpanParent::Span(span.clone())
    }
}

impl From<&Span> for Link {
    fn from(span: &Span) -> Link {
        Link::from(span.context())
    }
}

impl From<SpanContext> for SpanParent {
    fn from(context: SpanContext) -> SpanParent {
        SpanParent::Remote(context)
    }
}

/// Without a value the parent is the current span.
impl<P: Into<SpanParent>> From<Option<P>> for SpanParent {
    fn from(parent: Option<P>) -> SpanParent {
        parent.map_or(SpanParent::Current, P::into)
    }
}

/// A span to be started.
///
/// ```
/// use onelogger::{SpanBuilder, SpanKind};
/// let span = SpanBuilder::new("fetch").kind(SpanKind::Client).with("url", "/shard/3");
/// # assert_eq!(span.attributes.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct SpanBuilder {
    /// The name.
    pub name: Name,
    /// The attributes known at the start.
    pub attributes: Attributes,
    /// The attributes of the start event.
    pub start_attributes: Attributes,
    /// When it started, if not now.
    pub start_time: Option<Timestamp>,
    /// What it hangs under.
    pub parent: SpanParent,
    /// Its kind.
    pub kind: SpanKind,
    /// Its level.
    pub level: Level,
    /// The group it can be switched with.
    pub group: Option<Name>,
    /// Links to other spans.
    pub links: Vec<Link>,
    /// The code that starts it, if that is known.
    pub scope: Option<InstrumentationScope>,
}

impl SpanBuilder {
    /// A span of this name, under the current one.
    pub fn new(name: impl Into<Name>) -> SpanBuilder {
        SpanBuilder {
            name: name.into(),
            attributes: Attributes::new(),
            start_attributes: Attributes::new(),
            start_time: None,
            parent: SpanParent::Current,
            kind: SpanKind::Internal,
            level: Level::Info,
            group: None,
            links: Vec::new(),
            scope: None,
        }
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> SpanBuilder {
        self.attributes.set(name, value);
        self
    }

    /// Adds or replaces attributes.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> SpanBuilder {
        self.attributes.merge(attributes);
        self
    }

    /// Adds or replaces attributes of the start event.
    #[must_use]
    pub fn start_attributes(mut self, attributes: Attributes) -> SpanBuilder {
        self.start_attributes.merge(attributes);
        self
    }

    /// Says when it started.
    #[must_use]
    pub fn start_time(mut self, time: impl Into<Timestamp>) -> SpanBuilder {
        self.start_time = Some(time.into());
        self
    }

    /// Hangs it under this span. Under a disabled span it is a root.
    #[must_use]
    pub fn parent(mut self, parent: &Span) -> SpanBuilder {
        self.parent = SpanParent::Span(parent.clone());
        self
    }

    /// Hangs it under a span of another process.
    #[must_use]
    pub fn remote_parent(mut self, parent: SpanContext) -> SpanBuilder {
        self.parent = SpanParent::Remote(parent);
        self
    }

    /// Makes it the root of a trace.
    #[must_use]
    pub fn root(mut self) -> SpanBuilder {
        self.parent = SpanParent::Root;
        self
    }

    /// Sets its kind.
    #[must_use]
    pub fn kind(mut self, kind: SpanKind) -> SpanBuilder {
        self.kind = kind;
        self
    }

    /// Sets its level.
    #[must_use]
    pub fn level(mut self, level: Level) -> SpanBuilder {
        self.level = level;
        self
    }

    /// Sets its group.
    #[must_use]
    pub fn group(mut self, group: impl Into<Name>) -> SpanBuilder {
        self.group = Some(group.into());
        self
    }

    /// Adds a link.
    #[must_use]
    pub fn link(mut self, context: SpanContext, attributes: Attributes) -> SpanBuilder {
        self.links.push(Link { context, attributes });
        self
    }

    /// Says which code starts it.
    #[must_use]
    pub fn scope(mut self, scope: InstrumentationScope) -> SpanBuilder {
        self.scope = Some(scope);
        self
    }
}

impl<N: Into<Name>> From<N> for SpanBuilder {
    fn from(name: N) -> SpanBuilder {
        SpanBuilder::new(name)
    }
}

/// How a span is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanStop {
    /// The attributes of the stop event.
    pub attributes: Attributes,
    /// When it stopped, if not now.
    pub time: Option<Timestamp>,
    /// How it ended.
    pub outcome: Outcome,
}

impl SpanStop {
    /// A stop that happens now and has nothing special to say.
    pub fn new() -> SpanStop {
        SpanStop::default()
    }

    /// Adds or replaces an attribute of the stop event.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> SpanStop {
        self.attributes.set(name, value);
        self
    }

    /// Adds or replaces attributes of the stop event.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> SpanStop {
        self.attributes.merge(attributes);
        self
    }

    /// Says when it stopped. A time before the start is taken as the start's.
    #[must_use]
    pub fn at(mut self, time: impl Into<Timestamp>) -> SpanStop {
        self.time = Some(time.into());
        self
    }

    /// Says how it ended.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> SpanStop {
        self.outcome = outcome;
        self
    }
}
