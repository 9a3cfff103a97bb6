//! What a macro plants in the program, and which of it is switched on.
//!
//! Each use of `#[timed_span]`, `span!`, `event!` and `error!` is one static [`Callsite`]. It holds
//! what is known when the program is compiled ([`Catalogue`]) and one byte that says whether it is
//! on. A callsite that is off costs one relaxed load: its attributes are not evaluated. It is on
//! while any provider is configured and the [`Filter`] lets it through.
//!
//! The filter belongs to the process. It begins as the environment variable `ONELOGGER_FILTER` says
//! (`trainer=debug,per_step=off`), lets levels up to [`Level::Info`](crate::Level::Info)
//! through if that is not set, and can be changed at any time:
//!
//! ```
//! use onelogger::callsite;
//! callsite::set_filter("info,trainer=debug,per_step=off".parse()?);
//! callsite::set_level("per_step", onelogger::Level::Trace);
//! assert_eq!(callsite::filter().to_string(), "info,per_step=trace,trainer=debug");
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

pub use crate::data::{Callsite, CallsiteKind, CallsiteName, Catalogue};

/// Nothing is recorded, and nothing evaluated.
const OFF: u8 = 1;
/// What happens here is recorded.
const ON: u8 = 2;

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

    /// Whether it is known that nothing is recorded here: one relaxed load, and no more.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        cfg!(feature = "off") || self.state.get() == OFF
    }
}
