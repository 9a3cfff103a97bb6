//! Events and errors as macros report them.

use std::fmt;
use std::sync::Arc;

use super::failure::Failure;
use super::guard::{SpanGuard, attributes};
use super::made::with_made;
use crate::callsite::Callsite;
use crate::context;
use crate::data::{Argument, ErrorEvent, Event, Name, formatted};
use crate::recorder::{Configured, Direct, Refused, Span};

/// What can be named as the span of an event: a [`Span`], or the guard of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no span",
    label = "expected a `Span`, or the guard that `span!` returns"
)]
pub trait AsSpan {
    /// The span.
    fn as_span(&self) -> &Span;
}

impl AsSpan for Span {
    fn as_span(&self) -> &Span {
        self
    }
}

impl AsSpan for SpanGuard {
    fn as_span(&self) -> &Span {
        self.span()
    }
}

impl<S: AsSpan + ?Sized> AsSpan for &S {
    fn as_span(&self) -> &Span {
        (**self).as_span()
    }
}

/// What an event goes to: what its span was started through, wherever that has been carried.
fn target(span: Option<&Span>) -> Option<Arc<Configured>> {
    span.and_then(Span::owner).or_else(context::in_force)
}

/// Records an event, in the current span if none is given.
#[inline(never)]
pub fn event(site: &'static Callsite, span: Option<&Span>, arguments: &[Argument<'_>]) {
    if span.is_some() || !context::short::event(site, arguments) {
        event_at_length(site, span, arguments);
    }
}

#[cold]
#[inline(never)]
fn event_at_length(site: &'static Callsite, span: Option<&Span>, arguments: &[Argument<'_>]) {
    let record = |configured: &Arc<Configured>| {
        if let Some(direct) = configured.direct() {
            if configured.is_enabled() {
                // Code of the application's own runs here, and may change what is in force.
                let recorded = with_made(arguments, |values| {
                    let is_gone = span.is_none()
                        && context::is_in_force(configured)
                        && context::short::event_at_length(site, values);
                    if is_gone {
                        return Ok(());
                    }
                    event_directly(direct, configured, site, span, values)
                });
                configured.settle("event", recorded);
            }
            return;
        }
        configured.call("event", |recorder| {
            let event = Event {
                name: Name::from_static(site.name()),
                level: site.catalogue().level,
                attributes: attributes(site.catalogue().keys, arguments),
                time: None,
                scope: Some(site.scope()),
            };
            let current = span.map_or_else(|| context::current_span_of(configured), |_| None);
            recorder.event(span.or(current.as_ref()), event)
        });
    };
    match span.filter(|span| span.has_owner()) {
        Some(span) => context::with_owner(span, record),
        None => context::with_in_force(record),
    };
}

/// Writes an event into the lane of the thread.
fn event_directly(
    direct: &Direct,
    configured: &Arc<Configured>,
    site: &'static Callsite,
    span: Option<&Span>,
    arguments: &[Argument<'_>],
) -> Result<(), Refused> {
    let subject = match span {
        Some(span) => direct.subject(Some(span)),
        None => {
            let current = |span: Option<&Span>| direct.subject(span);
            context::with_current_span_of(configured, current)
        }
    };
    match subject? {
        Some(subject) => direct.event_planted(site, subject, arguments),
        // It belongs to a span that is not there.
        None => Ok(()),
    }
}

/// Records an error, in the current span if none is given.
pub fn error(
    site: &'static Callsite,
    span: Option<&Span>,
    message: Option<fmt::Arguments<'_>>,
    failure: Option<Failure>,
    arguments: &[Argument<'_>],
) {
    let Some(configured) = target(span) else { return };
    let message = message.map(formatted);
    let error = match failure {
        Some(failure) => failure.with_message(message),
        None => ErrorEvent::new(message.unwrap_or_default()),
    };
    let attributes = attributes(site.catalogue().keys, arguments);
    let error = ErrorEvent { attributes, scope: Some(site.scope()), ..error };
    let current = if span.is_none() { context::current_span_of(&configured) } else { None };
    configured.call("error", |recorder| recorder.error(span.or(current.as_ref()), error));
}
