//! How macros open a span: in as little code as can be, for it is compiled wherever one is used.

use super::guard::{SpanArguments, SpanGuard};
use crate::callsite::Callsite;
use crate::data::Argument;
use crate::recorder::SpanParent;

impl SpanGuard {
    /// A guard with the span of a callsite, of which its place says everything; without one if the
    /// callsite is off.
    #[doc(hidden)]
    #[inline]
    pub fn entered(site: &'static Callsite) -> SpanGuard {
        if site.is_off() {
            return SpanGuard::new();
        }
        SpanGuard::opened(site)
    }

    /// The same, unless the callsite is met for the first time and turns out to be off.
    #[inline(never)]
    fn opened(site: &'static Callsite) -> SpanGuard {
        let mut guard = SpanGuard::new();
        if site.is_enabled() {
            guard.begin(site, &[]);
        }
        guard
    }

    /// Opens a span with attributes under the current one.
    #[doc(hidden)]
    pub fn begin(&mut self, site: &'static Callsite, attributes: &[Argument<'_>]) {
        let parent = SpanParent::Current;
        self.open(site, &SpanArguments { attributes, start_attributes: &[], parent, links: &[] });
    }
}

/// Calls the body of an annotated function whose value is looked at.
#[doc(hidden)]
#[inline(always)]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}
