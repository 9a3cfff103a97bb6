//! Where the [short way](crate::recorder::short) of macros begins: which span they find to be current,
//! and whether anything stands in the way.

use std::num::NonZero;

use super::stack::Innermost;
use super::{foreign, with_current, with_in_force};
use crate::data::{Argument, Callsite, SpanId};
use crate::recorder::Span;
use crate::recorder::short::{self, Base, Outside};
use crate::sync::epoch;

/// Starts a span on the short way: its number, if it can be gone here.
#[inline]
pub(crate) fn open_span(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<NonZero<u64>> {
    let number = number(site, attributes.iter().chain(start_attributes))?;
    let start = || short::start(site, number, attributes, start_attributes);
    start().or_else(|| if open_way() { start() } else { None })
}

/// The span with this number, with a handle.
pub(crate) fn settled(number: NonZero<u64>) -> Option<Span> {
    // Whoever looks at the context finds what was local in it.
    with_current(|_| ());
    short::take_settled(number)
}

/// Records an event on the short way; whether it can be gone here.
#[inline]
pub(crate) fn open_event(site: &'static Callsite, attributes: &[Argument<'_>]) -> bool {
    let Some(number) = number(site, attributes.iter()) else { return false };
    let record = || short::event(number, attributes);
    record() || (open_way() && record())
}

/// The number of the callsite, if it has one, and no code of the application's own is to be run for the
/// values: that may record as well.
#[inline]
fn number<'a>(
    site: &'static Callsite,
    mut values: impl Iterator<Item = &'a Argument<'a>>,
) -> Option<u32> {
    if values.any(Argument::is_formatted) { None } else { site.planted() }
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
