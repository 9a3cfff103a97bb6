//! Lists as the macros take them: by reference.

use std::borrow::Cow;
use std::sync::Arc;

use super::Value;

/// What a list may hold.
#[diagnostic::on_unimplemented(
    message = "a list of `{Self}` cannot be the value of an attribute",
    label = "lists hold texts, booleans or numbers; write `?…` to record it as its `Debug` shows it"
)]
pub trait Element: Sized {
    /// The list, borrowed.
    #[doc(hidden)]
    fn list(elements: &[Self]) -> List<'_>;
}

/// Takes in the elements of a list; `None` ends that.
pub(super) trait Elements {
    fn texts(&mut self, count: usize, texts: impl Iterator<Item: AsRef<str>>) -> Option<()>;
    fn bools(&mut self, list: &[bool]) -> Option<()>;
    fn integers(&mut self, numbers: impl ExactSizeIterator<Item = i64>) -> Option<()>;
    fn floats(&mut self, numbers: impl ExactSizeIterator<Item = f64>) -> Option<()>;
}

macro_rules! lists {
    (
        integers { $($integer:ident($integer_type:ty)),* }
        wide { $($wide:ident($wide_type:ty)),* }
        floats { $($float:ident($float_type:ty)),* }
        texts { $($text:ident($text_type:ty)),* }
    ) => {
        /// A list of a type that attributes may have.
        #[derive(Clone, Copy)]
        #[doc(hidden)]
        pub enum List<'a> {
            Bool(&'a [bool]),
            $($integer(&'a [$integer_type]),)*
            $($wide(&'a [$wide_type]),)*
            $($float(&'a [$float_type]),)*
            $($text(&'a [$text_type]),)*
        }

        impl List<'_> {
            /// Hands the elements on. Unsigned numbers beyond an `i64` make it a list of texts.
            pub(super) fn put(self, elements: &mut impl Elements) -> Option<()> {
                match self {
                    List::Bool(list) => elements.bools(list),
                    $(List::$integer(list) => {
                        elements.integers(list.iter().map(|&number| number as i64))
                    })*
                    $(List::$wide(list) => {
                        if list.iter().all(|&number| i64::try_from(number).is_ok()) {
                            elements.integers(list.iter().map(|&number| number as i64))
                        } else {
                            elements.texts(list.len(), list.iter().map(<$wide_type>::to_string))
                        }
                    })*
                    $(List::$float(list) => {
                        elements.floats(list.iter().map(|&number| number.into()))
                    })*
                    $(List::$text(list) => elements.texts(list.len(), list.iter()),)*
                }
            }
        }

        $(impl Element for $integer_type {
            fn list(elements: &[Self]) -> List<'_> {
                List::$integer(elements)
            }
        })*
        $(impl Element for $wide_type {
            fn list(elements: &[Self]) -> List<'_> {
                List::$wide(elements)
            }
        })*
        $(impl Element for $float_type {
            fn list(elements: &[Self]) -> List<'_> {
                List::$float(elements)
            }
        })*
    };
}

lists! {
    integers {
        I8(i8), I16(i16), I32(i32), I64(i64), Isize(isize), U8(u8), U16(u16), U32(u32)
    }
    wide { U64(u64), Usize(usize), U128(u128), I128(i128) }
    floats { F32(f32), F64(f64) }
    texts { Str(&'a str), String(String), Cow(Cow<'a, str>), Boxed(Box<str>), Shared(Arc<str>) }
}

impl Element for bool {
    fn list(elements: &[bool]) -> List<'_> {
        List::Bool(elements)
    }
}

impl Element for &str {
    fn list(elements: &[Self]) -> List<'_> {
        List::Str(elements)
    }
}

impl Element for String {
    fn list(elements: &[Self]) -> List<'_> {
        List::String(elements)
    }
}

impl Element for Cow<'_, str> {
    fn list(elements: &[Self]) -> List<'_> {
        List::Cow(elements)
    }
}

impl Element for Box<str> {
    fn list(elements: &[Self]) -> List<'_> {
        List::Boxed(elements)
    }
}

impl Element for Arc<str> {
    fn list(elements: &[Self]) -> List<'_> {
        List::Shared(elements)
    }
}

impl List<'_> {
    pub(super) fn to_value(self) -> Value {
        let mut made = Made(Value::BoolList(Vec::new()));
        let _ = self.put(&mut made);
        made.0
    }
}

struct Made(Value);

impl Elements for Made {
    fn texts(&mut self, _: usize, texts: impl Iterator<Item: AsRef<str>>) -> Option<()> {
        self.0 = Value::StringList(texts.map(|text| text.as_ref().to_owned()).collect());
        Some(())
    }

    fn bools(&mut self, list: &[bool]) -> Option<()> {
        self.0 = Value::BoolList(list.to_vec());
        Some(())
    }

    fn integers(&mut self, numbers: impl ExactSizeIterator<Item = i64>) -> Option<()> {
        self.0 = Value::I64List(numbers.collect());
        Some(())
    }

    fn floats(&mut self, numbers: impl ExactSizeIterator<Item = f64>) -> Option<()> {
        self.0 = Value::F64List(numbers.collect());
        Some(())
    }
}
