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
    pub fn with(site: &'static Callsite, attributes: &[Argument<'_>]) -> SpanGuard {
        match short::start_with(site, attributes, &[]) {
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
        // Else the values may not be wanted at all.
        if matches!((parent, links), (SpanParent::Current, [])) && short::can_be_gone() {
            let opened =
                if [attributes, start_attributes].into_iter().flatten().any(Argument::is_formatted)
                {
                    SpanGuard::opened_with_texts(site, attributes, start_attributes)
                } else {
                    start_short(site, attributes, start_attributes).map(SpanGuard::local)
                };
            if let Some(opened) = opened {
                return opened;
            }
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
            let direct = configured.direct()?;
            if !configured.is_enabled() || !configured.baggage_attributes().is_empty() {
                return None;
            }
            Some(with_made(attributes, |attributes| {
                with_made(start_attributes, |start_attributes| {
                    if context::is_in_force(configured)
                        && let Some(number) = start_short(site, attributes, start_attributes)
                    {
                        return SpanGuard::local(number);
                    }
                    let parent = SpanParent::Current;
                    let arguments =
                        SpanArguments { attributes, start_attributes, parent, links: &[] };
                    let active = ActiveSpan::start_made(configured, direct, site, &arguments);
                    active.map_or_else(SpanGuard::new, SpanGuard::active_span)
                })
            }))
        });
        opened.flatten()
    }
}

/// Starts a span on the short way, where its values are made.
#[inline]
fn start_short(
    site: &'static Callsite,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Option<LocalNumber> {
    short::start_with(site, attributes, start_attributes)
        .or_else(|| short::start_at_length(site, attributes, start_attributes))
}

/// Calls the body of an annotated function whose value is looked at.
#[doc(hidden)]
#[inline(always)]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}
