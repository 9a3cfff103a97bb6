//! Where the [short way](crate::recorder::short) of macros begins: which span they find to be current,
//! and whether anything stands in the way.

use std::num::NonZero;

use super::stack::Innermost;
use super::{foreign, with_current, with_in_force};
use crate::data::{Argument, Callsite, SpanId};
use crate::recorder::Span;
use crate::recorder::short::{self, Base, Outside};
use crate::sync::epoch;

/// Starts a span without attributes on the short way: its number, if that is open.
#[inline(always)]
pub(crate) fn start(site: &'static Callsite) -> Option<NonZero<u64>> {
    short::start(site, site.planted()?.get())
}

/// The same with attributes, of itself and of its start event.
#[inline(always)]
pub(crate) fn start_with(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<NonZero<u64>> {
    let number = number(site, attributes.iter().chain(start_attributes))?;
    short::start_with(site, number, attributes, start_attributes)
}

/// The same after a look whether the short way can be opened.
#[cold]
pub(crate) fn start_anew(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<NonZero<u64>> {
    let number = number(site, attributes.iter().chain(start_attributes))?;
    if open_way() { short::start_with(site, number, attributes, start_attributes) } else { None }
}

/// The span with this number, with a handle.
pub(crate) fn settled(number: NonZero<u64>) -> Option<Span> {
    // Whoever looks at the context finds what was local in it.
    with_current(|_| ());
    short::take_settled(number)
}

/// Records an event on the short way; whether that is open.
#[inline(always)]
pub(crate) fn event(site: &'static Callsite, attributes: &[Argument<'_>]) -> bool {
    number(site, attributes.iter()).is_some_and(|number| short::event(number, attributes))
}

/// The same after a look whether the short way can be opened.
#[cold]
pub(crate) fn event_anew(site: &'static Callsite, attributes: &[Argument<'_>]) -> bool {
    let number = number(site, attributes.iter());
    number.is_some_and(|number| open_way() && short::event(number, attributes))
}

/// The number of the callsite, if it has one, and no code of the application's own is to be run for the
/// values: that may record as well.
#[inline(always)]
fn number<'a>(
    site: &'static Callsite,
    mut values: impl Iterator<Item = &'a Argument<'a>>,
) -> Option<u32> {
    if values.any(Argument::is_formatted) { None } else { site.planted().map(NonZero::get) }
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
