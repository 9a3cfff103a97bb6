//! Values of log records, which may be maps, bytes, and lists of anything.

use onelogger::Value;
use opentelemetry::logs::AnyValue;
use serde_json::Value as Json;

/// Deeper values are cut: a text stands for them.
const MAX_DEPTH: usize = 32;
const TOO_DEEP: &str = "…";

/// A plain value, or a list of one kind of plain values, as it is. Everything else as the text that
/// OpenTelemetry's specification has for it where there is no such type: bytes in base 64, maps and
/// other lists as JSON.
pub(super) fn value(value: AnyValue) -> Value {
    match value {
        AnyValue::Int(value) => Value::from(value),
        AnyValue::Double(value) => Value::from(value),
        AnyValue::Boolean(value) => Value::from(value),
        AnyValue::String(text) => Value::from(String::from(text)),
        AnyValue::Bytes(bytes) => Value::from(base64(&bytes)),
        AnyValue::ListAny(list) => {
            plain_list(&list).unwrap_or_else(|| json(AnyValue::ListAny(list), 0).to_string().into())
        }
        other => Value::from(json(other, 0).to_string()),
    }
}

/// The list, if all its values are of one plain kind.
fn plain_list(list: &[AnyValue]) -> Option<Value> {
    fn all<T>(list: &[AnyValue], one: impl Fn(&AnyValue) -> Option<T>) -> Option<Vec<T>> {
        list.iter().map(one).collect()
    }
    Some(match list.first() {
        Some(AnyValue::Int(_)) => Value::from(all(list, |value| match value {
            AnyValue::Int(value) => Some(*value),
            _ => None,
        })?),
        Some(AnyValue::Double(_)) => Value::from(all(list, |value| match value {
            AnyValue::Double(value) => Some(*value),
            _ => None,
        })?),
        Some(AnyValue::Boolean(_)) => Value::from(all(list, |value| match value {
            AnyValue::Boolean(value) => Some(*value),
            _ => None,
        })?),
        Some(AnyValue::String(_)) => Value::from(all(list, |value| match value {
            AnyValue::String(text) => Some(text.as_str().to_owned()),
            _ => None,
        })?),
        Some(_) => return None,
        None => Value::StringList(Vec::new()),
    })
}

fn json(value: AnyValue, depth: usize) -> Json {
    if depth == MAX_DEPTH {
        return Json::from(TOO_DEEP);
    }
    match value {
        AnyValue::Int(value) => Json::from(value),
        // JSON has no number for the others, and the text is that of OTLP.
        AnyValue::Double(value) if value.is_nan() => Json::from("NaN"),
        AnyValue::Double(value) if value == f64::INFINITY => Json::from("Infinity"),
        AnyValue::Double(value) if value == f64::NEG_INFINITY => Json::from("-Infinity"),
        AnyValue::Double(value) => Json::from(value),
        AnyValue::Boolean(value) => Json::from(value),
        AnyValue::String(text) => Json::from(String::from(text)),
        AnyValue::Bytes(bytes) => Json::from(base64(&bytes)),
        AnyValue::ListAny(list) => list.into_iter().map(|value| json(value, depth + 1)).collect(),
        AnyValue::Map(map) => {
            let entries = map.into_iter();
            entries.map(|(key, value)| (String::from(key), json(value, depth + 1))).collect()
        }
        // A kind that came later.
        other => Json::from(format!("{other:?}")),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        for digit in 0..4 {
            let is_used = digit <= chunk.len();
            let place = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if is_used { char::from(DIGITS[place]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::Key;

    use super::*;

    #[test]
    fn base_64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn plain_values_keep_their_kind_and_others_are_json() {
        let list = |values: Vec<AnyValue>| value(values.into_iter().collect());
        assert_eq!(list(vec![1.into(), 2.into()]), Value::from([1, 2]));
        assert_eq!(list(vec![0.5.into(), f64::NAN.into()]), Value::from([0.5, f64::NAN]));
        assert_eq!(list(vec![true.into()]), Value::from([true]));
        assert_eq!(list(vec!["a".into(), "b".into()]), Value::from(["a", "b"]));
        assert_eq!(list(vec![1.into(), "b".into(), true.into()]), Value::from(r#"[1,"b",true]"#));
        assert_eq!(value(AnyValue::from(&b"hi"[..])), Value::from("aGk="));
        let map = HashMap::from([
            (Key::from("z"), AnyValue::from(f64::NEG_INFINITY)),
            (Key::from("a"), AnyValue::from(&b"hi"[..])),
            (Key::from("m"), AnyValue::from_iter([("n", 1.5)])),
        ]);
        let text = r#"{"a":"aGk=","m":{"n":1.5},"z":"-Infinity"}"#;
        assert_eq!(value(AnyValue::Map(Box::new(map))), Value::from(text));
    }

    #[test]
    fn a_deep_value_is_cut() {
        let deep = (0..100).fold(AnyValue::from(1), |inner, _| AnyValue::from_iter([inner]));
        let expected = format!("{}\"{TOO_DEEP}\"{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(value(deep), Value::from(expected));
    }
}
