//! Which span is current, and which recorder a thread records with.
//!
//! Each thread has a stack of spans. The current span is the topmost that is not stopped: spans may
//! be stopped in any order and on any thread. A [`Context`] is a copy of the stack that can be
//! carried to another thread; there it is attached for as long as the guard lives.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use crate::data::SpanContext;
use crate::recorder::{Configured, Span};

/// What a thread hands on: its open spans, and the provider in force if it is not the global one.
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
    provider: InForce,
}

/// A span on the stack.
#[derive(Clone)]
struct Frame {
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
    const EMPTY: Context = Context { frames: Vec::new(), provider: InForce::Global };

    /// No span, and the global provider.
    pub const fn empty() -> Context {
        Context::EMPTY
    }

    /// Copies the current context. Spans that are stopped are left out.
    pub fn capture() -> Context {
        with_current(|current| {
            current.forget_stopped();
            current.clone()
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

    /// The same spans with another span on top.
    #[must_use]
    pub fn with_span(mut self, span: &Span) -> Context {
        self.push(span, Weak::new());
        self
    }

    /// Without spans, and with this provider in force.
    pub(crate) fn of(provider: Option<Arc<Configured>>) -> Context {
        Context { frames: Vec::new(), provider: InForce::Own(provider) }
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
        self.frames.last().map(|frame| &frame.span)
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
            .field("has_own_provider", &has_provider)
            .finish()
    }
}

/// The current span of this thread, if there is one.
pub fn current_span() -> Option<Span> {
    with_current(|current| current.current_span().cloned()).flatten()
}

/// Trace id and span id of the current span, if there is one.
pub fn current() -> Option<SpanContext> {
    with_current(|current| current.current_span().map(Span::context)).flatten()
}

/// The open spans of this thread, the outermost first.
pub fn active_spans() -> Vec<Span> {
    Context::capture().frames.into_iter().map(|frame| frame.span).collect()
}

/// Makes a span that was just started the current one.
pub(crate) fn push(span: &Span, owner: &Arc<Configured>) {
    with_current(|current| current.push(span, Arc::downgrade(owner)));
}

/// The current span among those of this recorder.
pub(crate) fn current_span_of(owner: &Arc<Configured>) -> Option<Span> {
    with_current(|current| current.current_span_of(owner).cloned()).flatten()
}

/// The recorder of the context's own provider: the inner `None` if that records nothing, the outer
/// one if the provider of the process is in force.
pub(crate) fn own_provider() -> Option<Option<Arc<Configured>>> {
    with_current(|current| match &current.provider {
        InForce::Global => None,
        InForce::Own(configured) => Some(configured.clone()),
    })
    .flatten()
}

/// `None` where the thread is ending, or where this is called from within itself.
fn with_current<R>(use_it: impl FnOnce(&mut Context) -> R) -> Option<R> {
    CURRENT.try_with(|current| Some(use_it(&mut *current.try_borrow_mut().ok()?))).ok().flatten()
}
