//! Which span is current, and which recorder a thread or task records with.
//!
//! Each thread has a stack of spans. The current span is the topmost that is not stopped: spans may
//! be stopped in any order and on any thread. An annotated future has a stack of its own, which takes
//! the place of the thread's for as long as a poll takes. A [`Context`] carries the current span
//! elsewhere.
//!
//! What is started elsewhere does not know the current span unless it is told:
//!
//! | to carry it to | write |
//! | --- | --- |
//! | a thread | `thread::spawn(context::wrap(move \|\| …))` |
//! | a scoped thread | `scope.spawn(context::wrap(\|\| …))` |
//! | a task | `tokio::spawn(future.with_current_context())` ([`FutureExt`]) |
//! | a blocking task | `tokio::task::spawn_blocking(context::wrap(move \|\| …))` |
//! | rayon | `rayon::join(context::wrap(a), context::wrap(b))`, `scope.spawn(\|s\| context.run(\|\| …))` |
//! | rayon's iterators | `let context = Context::capture();` `items.par_iter().for_each(\|item\| context.run(\|\| …))` |
//! | a request | `context::inject(&mut headers)`, and there `Context::extract(&headers)` ([`Injector`], [`Extractor`]) |
//! | a process | `command.envs(context::environment())`, and there [`Context::from_environment()`] |
//!
//! Futures that are polled by the same task (`join!`, `select!`, `join_all`) need none of this.
//!
//! Spans that another tracing library holds active take part, if a bridge says which
//! ([`set_foreign`]): the inner one of both worlds is the current one.
//!
//! # Across processes
//!
//! What goes to other processes has the form of the W3C standards [Trace Context][1] (level 2) and
//! [Baggage][2], in three fields:
//!
//! | field | says | comes from |
//! | --- | --- | --- |
//! | `traceparent` | which trace, and under which span | the current span, or the remote one |
//! | `tracestate` | what tracing systems on the way have to say of the trace | [`TraceState`], handed on as it came |
//! | `baggage` | what the application wants known further on | [`Context::with_baggage`] |
//!
//! What comes in is checked against the standards. A field that is malformed changes nothing.
//!
//! [1]: https://www.w3.org/TR/trace-context-2/
//! [2]: https://www.w3.org/TR/baggage/

mod foreign;
mod future;
mod future_spans;
mod in_force;
mod propagation;
pub(crate) mod short;
mod stack;

pub use foreign::{ForeignContext, set_foreign};
pub use future::{FutureExt, WithContext};
pub(crate) use future_spans::{FutureSpans, Outside};
pub(crate) use in_force::{
    in_force, is_in_force, set_of_process, try_of_process, with_in_force, with_owner,
};
pub use propagation::{
    Baggage, BaggageError, Extractor, Injector, TraceState, TraceStateError, baggage, environment,
    extractor, inject, injector, trace_state,
};

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use self::propagation::Carried;
use self::stack::{Entry, Innermost};
use crate::data::{SpanContext, SpanId};
use crate::recorder::short::settle;
use crate::recorder::{Configured, Span, SpanParent, Under};

/// What a thread hands on: its current span, what came from other processes and goes to them, and the
/// provider in force if it is not the global one.
///
/// ```
/// use onelogger::context::Context;
/// let context = Context::capture();
/// std::thread::spawn(move || {
///     let _attached = context.attach();
///     // What is recorded here hangs under the current span of the first thread.
/// })
/// .join()
/// .unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Context {
    spans: Vec<Entry>,
    /// What was current outside: where this was captured, or where the future was first polled whose
    /// stack this is. What is started here and has nothing else to hang under hangs under it, also
    /// when it is over by then.
    origin: Option<Span>,
    /// What came from other processes, or is meant for them. What is started here hangs under the
    /// remote span if there is no local one.
    carried: Option<Arc<Carried>>,
    provider: InForce,
    /// What was active of another library when this became the thread's: it is further out.
    outside: SpanId,
}

/// Which provider is in force.
#[derive(Clone, Default)]
enum InForce {
    /// That of the process.
    #[default]
    Global,
    /// One of its own; `None` if that records nothing.
    Own(Option<Arc<Configured>>),
}

thread_local! {
    static CURRENT: RefCell<Context> = const { RefCell::new(Context::EMPTY) };
}

/// Puts the thread's former context back when dropped.
#[must_use = "the context is detached when the guard is dropped"]
pub struct Attached {
    before: Option<Context>,
    /// A guard belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Context {
    const EMPTY: Context = Context {
        spans: Vec::new(),
        origin: None,
        carried: None,
        provider: InForce::Global,
        outside: SpanId::INVALID,
    };

    /// No span, no baggage, and the global provider.
    pub const fn empty() -> Context {
        Context::EMPTY
    }

    /// The current span and the provider in force, to be carried elsewhere.
    ///
    /// The span stays what it is there: what is started hangs under it even if it is over by then.
    pub fn capture() -> Context {
        Context::current()
    }

    /// Makes this the context of the current thread until the guard is dropped.
    ///
    /// Guards are to be dropped in the reverse order of their making.
    pub fn attach(mut self) -> Attached {
        self.outside = foreign::active_id();
        let before = with_current(|current| std::mem::replace(current, self));
        Attached { before, not_send: PhantomData }
    }

    /// Calls `work` in this context.
    ///
    /// May be called by several threads at the same time: each has a copy.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _attached = self.clone().attach();
        work()
    }

    /// A closure that runs in this context, wherever it is called.
    pub fn wrap<R>(self, work: impl FnOnce() -> R) -> impl FnOnce() -> R {
        move || {
            let _attached = self.attach();
            work()
        }
    }

    /// The same with another span as the current one.
    #[must_use]
    pub fn with_span(mut self, span: &Span) -> Context {
        self.push(span, SpanId::INVALID);
        self
    }

    /// Without spans, and with this provider in force.
    pub(crate) fn of(provider: Option<Arc<Configured>>) -> Context {
        Context { provider: InForce::Own(provider), ..Context::EMPTY }
    }

    /// The topmost open span that was started through this, or of which nobody knows through what.
    fn current_span_of(&self, owner: &Arc<Configured>) -> Option<&Span> {
        let is_own = |span: &&Span| span.is_owned_by(owner) && !span.is_stopped();
        self.spans.iter().rev().map(|entry| &entry.span).chain(&self.origin).find(is_own)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // Dropped outside: a span that goes with it may be the last handle of a recorder.
            let _ended = with_current(|current| std::mem::replace(current, before));
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = self.spans.iter().map(|entry| &entry.span);
        let active: Vec<_> = self.origin.iter().chain(spans).collect();
        let has_provider = matches!(self.provider, InForce::Own(_));
        f.debug_struct("Context")
            .field("spans", &active)
            .field("carried", &self.carried)
            .field("has_own_provider", &has_provider)
            .finish()
    }
}

/// The current span of this thread or task, if there is one, and it is no remote parent. In a
/// context that was captured it may be over: that of the code that the context was captured in. One
/// that another library holds ([`set_foreign`]) is known by its ids only ([`Span::from_context`]).
pub fn current_span() -> Option<Span> {
    let foreign = foreign::active();
    with_current(|current| current.innermost(foreign).into_span()).flatten()
}

/// Trace id and span id of the current span, if there is one: where nothing is open, those of the
/// remote span that the context was extracted with.
pub fn current() -> Option<SpanContext> {
    let foreign = foreign::active();
    let current = with_current(|current| match current.innermost(foreign) {
        Innermost::Own(span) => Some(span.context()),
        Innermost::Foreign(context) => Some(context),
        Innermost::Nothing => current.remote_parent(),
    });
    current.flatten()
}

/// What a span hangs under that is started now and does not say otherwise.
pub(crate) fn parent() -> SpanParent {
    let foreign = foreign::active();
    let parent = with_current(|current| match current.innermost(foreign) {
        Innermost::Own(span) => SpanParent::Span(span.clone()),
        Innermost::Foreign(context) => SpanParent::Remote(context),
        Innermost::Nothing => current.remote_parent().map_or(SpanParent::Root, SpanParent::Remote),
    });
    parent.unwrap_or(SpanParent::Root)
}

/// The same without a handle of its own, for as long as the call takes. It must not run code of the
/// application's: to that, the thread would have no context.
pub(crate) fn with_parent<R>(use_it: impl Fn(Under<'_>) -> R) -> R {
    let foreign = foreign::active();
    with_current(|current| match current.innermost(foreign) {
        Innermost::Own(span) => use_it(Under::span(span)),
        Innermost::Foreign(context) => use_it(Under::known(&context)),
        Innermost::Nothing => match current.remote_parent() {
            Some(remote) => use_it(Under::known(&remote)),
            None => use_it(Under::ROOT),
        },
    })
    .unwrap_or_else(|| use_it(Under::ROOT))
}

/// The open spans of this thread, or of the future that it polls, the outermost first.
pub fn active_spans() -> Vec<Span> {
    let spans = with_current(|current| {
        let spans = current.spans.iter().map(|entry| &entry.span);
        spans.filter(|span| !span.is_stopped()).cloned().collect()
    });
    spans.unwrap_or_default()
}

/// A closure that runs in the context that is current now, wherever it is called.
///
/// ```
/// use onelogger::context;
/// std::thread::scope(|scope| {
///     scope.spawn(context::wrap(|| {
///         // What is recorded here hangs under the span that was current outside.
///     }));
/// });
/// ```
pub fn wrap<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    Context::capture().wrap(work)
}

/// Makes a span that was just started the current one.
pub(crate) fn push(span: &Span, owner: &Arc<Configured>) {
    span.set_owner(owner);
    push_owned(span);
}

/// The same for a span that knows what it was started through.
pub(crate) fn push_owned(span: &Span) {
    stack::push(span);
}

/// Takes a span that is over off the top of the stack, so that it does not stay there until somebody
/// asks for the current one.
pub(crate) fn pop(span: &Span) {
    // Dropped outside: it may be the last handle of a recorder.
    let _ended = with_current(|current| current.spans.pop_if(|last| last.span == *span));
}

/// The current span among those of this recorder.
pub(crate) fn current_span_of(owner: &Arc<Configured>) -> Option<Span> {
    fn handle(span: Option<&Span>) -> Option<Span> {
        span.cloned()
    }
    with_current_span_of(owner, handle)
}

/// The same without a handle of its own: what is made of that span, or of none.
#[inline]
pub(crate) fn with_current_span_of<R>(
    owner: &Arc<Configured>,
    use_it: impl Fn(Option<&Span>) -> R,
) -> R {
    let foreign = foreign::active();
    with_current(|current| {
        if foreign.is_some()
            && let Innermost::Foreign(context) = current.innermost(foreign)
        {
            return use_it(Some(&Span::from_context(context)));
        }
        use_it(current.current_span_of(owner))
    })
    .unwrap_or_else(|| use_it(None))
}

/// Looks at what has nothing to do with spans: which provider is in force. `None` as for
/// [`with_current`].
#[inline]
fn with_provider<R>(use_it: impl FnOnce(&InForce) -> R) -> Option<R> {
    CURRENT.try_with(|current| Some(use_it(&current.try_borrow().ok()?.provider))).ok().flatten()
}

/// `None` where the thread is ending, or where this is called from within itself.
///
/// Whatever is local to the thread until then is on the stack before it is looked at
/// ([`recorder::short`](crate::recorder::short)).
#[inline]
fn with_current<R>(use_it: impl FnOnce(&mut Context) -> R) -> Option<R> {
    let used = CURRENT.try_with(|current| {
        let mut current = current.try_borrow_mut().ok()?;
        settle(|span, outside| current.push(span, outside));
        Some(use_it(&mut current))
    });
    used.ok().flatten()
}
