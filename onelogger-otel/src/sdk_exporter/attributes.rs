//! Attributes as the SDK holds them.

use onelogger::{AttributesRef, Value};
use opentelemetry::{Array, KeyValue};

pub(super) fn key_values(attributes: AttributesRef<'_>) -> Vec<KeyValue> {
    let mut all = Vec::with_capacity(attributes.len());
    all.extend(attributes.iter().map(|(name, value)| key_value(name, value.to_owned())));
    all
}

/// The same value of the same type.
pub(crate) fn key_value(name: &str, value: Value) -> KeyValue {
    let value = match value {
        Value::String(text) => opentelemetry::Value::String(text.into()),
        Value::Bool(value) => opentelemetry::Value::Bool(value),
        Value::I64(value) => opentelemetry::Value::I64(value),
        Value::F64(value) => opentelemetry::Value::F64(value),
        Value::StringList(texts) => {
            let texts = texts.into_iter().map(Into::into).collect();
            opentelemetry::Value::Array(Array::String(texts))
        }
        Value::BoolList(values) => opentelemetry::Value::Array(Array::Bool(values)),
        Value::I64List(values) => opentelemetry::Value::Array(Array::I64(values)),
        Value::F64List(values) => opentelemetry::Value::Array(Array::F64(values)),
    };
    KeyValue::new(name.to_owned(), value)
}

/// About how much memory attributes take, and how much of a request.
pub(super) fn size_bytes(attributes: &[KeyValue]) -> usize {
    let value_bytes = |value: &opentelemetry::Value| match value {
        opentelemetry::Value::String(text) => text.as_str().len(),
        opentelemetry::Value::Array(Array::Bool(values)) => values.len(),
        opentelemetry::Value::Array(Array::I64(values)) => 8 * values.len(),
        opentelemetry::Value::Array(Array::F64(values)) => 8 * values.len(),
        opentelemetry::Value::Array(Array::String(texts)) => {
            texts.iter().map(|text| text.as_str().len() + size_of_val(text)).sum()
        }
        _ => 0,
    };
    let one = |attribute: &KeyValue| {
        size_of_val(attribute) + attribute.key.as_str().len() + value_bytes(&attribute.value)
    };
    attributes.iter().map(one).sum()
}
