//! JSON as files hold it: more than an attribute may be, and less than JSON demands.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::data::{Attributes, Name, Value};

/// Attributes of any JSON values.
///
/// What is no attribute value (a null, an object, a mixed list) is kept as its JSON text, so that a
/// line is not lost for it. A list in which numbers and the words for what is no number stand
/// together is a list of floats: that is how one with a NaN is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AnyAttributes(pub(super) Attributes);

impl<'de> Deserialize<'de> for AnyAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyAttributes, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = AnyAttributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyAttributes, A::Error> {
                let mut attributes = Attributes::new();
                while let Some((name, json)) = map.next_entry::<Name, serde_json::Value>()? {
                    attributes.set(name, any_value(json));
                }
                Ok(AnyAttributes(attributes))
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

fn any_value(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Bool(value) => Value::Bool(value),
        Json::String(text) => Value::String(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::I64(value),
            (None, Some(value)) => Value::from(value),
            (None, None) => Value::F64(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::Array(list) => {
            typed_list(&list).unwrap_or_else(|| Value::String(Json::from(list).to_string()))
        }
        Json::Null | Json::Object(_) => Value::String(json.to_string()),
    }
}

/// The list, if its elements are of one kind.
fn typed_list(list: &[serde_json::Value]) -> Option<Value> {
    fn all<T>(
        list: &[serde_json::Value],
        convert: impl FnMut(&serde_json::Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        list.iter().map(convert).collect()
    }
    let texts = all(list, |value| value.as_str().map(str::to_owned)).map(Value::StringList);
    texts
        .or_else(|| all(list, serde_json::Value::as_bool).map(Value::BoolList))
        .or_else(|| all(list, serde_json::Value::as_i64).map(Value::I64List))
        .or_else(|| all(list, float).map(Value::F64List))
}

/// A number, or the word that stands for what is none.
fn float(value: &serde_json::Value) -> Option<f64> {
    match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// The text with what the Python library writes and JSON does not know made into JSON: the bare
/// words `NaN`, `Infinity` and `-Infinity` become texts, and half of a surrogate pair the
/// replacement character. `None` if there is nothing of that kind.
pub(super) fn mended(text: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    let mut mended = String::new();
    // What comes before is in `mended`.
    let mut copied = 0;
    let mut at = 0;
    let mut is_within_text = false;
    while let Some(&byte) = text.as_bytes().get(at) {
        let (length, instead) = match byte {
            b'"' => {
                is_within_text = !is_within_text;
                (1, None)
            }
            b'\\' if is_within_text => escape(text.as_bytes(), at),
            b'N' | b'I' | b'-' if !is_within_text => {
                let rest = &text.as_bytes()[at..];
                let word = WORDS.iter().find(|word| rest.starts_with(word.as_bytes()));
                word.map_or((1, None), |word| (word.len(), Some(format!("\"{word}\""))))
            }
            _ => (1, None),
        };
        if let Some(instead) = instead {
            mended.push_str(&text[copied..at]);
            mended.push_str(&instead);
            copied = at + length;
        }
        at += length;
    }
    (copied > 0).then(|| mended + &text[copied..])
}

/// How long the escape is that begins there, and what should stand in its place.
fn escape(text: &[u8], at: usize) -> (usize, Option<String>) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match (unit(at), unit(at + 6)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some("\\ufffd".to_owned())),
        (Some(_), _) => (6, None),
        (None, _) => (2, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        any_value(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_list_of_one_kind_keeps_its_kind() {
        assert_eq!(read("[1,2]"), Value::from([1, 2]));
        assert_eq!(read("[1,2.5]"), Value::from([1.0, 2.5]));
        assert_eq!(read("[\"a\",\"NaN\"]"), Value::from(["a", "NaN"]));
        assert_eq!(read("[true]"), Value::from([true]));
        assert_eq!(read("[]"), Value::I64List(vec![]));
        assert_eq!(
            read("[1.5,\"NaN\",\"-Infinity\"]"),
            Value::from([1.5, f64::NAN, f64::NEG_INFINITY])
        );
    }

    #[test]
    fn what_is_no_attribute_value_is_kept_as_its_text() {
        for text in ["[1,\"a\"]", "[[1],{\"a\":null}]", "{\"b\":[1.0]}", "null"] {
            assert_eq!(read(text), Value::from(text));
        }
    }

    #[test]
    fn what_only_python_writes_is_mended() {
        let check = |text: &str, expected: &str| {
            assert_eq!(mended(text).as_deref().unwrap_or(text), expected);
        };
        check(
            r#"{"a":NaN,"b":[-Infinity,Infinity]}"#,
            r#"{"a":"NaN","b":["-Infinity","Infinity"]}"#,
        );
        check(r#"{"NaN":"NaN \" NaN","b":-1}"#, r#"{"NaN":"NaN \" NaN","b":-1}"#);
        check(r#"{"é":"\ud83e\udd80 \ud83e \udd80"}"#, r#"{"é":"\ud83e\udd80 \ufffd \ufffd"}"#);
        check(r#"{"a":"\u"#, r#"{"a":"\u"#);
        check("\"\\", "\"\\");
    }
}
