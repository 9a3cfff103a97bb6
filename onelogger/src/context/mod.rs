//! Which span is current, and which recorder a thread or task records with.
//!
//! Each thread has a stack of spans. The current span is the topmost that is not stopped: spans may
//! be stopped in any order and on any thread. A [`Context`] is a copy of the stack that can be
//! carried elsewhere. An annotated future keeps its span, and the spans opened in it, to itself: it
//! puts them on the stack of whatever thread polls it, for as long as the poll takes.
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

mod future;
mod in_force;
mod propagation;

pub use future::{FutureExt, WithContext};
pub(crate) use in_force::{in_force, set_of_process};
pub use propagation::{
    Baggage, BaggageError, Extractor, Injector, TraceState, TraceStateError, baggage, environment,
    extractor, inject, injector,
};

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use self::propagation::Carried;
use crate::data::SpanContext;
use crate::recorder::{Configured, Span, SpanParent};

/// What a thread hands on: its open spans, what came from other processes and goes to them, and the
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
    frames: Vec<Frame>,
    /// The span that was current where this was captured. What is started here hangs under it also
    /// when it is over by then.
    origin: Option<Span>,
    /// What came from other processes, or is meant for them. What is started here hangs under the
    /// remote span if there is no local one.
    carried: Option<Arc<Carried>>,
    provider: InForce,
}

/// A span on the stack.
#[derive(Clone)]
pub(crate) struct Frame {
    span: Span,
    /// What it was started with; nothing if the application put it here.
    owner: Weak<Configured>,
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
    const EMPTY: Context =
        Context { frames: Vec::new(), origin: None, carried: None, provider: InForce::Global };

    /// No span, no baggage, and the global provider.
    pub const fn empty() -> Context {
        Context::EMPTY
    }

    /// Copies the current context. Spans that are stopped are left out.
    pub fn capture() -> Context {
        with_current(|current| {
            current.forget_stopped();
            Context { origin: current.current_span().cloned(), ..current.clone() }
        })
        .unwrap_or_default()
    }

    /// Makes this the context of the current thread until the guard is dropped.
    ///
    /// Guards are to be dropped in the reverse order of their making.
    pub fn attach(self) -> Attached {
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

    /// The same spans with another span on top.
    #[must_use]
    pub fn with_span(mut self, span: &Span) -> Context {
        self.push(span, Weak::new());
        self
    }

    /// Without spans, and with this provider in force.
    pub(crate) fn of(provider: Option<Arc<Configured>>) -> Context {
        Context { provider: InForce::Own(provider), ..Context::EMPTY }
    }

    fn push(&mut self, span: &Span, owner: Weak<Configured>) {
        if span.is_disabled() {
            return;
        }
        if self.frames.len() == self.frames.capacity() {
            // Spans that others have stopped, below one that is open: they go before more memory
            // is taken.
            self.forget_stopped();
        }
        self.frames.push(Frame { span: span.clone(), owner });
    }

    fn forget_stopped(&mut self) {
        self.frames.retain(|frame| !frame.span.is_stopped());
    }

    fn current_span(&mut self) -> Option<&Span> {
        while self.frames.last().is_some_and(|frame| frame.span.is_stopped()) {
            self.frames.pop();
        }
        self.frames.last().map(|frame| &frame.span).or(self.origin.as_ref())
    }

    fn current(&mut self) -> Option<SpanContext> {
        self.current_span().map(Span::context).or_else(|| self.remote_parent())
    }

    fn parent(&mut self) -> SpanParent {
        if let Some(span) = self.current_span() {
            return SpanParent::Span(span.clone());
        }
        self.remote_parent().map_or(SpanParent::Root, SpanParent::Remote)
    }

    /// The topmost open span that was started with this recorder, or put here by the application.
    fn current_span_of(&self, owner: &Arc<Configured>) -> Option<&Span> {
        let is_own = |frame: &&Frame| {
            let is_anyones = frame.owner.strong_count() == 0;
            (is_anyones || Weak::as_ptr(&frame.owner) == Arc::as_ptr(owner))
                && !frame.span.is_stopped()
        };
        self.frames.iter().rev().find(is_own).map(|frame| &frame.span)
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
        let active: Vec<_> = self.frames.iter().map(|frame| &frame.span).collect();
        let has_provider = matches!(self.provider, InForce::Own(_));
        f.debug_struct("Context")
            .field("spans", &active)
            .field("carried", &self.carried)
            .field("has_own_provider", &has_provider)
            .finish()
    }
}

/// The current span of this thread or task, if there is one, and it is one of this process. In a
/// context that was captured it may be over: that of the code that the context was captured in.
pub fn current_span() -> Option<Span> {
    with_current(|current| current.current_span().cloned()).flatten()
}

/// Trace id and span id of the current span, if there is one: where nothing is open, those of the
/// remote span that the context was extracted with.
pub fn current() -> Option<SpanContext> {
    with_current(Context::current).flatten()
}

/// What a span hangs under that is started now and does not say otherwise.
pub(crate) fn parent() -> SpanParent {
    with_current(Context::parent).unwrap_or(SpanParent::Root)
}

/// The open spans of this thread, the outermost first.
pub fn active_spans() -> Vec<Span> {
    Context::capture().frames.into_iter().map(|frame| frame.span).collect()
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
    with_current(|current| current.push(span, Arc::downgrade(owner)));
}

/// Takes a span that is over off the top of the stack, so that it does not stay there until somebody
/// asks for the current one.
pub(crate) fn pop(span: &Span) {
    // Dropped outside: it may be the last handle of a recorder.
    let _ended = with_current(|current| current.frames.pop_if(|frame| frame.span == *span));
}

/// Puts a span back on the stack, and what was above it when it was taken off.
pub(crate) fn resume(span: &Span, owner: &Arc<Configured>, above: Box<[Frame]>) {
    push(span, owner);
    put_back(above);
}

/// Puts spans on the stack.
pub(crate) fn put_back(frames: Box<[Frame]>) {
    if !frames.is_empty() {
        with_current(|current| current.frames.extend(frames));
    }
}

/// Takes a span off the stack, with the open spans above it, which are returned.
pub(crate) fn suspend(span: &Span) -> Vec<Frame> {
    let taken = with_current(|current| {
        let place = current.frames.iter().rposition(|frame| frame.span == *span)?;
        let above = current.frames.split_off(place + 1);
        Some((current.frames.pop(), above))
    });
    let (_own, mut above) = taken.flatten().unwrap_or_default();
    above.retain(|frame| !frame.span.is_stopped());
    above
}

/// The current span among those of this recorder.
pub(crate) fn current_span_of(owner: &Arc<Configured>) -> Option<Span> {
    with_current(|current| current.current_span_of(owner).cloned()).flatten()
}

/// `None` where the thread is ending, or where this is called from within itself.
fn with_current<R>(use_it: impl FnOnce(&mut Context) -> R) -> Option<R> {
    CURRENT.try_with(|current| Some(use_it(&mut *current.try_borrow_mut().ok()?))).ok().flatten()
}
