//! How macros open a span: in as little code as can be, for it is compiled wherever one is used.

use super::guard::{ActiveSpan, SpanArguments, SpanGuard};
use super::made::with_made;
use crate::callsite::Callsite;
use crate::context::{self, short};
use crate::data::Argument;
use crate::recorder::SpanParent;
use crate::recorder::short::LocalNumber;

impl SpanGuard {
    /// A guard with the span of a callsite, of which its place says everything; without one if the
    /// callsite is off.
    #[doc(hidden)]
    #[inline]
    pub fn entered(site: &'static Callsite) -> SpanGuard {
        if site.is_off() { SpanGuard::new() } else { SpanGuard::started(site) }
    }

    /// A callsite that was not met before has no number, and goes the long way, on which it gets one.
    #[inline(never)]
    fn started(site: &'static Callsite) -> SpanGuard {
        match short::start(site) {
            Some(number) => SpanGuard::local(number),
            None => SpanGuard::started_at_length(site),
        }
    }

    #[cold]
    #[inline(never)]
    fn started_at_length(site: &'static Callsite) -> SpanGuard {
        if site.is_enabled() { SpanGuard::with_at_length(site, &[]) } else { SpanGuard::new() }
    }

    /// A guard with a span that has attributes. The callsite is enabled.
    #[doc(hidden)]
    #[inline(never)]
    pub fn with(site: &'static Callsite, attributes: &[Argument<'_>]) -> SpanGuard {
        match short::start_with(site, attributes) {
            Some(number) => SpanGuard::local(number),
            None => SpanGuard::with_at_length(site, attributes),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_at_length(site: &'static Callsite, attributes: &[Argument<'_>]) -> SpanGuard {
        let parent = SpanParent::Current;
        let arguments = SpanArguments { attributes, start_attributes: &[], parent, links: &[] };
        SpanGuard::opened(site, &arguments)
    }

    /// The same with all that can be said.
    #[doc(hidden)]
    pub fn opened(site: &'static Callsite, arguments: &SpanArguments<'_>) -> SpanGuard {
        let &SpanArguments { attributes, start_attributes, ref parent, links } = arguments;
        if is_formatted(attributes, start_attributes) {
            // Elsewhere the values may not be wanted at all.
            if matches!((parent, links), (SpanParent::Current, []))
                && short::can_be_gone()
                && let Some(opened) =
                    SpanGuard::opened_with_texts(site, attributes, start_attributes)
            {
                return opened;
            }
        } else if let Some(number) = start_short(site, arguments) {
            return SpanGuard::local(number);
        }
        let mut started = None;
        ActiveSpan::start(&mut started, site, arguments);
        started.map_or_else(SpanGuard::new, SpanGuard::active_span)
    }

    /// Formats values, once, and opens the span through what was in force before: the code of the
    /// application's own that runs here may change that. `None`, and nothing is formatted, where that
    /// does not write into lanes.
    #[cold]
    #[inline(never)]
    fn opened_with_texts(
        site: &'static Callsite,
        attributes: &[Argument<'_>],
        start_attributes: &[Argument<'_>],
    ) -> Option<SpanGuard> {
        let opened = context::with_in_force(|configured| {
            let direct = configured.direct_for(site)?;
            if !configured.is_enabled() || !configured.baggage_attributes().is_empty() {
                return None;
            }
            Some(with_made(attributes, |attributes| {
                with_made(start_attributes, |start_attributes| {
                    let parent = SpanParent::Current;
                    let arguments =
                        SpanArguments { attributes, start_attributes, parent, links: &[] };
                    if context::is_in_force(configured)
                        && let Some(number) = start_short(site, &arguments)
                    {
                        return SpanGuard::local(number);
                    }
                    let active = ActiveSpan::start_made(configured, direct, site, &arguments);
                    active.map_or_else(SpanGuard::new, SpanGuard::active_span)
                })
            }))
        });
        opened.flatten()
    }
}

fn is_formatted(attributes: &[Argument<'_>], start_attributes: &[Argument<'_>]) -> bool {
    attributes.iter().chain(start_attributes).any(Argument::is_formatted)
}

/// Starts a span without a look at anything that is not as usual.
#[inline(never)]
fn start_plain(site: &'static Callsite, attributes: &[Argument<'_>]) -> Option<LocalNumber> {
    if attributes.is_empty() { short::start(site) } else { short::start_with(site, attributes) }
}

/// Starts a span on the short way, if it can be gone, and no value is to be formatted.
pub(super) fn start_short(
    site: &'static Callsite,
    arguments: &SpanArguments<'_>,
) -> Option<LocalNumber> {
    let &SpanArguments { attributes, start_attributes, ref parent, links } = arguments;
    let is_plain = start_attributes.is_empty() && links.is_empty();
    let is_plain = is_plain && matches!(parent, SpanParent::Current);
    if is_formatted(attributes, start_attributes) {
        return None;
    }
    if is_plain && let Some(number) = start_plain(site, attributes) {
        return Some(number);
    }
    let can_be_gone = match parent {
        _ if !links.is_empty() => false,
        SpanParent::Current => short::can_be_gone(),
        SpanParent::Root => short::can_be_gone_by_root(),
        SpanParent::Span(_) | SpanParent::Remote(_) => false,
    };
    if is_plain
        && can_be_gone
        // It may have been closed until now.
        && let Some(number) = start_plain(site, attributes)
    {
        return Some(number);
    }
    if can_be_gone { short::start_at_length(site, attributes, start_attributes) } else { None }
}

/// Calls the body of an annotated function whose value is looked at.
#[doc(hidden)]
#[inline(always)]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}
