//! What the macros' expansions name: a contract between this crate and `onelogger-macros`, which are
//! released together. Nothing here is for anybody else.

pub use core;
pub use core::future::Future;
// A path is resolved wherever a macro is used: a short one takes less time.
pub use core::{concat, file, format_args, line, module_path};
pub use std::boxed::Box;
use std::fmt::{Debug, Display};

pub use inventory;
pub use onelogger_macros::{error, event, span};

pub use crate::__ok_value as ok_value;
pub use crate::callsite::{Callsite, CallsiteKind, CallsiteName, Catalogue};
use crate::data::Link;
pub use crate::data::{Argument, Level, SpanKind};
use crate::recorder::Span;
pub use crate::recorder::SpanParent;
pub use crate::signal::failure::{
    self as probe, Failure, apply, debug_failure, display_failure, failed_when,
};
pub use crate::signal::future::{
    PreparedSpan, TimedFuture, call_prepared, open_in_future, timed, timed_prepared, unobserved,
};
pub use crate::signal::{SpanArguments, SpanGuard, call, error, event, run};
pub use crate::{__fail_by_result as fail_by_result, __failure_of as failure_of};
use crate::{AsSpan, SpanName, ToValue};

/// The name that a constant or a value stands for.
pub fn span_name<N: SpanName + ?Sized>(name: &N) -> &'static str {
    name.span_name()
}

/// `key = value`.
pub fn argument<T: ToValue + ?Sized>(value: &T) -> Argument<'_> {
    value.to_value()
}

/// `key = %value`.
pub fn display<T: Display>(value: &T) -> Argument<'_> {
    Argument::display(value)
}

/// `key = ?value`.
pub fn debug<T: Debug>(value: &T) -> Argument<'_> {
    Argument::debug(value)
}

/// `parent = …`.
pub fn parent(parent: impl Into<SpanParent>) -> SpanParent {
    parent.into()
}

/// One of `links(…)`.
pub fn link(link: impl Into<Link>) -> Link {
    link.into()
}

/// `in span`.
pub fn as_span<S: AsSpan + ?Sized>(span: &S) -> &Span {
    span.as_span()
}
