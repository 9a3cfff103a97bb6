//! What a macro plants in the program, and which of it is switched on.
//!
//! Each use of `#[timed_span]`, `span!`, `event!` and `error!` is one static [`Callsite`]. It holds
//! what is known when the program is compiled ([`Catalogue`]) and one byte that says whether it is
//! on. A callsite that is off costs one relaxed load: its attributes are not evaluated. It is on
//! while any provider is configured and the [`Filter`] lets it through.
//!
//! The filter belongs to the process. It begins as the environment variable `ONELOGGER_FILTER` says
//! (`trainer=debug,per_step=off`), lets levels up to [`Level::Info`] through if that is not set, and
//! can be changed at any time:
//!
//! ```
//! use onelogger::callsite;
//! callsite::set_filter("info,trainer=debug,per_step=off".parse()?);
//! callsite::set_level("per_step", onelogger::Level::Trace);
//! assert_eq!(callsite::filter().to_string(), "info,trainer=debug,per_step=trace");
//! # callsite::set_filter(Default::default());
//! # Ok::<(), onelogger::callsite::FilterError>(())
//! ```
//!
//! Explicit calls ([`recorder()`](crate::recorder())) have no callsite, and the filter does not
//! concern them.

mod filter;
mod registry;

pub use filter::{Filter, FilterError};
pub(crate) use registry::{Interest, environment_problem};
pub use registry::{all, filter, set_filter, set_level};

use std::fmt;

use crate::data::{InstrumentationScope, Level, SpanKind};
use crate::sync::{Byte, Link, Linked};

/// A place in the program where something is recorded.
///
/// Lives in a static that a macro plants. It registers itself when it is met for the first time.
pub struct Callsite {
    /// [`UNKNOWN`], [`OFF`] or [`ON`].
    state: Byte,
    link: Link<Callsite>,
    catalogue: Catalogue,
}

/// The callsite has never been met.
const UNKNOWN: u8 = 0;
/// Nothing is recorded, and nothing evaluated.
const OFF: u8 = 1;
/// What happens here is recorded.
const ON: u8 = 2;

/// What is known of a callsite when the program is compiled.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// What it records.
    pub kind: CallsiteKind,
    /// Where its name comes from.
    pub name: CallsiteName,
    /// The module that it stands in.
    pub module: &'static str,
    /// The source file.
    pub file: &'static str,
    /// The line in the file.
    pub line: u32,
    /// The name of the crate that it stands in, as cargo knows it.
    pub package: Option<&'static str>,
    /// The version of that crate, as cargo knows it.
    pub version: Option<&'static str>,
    /// Its level.
    pub level: Level,
    /// The group that it can be switched with.
    pub group: Option<&'static str>,
    /// The kind of a span.
    pub span_kind: SpanKind,
    /// The keys of the attributes, in order.
    pub keys: &'static [&'static str],
    /// The keys of the start event's attributes, in order.
    pub start_keys: &'static [&'static str],
    /// Only macros make one of these, so that more can be known of a callsite one day.
    #[doc(hidden)]
    pub __private: (),
}

/// What a callsite records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallsiteKind {
    /// Spans.
    Span,
    /// Events.
    Event,
    /// Errors.
    Error,
}

/// Where the name of a callsite comes from.
#[derive(Clone, Copy)]
pub enum CallsiteName {
    /// From the source.
    Literal(&'static str),
    /// From a constant, or from a value that implements [`SpanName`].
    Computed(fn() -> &'static str),
}

/// A set of span names, so that they are spelled in one place.
///
/// ```
/// use onelogger::{SpanName, timed_span};
/// enum Phase { Load, Train }
/// impl SpanName for Phase {
///     fn span_name(&self) -> &'static str {
///         match self {
///             Phase::Load => "load",
///             Phase::Train => "train",
///         }
///     }
/// }
/// #[timed_span(name = Phase::Load)]
/// fn load() {}
/// # load();
/// # assert_eq!(Phase::Train.span_name(), "train");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name for a span or an event",
    label = "neither a `&'static str` nor a `SpanName`",
    note = "a name is a literal, a constant of type `&'static str`, or a value whose type implements `onelogger::SpanName`"
)]
pub trait SpanName {
    /// The name.
    fn span_name(&self) -> &'static str;
}

impl SpanName for &'static str {
    fn span_name(&self) -> &'static str {
        self
    }
}

impl Callsite {
    /// A callsite that has not been met yet.
    pub const fn new(catalogue: Catalogue) -> Callsite {
        Callsite { state: Byte::new(UNKNOWN), link: Link::new(), catalogue }
    }

    /// Whether what happens here is recorded. One relaxed load, but for the first time.
    #[inline]
    pub fn is_enabled(&'static self) -> bool {
        if cfg!(feature = "off") {
            return false;
        }
        match self.state.get() {
            OFF => false,
            ON => true,
            _ => registry::register(self),
        }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        match self.catalogue.name {
            CallsiteName::Literal(name) => name,
            CallsiteName::Computed(name) => name(),
        }
    }

    /// The crate that it stands in, with its version: what it records belongs to that.
    pub fn scope(&self) -> InstrumentationScope {
        let Catalogue { package, module, version, .. } = self.catalogue;
        // Built without cargo, a crate has its own name only, which its modules begin with.
        let own = module.split_once("::").map_or(module, |(own, _)| own);
        InstrumentationScope::from_static(package.unwrap_or(own), version)
    }

    /// What else is known of it.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

impl Linked for Callsite {
    fn link(&self) -> &Link<Callsite> {
        &self.link
    }
}

impl fmt::Debug for Callsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callsite")
            .field("kind", &self.catalogue.kind)
            .field("name", &self.name())
            .field("file", &self.catalogue.file)
            .field("line", &self.catalogue.line)
            .finish_non_exhaustive()
    }
}
