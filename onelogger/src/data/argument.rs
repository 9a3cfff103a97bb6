//! Values as the macros take them: by reference, and turned into a [`Value`] only where they are
//! recorded.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use super::codec::{put_bool, put_f64, put_i64, put_list, put_string, put_value};
use super::list::{Element, List};
use super::{SpanId, TraceId, Value};

/// What can be the value of an attribute in `#[timed_span]`, `span!`, `event!` and `error!`.
///
/// Texts, booleans and numbers keep their type, lists of them too; an unsigned number beyond
/// [`i64::MAX`] becomes its decimal text. `None` leaves the attribute out. For other types there are
/// `%value` (its `Display` form) and `?value` (its `Debug` form), or an implementation:
///
/// ```
/// use onelogger::{Argument, ToValue};
/// struct Celsius(f64);
/// impl ToValue for Celsius {
///     fn to_value(&self) -> Argument<'_> {
///         self.0.to_value()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of an attribute",
    label = "write `%…` to record it as its `Display` shows it, or `?…` as its `Debug` does"
)]
pub trait ToValue {
    /// The value, borrowed.
    fn to_value(&self) -> Argument<'_>;
}

/// The value of an attribute, borrowed from the code that records it.
///
/// Owns nothing, so that a macro's expansion has nothing to drop.
#[derive(Clone, Copy)]
pub struct Argument<'a>(pub(super) Borrowed<'a>);

#[derive(Clone, Copy)]
pub(super) enum Borrowed<'a> {
    Absent,
    Bool(bool),
    I64(i64),
    F64(f64),
    Text(&'a str),
    /// A whole number beyond an `i64`, its upper and lower half: becomes text.
    Unsigned([u64; 2]),
    Negative([u64; 2]),
    List(List<'a>),
    Display(&'a dyn fmt::Display),
    Debug(&'a dyn fmt::Debug),
    Value(&'a Value),
}

impl<'a> Argument<'a> {
    /// What is shown by a value's `Display` implementation.
    pub fn display(value: &'a impl fmt::Display) -> Argument<'a> {
        Argument(Borrowed::Display(value))
    }

    /// What is shown by a value's `Debug` implementation.
    pub fn debug(value: &'a impl fmt::Debug) -> Argument<'a> {
        Argument(Borrowed::Debug(value))
    }

    /// The value; `None` where the attribute is left out.
    ///
    /// Calls the value's own formatting, and survives that: a text whose formatting panics ends
    /// where it does so.
    pub fn into_value(self) -> Option<Value> {
        Some(match self.0 {
            Borrowed::Absent => return None,
            Borrowed::Bool(value) => Value::Bool(value),
            Borrowed::I64(value) => Value::I64(value),
            Borrowed::F64(value) => Value::F64(value),
            Borrowed::Text(text) => Value::String(text.to_owned()),
            Borrowed::Display(value) => Value::String(formatted(format_args!("{value}"))),
            Borrowed::Debug(value) => Value::String(formatted(format_args!("{value:?}"))),
            Borrowed::Unsigned(halves) => Value::String(number(halves).to_string()),
            Borrowed::Negative(halves) => Value::String(number(halves).cast_signed().to_string()),
            Borrowed::List(list) => list.to_value(),
            Borrowed::Value(value) => value.clone(),
        })
    }

    fn wide(number: u128, is_negative: bool) -> Argument<'a> {
        let halves = [(number >> 64) as u64, number as u64];
        Argument(match is_negative {
            true => Borrowed::Negative(halves),
            false => Borrowed::Unsigned(halves),
        })
    }
}

fn number([high, low]: [u64; 2]) -> u128 {
    (high as u128) << 64 | low as u128
}

impl Argument<'_> {
    /// Whether there is no value.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.0, Borrowed::Absent)
    }

    /// Whether code of the application's own runs to make the value.
    pub(crate) fn is_formatted(&self) -> bool {
        matches!(self.0, Borrowed::Display(_) | Borrowed::Debug(_))
    }

    /// Writes the text of a value that is formatted, as [`into_value`](Argument::into_value) makes it.
    pub(crate) fn write_text(&self, text: &mut String) {
        match self.0 {
            Borrowed::Display(value) => write_formatted(text, format_args!("{value}")),
            Borrowed::Debug(value) => write_formatted(text, format_args!("{value:?}")),
            _ => {}
        }
    }

    /// Appends the value to a record's words; whether there is one.
    #[inline]
    pub(super) fn put(&self, words: &mut Vec<u64>) -> bool {
        match &self.0 {
            Borrowed::Absent => return false,
            Borrowed::Bool(value) => put_bool(words, *value),
            Borrowed::I64(value) => put_i64(words, *value),
            Borrowed::F64(value) => put_f64(words, *value),
            Borrowed::Text(text) => put_string(words, text),
            Borrowed::Display(value) => put_string(words, &formatted(format_args!("{value}"))),
            Borrowed::Debug(value) => put_string(words, &formatted(format_args!("{value:?}"))),
            Borrowed::Unsigned(halves) => put_string(words, &number(*halves).to_string()),
            Borrowed::Negative(halves) => {
                put_string(words, &number(*halves).cast_signed().to_string());
            }
            Borrowed::List(list) => put_list(words, *list),
            Borrowed::Value(value) => put_value(words, value),
        }
        true
    }
}

impl fmt::Debug for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Argument").field(&self.into_value()).finish()
    }
}

thread_local! {
    static IS_FORMATTING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is formatting a value: a panic in there is caught, and ends nothing.
pub(crate) fn is_formatting() -> bool {
    IS_FORMATTING.get()
}

/// The text, as far as it can be made: formatting that panics or reports an error is no reason for
/// the caller to fail.
pub(crate) fn formatted(arguments: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    write_formatted(&mut text, arguments);
    text
}

fn write_formatted(text: &mut String, arguments: fmt::Arguments<'_>) {
    let was_formatting = IS_FORMATTING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(|| text.write_fmt(arguments)));
    IS_FORMATTING.set(was_formatting);
    match result {
        Ok(Ok(())) => {}
        Ok(Err(_)) => text.push_str("<error while formatting>"),
        Err(_) => text.push_str("<panic while formatting>"),
    }
}

macro_rules! numbers {
    ($($number:ty => |$value:ident| $argument:expr;)*) => { $(
        impl ToValue for $number {
            #[inline]
            fn to_value(&self) -> Argument<'_> {
                let $value = *self;
                Argument($argument)
            }
        }
    )* };
}

numbers! {
    bool => |value| Borrowed::Bool(value);
    i8 => |value| Borrowed::I64(value.into());
    i16 => |value| Borrowed::I64(value.into());
    i32 => |value| Borrowed::I64(value.into());
    i64 => |value| Borrowed::I64(value);
    isize => |value| Borrowed::I64(value as i64);
    u8 => |value| Borrowed::I64(value.into());
    u16 => |value| Borrowed::I64(value.into());
    u32 => |value| Borrowed::I64(value.into());
    f32 => |value| Borrowed::F64(value.into());
    f64 => |value| Borrowed::F64(value);
}

/// Numbers that may lie beyond an `i64`: then they become texts.
macro_rules! wide_numbers {
    ($($number:ty: $is_negative:expr),*) => { $(
        impl ToValue for $number {
            #[inline]
            fn to_value(&self) -> Argument<'_> {
                match i64::try_from(*self) {
                    Ok(value) => Argument(Borrowed::I64(value)),
                    Err(_) => Argument::wide(*self as u128, $is_negative(*self)),
                }
            }
        }
    )* };
}

wide_numbers!(u64: |_| false, usize: |_| false, u128: |_| false, i128: |value| value < 0);

impl ToValue for str {
    fn to_value(&self) -> Argument<'_> {
        Argument(Borrowed::Text(self))
    }
}

impl ToValue for String {
    fn to_value(&self) -> Argument<'_> {
        Argument(Borrowed::Text(self))
    }
}

/// Values that are recorded as their `Display` shows them.
macro_rules! shown {
    ($($shown:ty),*) => { $(
        impl ToValue for $shown {
            fn to_value(&self) -> Argument<'_> {
                Argument::display(self)
            }
        }
    )* };
}

shown!(char, fmt::Arguments<'_>, TraceId, SpanId);

impl ToValue for Value {
    fn to_value(&self) -> Argument<'_> {
        Argument(Borrowed::Value(self))
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Argument<'_> {
        self.as_ref().map_or(Argument(Borrowed::Absent), T::to_value)
    }
}

macro_rules! non_zero {
    ($($number:ty),*) => { $(
        impl ToValue for NonZero<$number> {
            fn to_value(&self) -> Argument<'_> {
                match i64::try_from(self.get()) {
                    Ok(value) => Argument(Borrowed::I64(value)),
                    Err(_) => Argument::wide(self.get() as u128, false),
                }
            }
        }
    )* };
}

non_zero!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

macro_rules! pointers {
    ($($pointer:ty),*) => { $(
        impl<T: ToValue + ?Sized> ToValue for $pointer {
            fn to_value(&self) -> Argument<'_> {
                (**self).to_value()
            }
        }
    )* };
}

pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<T: ToValue + ToOwned + ?Sized> ToValue for Cow<'_, T> {
    fn to_value(&self) -> Argument<'_> {
        (**self).to_value()
    }
}

impl<T: Element> ToValue for [T] {
    fn to_value(&self) -> Argument<'_> {
        Argument(Borrowed::List(T::list(self)))
    }
}

impl<T: Element, const LENGTH: usize> ToValue for [T; LENGTH] {
    fn to_value(&self) -> Argument<'_> {
        self[..].to_value()
    }
}

impl<T: Element> ToValue for Vec<T> {
    fn to_value(&self) -> Argument<'_> {
        self[..].to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &(impl ToValue + ?Sized), expected: impl Into<Option<Value>>) {
        assert_eq!(value.to_value().into_value(), expected.into());
    }

    #[test]
    fn values_keep_their_type() {
        check(&true, Value::Bool(true));
        check(&-1_i8, Value::I64(-1));
        check(&u64::MAX, Value::from("18446744073709551615"));
        check(&i64::MAX.cast_unsigned(), Value::I64(i64::MAX));
        check(&1.5_f32, Value::F64(1.5));
        check("x", Value::from("x"));
        check(&Box::new(Arc::new(String::from("x"))), Value::from("x"));
        check(&'x', Value::from("x"));
        check(&Some(3), Value::I64(3));
        check(&None::<&str>, None);
        check(&NonZero::new(3_u64).unwrap(), Value::I64(3));
        check(&vec![1_u8, 2], Value::I64List(vec![1, 2]));
        check(&[u64::MAX, 1], Value::from(["18446744073709551615", "1"]));
        check(&["a", "b"][..], Value::from(["a", "b"]));
        check(&[1.0_f32], Value::F64List(vec![1.0]));
        check(&Value::from(3), Value::I64(3));
    }

    #[test]
    fn formatting_that_fails_harms_nobody() {
        struct Broken(bool);
        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half ")?;
                assert!(self.0, "as it must");
                Err(fmt::Error)
            }
        }
        let shown = |value| Argument::display(&value).into_value();
        assert_eq!(shown(Broken(true)), Some("half <error while formatting>".into()));
        assert_eq!(shown(Broken(false)), Some("half <panic while formatting>".into()));
    }
}
