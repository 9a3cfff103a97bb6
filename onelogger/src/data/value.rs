use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of an attribute: a text, a boolean, a number, or a list of one such kind.
///
/// A closed type: whatever is not one of these cannot be recorded, so no exporter can meet a value
/// that it does not know. An unsigned integer beyond [`i64::MAX`] becomes its decimal text.
///
/// In JSON a value is what it looks like; a NaN or an infinity is the text `NaN`, `Infinity` or
/// `-Infinity`, and is read back as that text, but in a list with a finite number as itself. Two
/// empty lists are equal whatever their kind,
/// because JSON cannot tell them apart. Floats are compared by their bits, so that a NaN equals
/// itself and a value that went through a file equals the one that was written.
///
/// ```
/// use onelogger::Value;
/// assert_eq!(Value::from(3), Value::I64(3));
/// assert_eq!(Value::from(vec!["a", "b"]), Value::StringList(vec!["a".into(), "b".into()]));
/// assert_eq!(Value::from(u64::MAX), Value::from("18446744073709551615"));
/// ```
#[derive(Clone, Debug)]
pub enum Value {
    /// A text.
    String(String),
    /// A boolean.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A number with a fraction.
    F64(f64),
    /// A list of texts.
    StringList(Vec<String>),
    /// A list of booleans.
    BoolList(Vec<bool>),
    /// A list of whole numbers.
    I64List(Vec<i64>),
    /// A list of numbers with a fraction.
    F64List(Vec<f64>),
}

impl Value {
    /// The text, if the value is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of value this is, in words for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            Value::I64(_) => "i64",
            Value::F64(_) => "f64",
            Value::StringList(_) => "list of strings",
            Value::BoolList(_) => "list of bools",
            Value::I64List(_) => "list of i64",
            Value::F64List(_) => "list of f64",
        }
    }

    fn is_empty_list(&self) -> bool {
        match self {
            Value::StringList(list) => list.is_empty(),
            Value::BoolList(list) => list.is_empty(),
            Value::I64List(list) => list.is_empty(),
            Value::F64List(list) => list.is_empty(),
            _ => false,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::I64(a), Value::I64(b)) => a == b,
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (Value::StringList(a), Value::StringList(b)) => a == b,
            (Value::BoolList(a), Value::BoolList(b)) => a == b,
            (Value::I64List(a), Value::I64List(b)) => a == b,
            (Value::F64List(a), Value::F64List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            _ => self.is_empty_list() && other.is_empty_list(),
        }
    }
}

impl Eq for Value {}

/// The word that stands for a float that JSON has no number for.
pub(crate) fn non_finite_word(value: f64) -> Option<&'static str> {
    if value.is_finite() {
        None
    } else if value.is_nan() {
        Some("NaN")
    } else if value > 0.0 {
        Some("Infinity")
    } else {
        Some("-Infinity")
    }
}

/// The float that such a word stands for.
fn non_finite(word: &str) -> Option<f64> {
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
        .into_iter()
        .find(|&value| non_finite_word(value) == Some(word))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::String(text) => f.write_str(text),
            Value::Bool(value) => write!(f, "{value}"),
            Value::I64(value) => write!(f, "{value}"),
            Value::F64(value) => write!(f, "{value}"),
            Value::StringList(list) => f.debug_list().entries(list).finish(),
            Value::BoolList(list) => f.debug_list().entries(list).finish(),
            Value::I64List(list) => f.debug_list().entries(list).finish(),
            Value::F64List(list) => f.debug_list().entries(list).finish(),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::String(text) => serializer.serialize_str(text),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::F64(value) => Float(*value).serialize(serializer),
            Value::StringList(list) => list.serialize(serializer),
            Value::BoolList(list) => list.serialize(serializer),
            Value::I64List(list) => list.serialize(serializer),
            Value::F64List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    sequence.serialize_element(&Float(*value))?;
                }
                sequence.end()
            }
        }
    }
}

/// A float that is a word where JSON has no number for it.
struct Float(f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match non_finite_word(self.0) {
            Some(word) => serializer.serialize_str(word),
            None => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a boolean, a number, or a list of one such kind")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::I64(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::F64(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let Some(first) = sequence.next_element::<Value>()? else {
            return Ok(Value::StringList(Vec::new()));
        };
        let mut list = match first {
            Value::String(value) => Value::StringList(vec![value]),
            Value::Bool(value) => Value::BoolList(vec![value]),
            Value::I64(value) => Value::I64List(vec![value]),
            Value::F64(value) => Value::F64List(vec![value]),
            _ => return Err(de::Error::custom("a list within a list")),
        };
        while let Some(value) = sequence.next_element::<Value>()? {
            match (&mut list, value) {
                (Value::StringList(list), Value::String(value)) => list.push(value),
                (Value::BoolList(list), Value::Bool(value)) => list.push(value),
                (Value::I64List(list), Value::I64(value)) => list.push(value),
                (Value::F64List(list), Value::F64(value)) => list.push(value),
                (Value::F64List(list), Value::String(word)) if non_finite(&word).is_some() => {
                    list.extend(non_finite(&word));
                }
                (Value::StringList(words), Value::F64(value)) => {
                    // Numbers after all: what came before stands for those that JSON lacks.
                    let numbers: Option<Vec<f64>> =
                        words.iter().map(|word| non_finite(word)).collect();
                    let mut numbers = numbers
                        .ok_or_else(|| de::Error::custom(mixed(&list, &Value::F64(value))))?;
                    numbers.push(value);
                    list = Value::F64List(numbers);
                }
                (list, value) => return Err(de::Error::custom(mixed(list, &value))),
            }
        }
        Ok(list)
    }
}

fn mixed(list: &Value, value: &Value) -> String {
    format!("a {} within a {}", value.kind(), list.kind())
}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => { $(
        impl From<$source> for Value {
            fn from(value: $source) -> Value {
                Value::$variant(value.into())
            }
        }
    )* };
}

from! {
    &str => String, String => String, bool => Bool,
    i8 => I64, i16 => I64, i32 => I64, i64 => I64, u8 => I64, u16 => I64, u32 => I64,
    f32 => F64, f64 => F64,
    Vec<String> => StringList, Vec<bool> => BoolList, Vec<i64> => I64List, Vec<f64> => F64List,
    &[i64] => I64List, &[f64] => F64List, &[bool] => BoolList,
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        i64::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::I64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::from(value as u64)
    }
}

impl From<isize> for Value {
    fn from(value: isize) -> Value {
        Value::I64(value as i64)
    }
}

impl From<Vec<&str>> for Value {
    fn from(list: Vec<&str>) -> Value {
        Value::StringList(list.into_iter().map(str::to_owned).collect())
    }
}

impl From<&[&str]> for Value {
    fn from(list: &[&str]) -> Value {
        Value::StringList(list.iter().map(|&text| text.to_owned()).collect())
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(list: [&str; N]) -> Value {
        Value::from(&list[..])
    }
}

impl<const N: usize> From<[i64; N]> for Value {
    fn from(list: [i64; N]) -> Value {
        Value::I64List(list.to_vec())
    }
}

impl<const N: usize> From<[f64; N]> for Value {
    fn from(list: [f64; N]) -> Value {
        Value::F64List(list.to_vec())
    }
}

impl<const N: usize> From<[bool; N]> for Value {
    fn from(list: [bool; N]) -> Value {
        Value::BoolList(list.to_vec())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::String(text.clone())
    }
}

impl From<std::borrow::Cow<'_, str>> for Value {
    fn from(text: std::borrow::Cow<'_, str>) -> Value {
        Value::String(text.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: &Value) -> Value {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn every_kind_comes_back_equal() {
        for value in [
            Value::from("text \u{0} \u{1F980}"),
            Value::from(true),
            Value::from(i64::MIN),
            Value::from(1.0),
            Value::from(-0.0),
            Value::from(f64::MIN_POSITIVE),
            Value::from(1e300),
            Value::from(["a", ""]),
            Value::from([true, false]),
            Value::from([1_i64, -1]),
            Value::from([1.0, 2.5]),
            Value::I64List(vec![]),
        ] {
            assert_eq!(round_trip(&value), value);
        }
    }

    #[test]
    fn a_float_without_a_json_number_is_a_word() {
        assert_eq!(serde_json::to_string(&Value::from(f64::NAN)).unwrap(), "\"NaN\"");
        assert_eq!(round_trip(&Value::from(f64::NEG_INFINITY)), Value::from("-Infinity"));
    }

    #[test]
    fn a_list_of_floats_comes_back_if_one_of_them_is_finite() {
        for list in [[1.0, f64::NAN], [f64::INFINITY, 0.5], [f64::NEG_INFINITY, -0.0]] {
            assert_eq!(round_trip(&Value::from(list)), Value::from(list));
        }
    }

    #[test]
    fn p20_mixed_and_nested_lists_are_refused() {
        for text in [
            "[1, 2.5]",
            "[\"a\", 1]",
            "[true, 1]",
            "[\"NaN\", \"x\", 1.0]",
            "[1, true]",
            "[[1]]",
            "null",
            "{}",
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text} was accepted");
        }
    }
}
