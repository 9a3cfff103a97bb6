//! Errors as macros meet them: known by their type, not by the type's name.
//!
//! Whether a value is a `Result`, and what can be said of its error, is found by the compiler's
//! search for methods. The macros at the end call a method on a probe behind several references; the
//! search takes the first type, from the most references to the fewest, that has the method. Each
//! trait here is implemented for one reference less than the one before it, so that the one that
//! knows most comes first. (A method that takes `&self` is found with one reference more than the
//! trait is implemented for.)

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::ops::Deref;

use super::guard::SpanGuard;
use crate::data::{ErrorEvent, formatted, short_type_name};

/// What there is to say of an error value.
#[derive(Clone, Debug)]
pub struct Failure {
    type_name: String,
    /// Its text, where it has one.
    text: Option<String>,
    /// The texts of its sources, the nearest first.
    sources: Vec<String>,
}

impl Failure {
    /// Of an error with its sources; `N` is the type to name.
    fn of_error<N: ?Sized>(error: &(impl Error + ?Sized)) -> Failure {
        /// A chain that bites its tail does no harm.
        const MOST_SOURCES: usize = 32;
        let chain = std::iter::successors(error.source(), |&source| source.source());
        let sources = chain.take(MOST_SOURCES).map(|source| formatted(format_args!("{source}")));
        Failure { sources: sources.collect(), ..Failure::of_text::<N>(format_args!("{error}")) }
    }

    fn of_text<N: ?Sized>(text: fmt::Arguments<'_>) -> Failure {
        Failure { text: Some(formatted(text)), ..Failure::opaque::<N>() }
    }

    /// Of an error of which nothing but the type is known.
    fn opaque<N: ?Sized>() -> Failure {
        let name = std::any::type_name::<N>().trim_start_matches('&');
        Failure { type_name: short_type_name(name), text: None, sources: Vec::new() }
    }

    /// What is recorded of a span that ends with it.
    pub(super) fn in_span(self, span: &str) -> ErrorEvent {
        let message = match &self.text {
            Some(text) => format!("Error in {span}: {text}"),
            None => format!("Error in {span}"),
        };
        self.with_message(Some(message))
    }

    /// What is recorded with a message; without one the error's own text stands for it.
    pub(super) fn with_message(self, message: Option<String>) -> ErrorEvent {
        let message = message.or_else(|| self.text.clone());
        let mut error = ErrorEvent::new(message.unwrap_or_else(|| self.type_name.clone()));
        error.exception_type = Some(self.type_name);
        error.exception_message = self.text;
        error.sources = self.sources;
        error
    }
}

/// A value that is looked at: an error.
#[derive(Debug)]
pub struct ErrorProbe<'a, T: ?Sized>(pub &'a T);

/// A value that is looked at: perhaps a `Result`.
#[derive(Debug)]
pub struct ResultProbe<'a, T>(pub &'a T);

/// Three references: an error.
pub trait ErrorFirst {
    /// Type, text and sources.
    fn failure(&self) -> Failure;
}

impl<E: Error + ?Sized> ErrorFirst for &&&ErrorProbe<'_, E> {
    fn failure(&self) -> Failure {
        Failure::of_error::<E>(self.0)
    }
}

/// Two references: a pointer to an error, as `Box<dyn Error>` and `anyhow::Error` are.
pub trait PointerSecond {
    /// Type, text and sources.
    fn failure(&self) -> Failure;
}

impl<E: Deref<Target: Error>> PointerSecond for &&ErrorProbe<'_, E> {
    fn failure(&self) -> Failure {
        Failure::of_error::<E>(&**self.0)
    }
}

/// One reference: a text, or something that has one.
pub trait TextThird {
    /// Type and text.
    fn failure(&self) -> Failure;
}

impl<E: Display + ?Sized> TextThird for &ErrorProbe<'_, E> {
    fn failure(&self) -> Failure {
        Failure::of_text::<E>(format_args!("{}", self.0))
    }
}

/// No reference: anything else.
pub trait OpaqueLast {
    /// The type.
    fn failure(&self) -> Failure;
}

impl<E: ?Sized> OpaqueLast for ErrorProbe<'_, E> {
    fn failure(&self) -> Failure {
        Failure::opaque::<E>()
    }
}

/// Four references: a `Result` with an error.
pub trait ResultWithError {
    /// Type, text and sources of the `Err`.
    fn fail(&self, span: &mut SpanGuard);
}

impl<T, E: Error> ResultWithError for &&&&ResultProbe<'_, Result<T, E>> {
    #[inline]
    fn fail(&self, span: &mut SpanGuard) {
        if let Err(error) = self.0 {
            fail(span, error, Failure::of_error::<E>);
        }
    }
}

/// Three references: a `Result` with a pointer to an error.
pub trait ResultWithPointer {
    /// Type, text and sources of the `Err`.
    fn fail(&self, span: &mut SpanGuard);
}

impl<T, E: Deref<Target: Error>> ResultWithPointer for &&&ResultProbe<'_, Result<T, E>> {
    #[inline]
    fn fail(&self, span: &mut SpanGuard) {
        if let Err(error) = self.0 {
            fail(span, error, |error| Failure::of_error::<E>(&**error));
        }
    }
}

/// Two references: a `Result` with a text.
pub trait ResultWithText {
    /// Type and text of the `Err`.
    fn fail(&self, span: &mut SpanGuard);
}

impl<T, E: Display> ResultWithText for &&ResultProbe<'_, Result<T, E>> {
    #[inline]
    fn fail(&self, span: &mut SpanGuard) {
        if let Err(error) = self.0 {
            fail(span, error, |error| Failure::of_text::<E>(format_args!("{error}")));
        }
    }
}

/// One reference: any other `Result`.
pub trait ResultOpaque {
    /// The type of the `Err`.
    fn fail(&self, span: &mut SpanGuard);
}

impl<T, E> ResultOpaque for &ResultProbe<'_, Result<T, E>> {
    #[inline]
    fn fail(&self, span: &mut SpanGuard) {
        if let Err(error) = self.0 {
            fail(span, error, |_| Failure::opaque::<E>());
        }
    }
}

/// No reference: no `Result`.
pub trait NoResult {
    /// Nothing.
    fn fail(&self, span: &mut SpanGuard);
}

impl<T> NoResult for ResultProbe<'_, T> {
    #[inline]
    fn fail(&self, _: &mut SpanGuard) {}
}

/// Says that a span fails. Compiled once for each type of error: what is left where a function ends is
/// the look whether there is one.
#[cold]
#[inline(never)]
fn fail<E>(span: &mut SpanGuard, error: &E, failure: impl FnOnce(&E) -> Failure) {
    if span.is_open() {
        span.fail(failure(error));
    }
}

/// What is looked for in a `Result`, and nothing else.
pub mod result {
    pub use super::{NoResult, ResultOpaque, ResultWithError, ResultWithPointer, ResultWithText};
}

/// One reference: a `Result`.
pub trait ValueOfResult<'a> {
    /// The type of the `Ok`.
    type Value: 'a;
    /// The `Ok`.
    fn ok_value(&self) -> Option<&'a Self::Value>;
}

impl<'a, T, E> ValueOfResult<'a> for &ResultProbe<'a, Result<T, E>> {
    type Value = T;
    fn ok_value(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

/// No reference: the value itself.
pub trait ValueItself<'a> {
    /// The type of the value.
    type Value: 'a;
    /// The value.
    fn ok_value(&self) -> Option<&'a Self::Value>;
}

impl<'a, T> ValueItself<'a> for ResultProbe<'a, T> {
    type Value = T;
    fn ok_value(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// Of a `Result` whose error is to be shown by its `Debug` implementation.
pub fn debug_failure<T, E: Debug>(result: &Result<T, E>) -> Option<Failure> {
    result.as_ref().err().map(|error| Failure::of_text::<E>(format_args!("{error:?}")))
}

/// Of a `Result` whose error is to be shown by its `Display` implementation.
pub fn display_failure<T, E: Display>(result: &Result<T, E>) -> Option<Failure> {
    result.as_ref().err().map(|error| Failure::of_text::<E>(format_args!("{error}")))
}

/// Whether a `Result` is an error of which a condition holds.
pub fn failed_when<T, E>(result: &Result<T, E>, when: impl FnOnce(&E) -> bool) -> bool {
    result.as_ref().err().is_some_and(when)
}

/// Calls a closure whose parameter's type only the call makes known.
pub fn apply<T: ?Sized, U>(value: &T, make: impl FnOnce(&T) -> U) -> U {
    make(value)
}

/// What there is to say of an error value.
#[doc(hidden)]
#[macro_export]
macro_rules! __failure_of {
    ($error:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__private::probe::{
            ErrorFirst as _, OpaqueLast as _, PointerSecond as _, TextThird as _,
        };
        (&&&&$crate::__private::probe::ErrorProbe($error)).failure()
    }};
}

/// Says that a span fails, if a value is an `Err`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fail_by_result {
    ($span:expr, $result:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__private::probe::result::*;
        (&&&&&$crate::__private::probe::ResultProbe($result)).fail($span)
    }};
}

/// Of a `Result` the `Ok` value, of anything else the value itself.
#[doc(hidden)]
#[macro_export]
macro_rules! __ok_value {
    ($result:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__private::probe::{ValueItself as _, ValueOfResult as _};
        (&&$crate::__private::probe::ResultProbe($result)).ok_value()
    }};
}
