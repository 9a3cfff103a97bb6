//! Attributes as the protocol writes them.

use onelogger::{AttributesRef, Value, ValueRef};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};

pub(super) fn key_values(attributes: AttributesRef<'_>) -> Vec<KeyValue> {
    let mut all = Vec::with_capacity(attributes.len());
    all.extend(attributes.iter().map(|(name, value)| key_value(name, any_value(value))));
    all
}

pub(super) fn text(name: impl Into<String>, value: impl Into<String>) -> KeyValue {
    key_value(name, any_value::Value::StringValue(value.into()))
}

pub(super) fn key_value(name: impl Into<String>, value: any_value::Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    // The last field is for profiles only.
    KeyValue { key: name.into(), value, ..KeyValue::default() }
}

/// The same value of the same type. Numbers that are none and infinite ones are numbers here.
pub(super) fn any_value(value: ValueRef<'_>) -> any_value::Value {
    match value {
        ValueRef::String(text) => any_value::Value::StringValue(text.to_owned()),
        ValueRef::Bool(value) => any_value::Value::BoolValue(value),
        ValueRef::I64(value) => any_value::Value::IntValue(value),
        ValueRef::F64(value) => any_value::Value::DoubleValue(value),
        ValueRef::List(list) => {
            let mut values = Vec::with_capacity(list.len());
            values.extend(list.iter().map(|value| AnyValue { value: Some(any_value(value)) }));
            any_value::Value::ArrayValue(ArrayValue { values })
        }
    }
}

/// The same of a value that stands alone.
pub(super) fn of_value(value: &Value) -> any_value::Value {
    fn list<T>(list: &[T], one: impl Fn(&T) -> any_value::Value) -> any_value::Value {
        let values = list.iter().map(|value| AnyValue { value: Some(one(value)) }).collect();
        any_value::Value::ArrayValue(ArrayValue { values })
    }
    match value {
        Value::String(text) => any_value::Value::StringValue(text.clone()),
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::I64(value) => any_value::Value::IntValue(*value),
        Value::F64(value) => any_value::Value::DoubleValue(*value),
        Value::StringList(texts) => list(texts, |text| any_value::Value::StringValue(text.clone())),
        Value::BoolList(values) => list(values, |value| any_value::Value::BoolValue(*value)),
        Value::I64List(values) => list(values, |value| any_value::Value::IntValue(*value)),
        Value::F64List(values) => list(values, |value| any_value::Value::DoubleValue(*value)),
    }
}
