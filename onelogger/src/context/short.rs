//! Where the [short way](crate::recorder::short) of macros begins: which span they find to be current,
//! and whether anything stands in the way.

use super::stack::Innermost;
use super::{foreign, with_current, with_in_force};
use crate::data::{Argument, Callsite, SpanId};
use crate::recorder::Span;
use crate::recorder::short::{self, Base, LocalNumber, Outside, Parked, Way};
use crate::sync::epoch;

/// Starts a span without attributes on the short way, if that is open.
#[inline(always)]
pub(crate) fn start(site: &'static Callsite) -> Option<LocalNumber> {
    short::start(site, site.planted()?.get())
}

/// The same with attributes.
#[inline(always)]
pub(crate) fn start_with(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
) -> Option<LocalNumber> {
    short::start_with(site, site.planted()?.get(), attributes)
}

/// The same, with attributes of the start event too, after a look at whether the short way can be
/// opened, and at how much room there is. No code of the application's own may be left to be run for
/// the values.
#[cold]
pub(crate) fn start_at_length(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<LocalNumber> {
    let callsite = site.planted()?.get();
    go(|| short::start_at_length(site, callsite, attributes, start_attributes))
}

/// The span with this number, with a handle.
pub(crate) fn settled(number: LocalNumber) -> Option<Span> {
    // Whoever looks at the context finds what was local in it.
    if with_current(|_| ()).is_none() {
        // The thread is ending, and its context is gone.
        short::settle(|_, _| ());
    }
    short::take_settled(number)
}

/// Brings a span that was parked onto the short way of this thread, if that can be.
#[inline]
pub(crate) fn enter(parked: &Parked) -> Option<LocalNumber> {
    parked.enter().or_else(|| open_and_enter(parked))
}

#[cold]
fn open_and_enter(parked: &Parked) -> Option<LocalNumber> {
    if !short::is_open() && open_way() { parked.enter() } else { None }
}

/// Records an event on the short way; whether that is open.
#[inline(always)]
pub(crate) fn event(site: &'static Callsite, attributes: &[Argument<'_>]) -> bool {
    site.planted().is_some_and(|callsite| short::event(callsite.get(), attributes))
}

/// The same as [`start_at_length`] is to [`start_with`].
#[cold]
pub(crate) fn event_at_length(site: &'static Callsite, attributes: &[Argument<'_>]) -> bool {
    let Some(callsite) = site.planted() else { return false };
    go(|| short::event_at_length(site, callsite.get(), attributes)).is_some()
}

/// Goes the short way, once more if it can be opened.
fn go<T>(way: impl Fn() -> Way<T>) -> Option<T> {
    match way() {
        Way::Gone(gone) => Some(gone),
        Way::Closed if open_way() => match way() {
            Way::Gone(gone) => Some(gone),
            Way::Closed | Way::Barred => None,
        },
        Way::Closed | Way::Barred => None,
    }
}

/// Whether the short way is open, or can be opened.
pub(crate) fn can_be_gone() -> bool {
    short::is_open() || open_way()
}

/// The same where nothing is current, so that a root is what any span would be.
pub(crate) fn can_be_gone_by_root() -> bool {
    can_be_gone() && short::is_at_root()
}

/// Opens the short way, unless something is in force that it does not know of.
#[cold]
fn open_way() -> bool {
    // Before it is looked at what is in force.
    let epoch = epoch();
    let opened = with_in_force(|configured| {
        let Some(direct) = configured.direct() else { return false };
        if !configured.is_enabled() || !configured.baggage_attributes().is_empty() {
            return false;
        }
        let foreign = foreign::active();
        let expected = foreign.map_or(SpanId::INVALID, |span| span.span_id);
        let base = with_current(|current| match current.innermost(foreign) {
            Innermost::Own(span) => {
                let span = span.clone();
                let is_open_here = !current.spans.is_empty();
                Some(if is_open_here { Base::Open(span) } else { Base::Origin(span) })
            }
            Innermost::Foreign(_) => None,
            Innermost::Nothing => current.remote_parent().is_none().then_some(Base::Root),
        });
        let Some(Some(base)) = base else { return false };
        let outside = Outside { active: foreign::asked(), expected };
        direct.open_way(epoch, base, outside, configured)
    });
    opened == Some(true)
}
