use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Name, Value};

/// An insertion-ordered map from names to values.
///
/// Replacing a value keeps the entry's place. Two sets are equal when they hold the same entries
/// in the same order.
///
/// ```
/// use onelogger::Attributes;
/// let mut attributes = Attributes::new().with("step", 3).with("phase", "warm-up");
/// attributes.set("step", 4);
/// assert_eq!(attributes.get_i64("step")?, Some(4));
/// assert_eq!(attributes.get_i64("absent")?, None);
/// assert!(attributes.get_i64("phase").is_err());
/// # Ok::<(), onelogger::AttributeTypeError>(())
/// ```
#[derive(Clone, Default)]
pub struct Attributes {
    entries: Vec<(Name, Value)>,
    /// Place of each name; kept from [`INDEXED_FROM`] entries on, because a short list is
    /// searched faster than it is hashed.
    index: HashMap<Name, usize>,
}

/// How many entries are searched one by one before an index is kept.
const INDEXED_FROM: usize = 24;

/// A value is of another kind than the one asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("attribute `{name}` is a {found}, not a {expected}")]
pub struct AttributeTypeError {
    name: String,
    expected: &'static str,
    found: &'static str,
}

impl Attributes {
    /// An empty set.
    pub fn new() -> Attributes {
        Attributes::default()
    }

    /// Adds or replaces a value, and returns the set.
    #[must_use]
    pub fn with(mut self, name: impl Into<Name>, value: impl Into<Value>) -> Attributes {
        self.set(name, value);
        self
    }

    /// Adds or replaces a value.
    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.position(name.as_str()) {
            Some(place) => self.entries[place].1 = value,
            None => {
                if self.entries.len() + 1 == INDEXED_FROM {
                    self.reindex();
                }
                if self.entries.len() + 1 >= INDEXED_FROM {
                    self.index.insert(name.clone(), self.entries.len());
                }
                self.entries.push((name, value));
            }
        }
    }

    /// Adds or replaces every entry of `other`.
    pub fn merge(&mut self, other: Attributes) {
        for (name, value) in other {
            self.set(name, value);
        }
    }

    /// Takes an entry out. The order of the others stays.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let place = self.position(name)?;
        let (_, value) = self.entries.remove(place);
        if self.entries.len() >= INDEXED_FROM {
            self.reindex();
        } else {
            self.index.clear();
        }
        Some(value)
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|place| &self.entries[place].1)
    }

    /// The text of a name; `None` if there is no such entry.
    ///
    /// # Errors
    /// If the value is no text.
    pub fn get_str(&self, name: &str) -> Result<Option<&str>, AttributeTypeError> {
        self.typed(name, "string", |value| match value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The boolean of a name; `None` if there is no such entry.
    ///
    /// # Errors
    /// If the value is no boolean.
    pub fn get_bool(&self, name: &str) -> Result<Option<bool>, AttributeTypeError> {
        self.typed(name, "bool", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// The whole number of a name; `None` if there is no such entry.
    ///
    /// # Errors
    /// If the value is no whole number.
    pub fn get_i64(&self, name: &str) -> Result<Option<i64>, AttributeTypeError> {
        self.typed(name, "i64", |value| match value {
            Value::I64(value) => Some(*value),
            _ => None,
        })
    }

    /// The number of a name; `None` if there is no such entry. A whole number is converted.
    ///
    /// # Errors
    /// If the value is no number.
    pub fn get_f64(&self, name: &str) -> Result<Option<f64>, AttributeTypeError> {
        self.typed(name, "f64", |value| match value {
            Value::F64(value) => Some(*value),
            Value::I64(value) => Some(*value as f64),
            _ => None,
        })
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Value)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        expected: &'static str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AttributeTypeError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        convert(value).map(Some).ok_or_else(|| AttributeTypeError {
            name: name.to_owned(),
            expected,
            found: value.kind(),
        })
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.entries.len() < INDEXED_FROM {
            self.entries.iter().position(|(known, _)| known.as_str() == name)
        } else {
            self.index.get(name).copied()
        }
    }

    fn reindex(&mut self) {
        let places = self.entries.iter().enumerate();
        self.index = places.map(|(place, (name, _))| (name.clone(), place)).collect();
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Attributes) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Attributes {}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl IntoIterator for Attributes {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<N: Into<Name>, V: Into<Value>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.extend(entries);
        attributes
    }
}

impl<N: Into<Name>, V: Into<Value>> Extend<(N, V)> for Attributes {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.set(name, value);
        }
    }
}

impl<N: Into<Name>, V: Into<Value>, const LEN: usize> From<[(N, V); LEN]> for Attributes {
    fn from(entries: [(N, V); LEN]) -> Attributes {
        entries.into_iter().collect()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from attribute names to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut attributes = Attributes::new();
                while let Some((name, value)) = map.next_entry::<Name, Value>()? {
                    attributes.set(name, value);
                }
                Ok(attributes)
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_keeps_the_place() {
        let attributes = Attributes::from([("a", 1), ("b", 2), ("a", 3)]);
        assert_eq!(serde_json::to_string(&attributes).unwrap(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn a_long_set_behaves_like_a_short_one() {
        let mut attributes = Attributes::new();
        for round in 0..2 {
            for i in 0..100 {
                attributes.set(format!("k{i}"), i + round);
            }
        }
        assert_eq!(attributes.len(), 100);
        assert_eq!(attributes.get_i64("k99"), Ok(Some(100)));
        for i in (0..100).step_by(2) {
            assert_eq!(attributes.remove(&format!("k{i}")), Some(Value::I64(i + 1)));
        }
        assert_eq!(attributes.len(), 50);
        let names: Vec<_> = attributes.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names[..2], ["k1", "k3"]);
        assert_eq!(attributes.get_i64("k99"), Ok(Some(100)));
        assert_eq!(attributes.get("k98"), None);
        for i in 1..100 {
            attributes.remove(&format!("k{i}"));
        }
        assert!(attributes.is_empty());
    }

    #[test]
    fn an_integer_passes_as_a_float_and_nothing_else_is_converted() {
        let attributes = Attributes::new().with("i", 3).with("t", "x").with("f", 0.5);
        assert_eq!(attributes.get_f64("i"), Ok(Some(3.0)));
        assert!(attributes.get_i64("f").is_err());
        assert!(attributes.get_str("i").is_err());
        assert_eq!(
            attributes.get_bool("t").unwrap_err().to_string(),
            "attribute `t` is a string, not a bool"
        );
    }
}
