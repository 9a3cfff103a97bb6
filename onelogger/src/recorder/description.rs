//! What a caller says of a span: what it hangs under, how it starts, how it stops.

use super::Span;
use crate::data::{
    Attributes, InstrumentationScope, Level, Link, Name, Outcome, SpanContext, SpanKind, Timestamp,
    Value,
};

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
