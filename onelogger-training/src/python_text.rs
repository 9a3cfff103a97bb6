//! Values as the Python library writes them into `key:value` texts.

use std::fmt::Write;

use onelogger::{Attributes, Value};

/// A text `key:value` for each entry.
pub(crate) fn entries(metadata: &Attributes) -> Vec<String> {
    metadata.iter().map(|(name, value)| format!("{name}:{}", text(value))).collect()
}

fn text(value: &Value) -> String {
    fn list<T>(values: &[T], one: impl Fn(&T) -> String) -> String {
        let texts: Vec<_> = values.iter().map(one).collect();
        format!("[{}]", texts.join(", "))
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => boolean(value),
        Value::I64(value) => value.to_string(),
        Value::F64(value) => float(value),
        Value::StringList(values) => list(values, |text| quoted(text)),
        Value::BoolList(values) => list(values, boolean),
        Value::I64List(values) => list(values, i64::to_string),
        Value::F64List(values) => list(values, float),
    }
}

fn boolean(value: &bool) -> String {
    if *value { "True".into() } else { "False".into() }
}

/// The shortest text that is read back as the same number, with an exponent where Python has one.
fn float(value: &f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { value.to_string() };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        -4..=15 => format!("{value:?}"),
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

/// In single quotes, unless there are some in the text and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character == quote => quoted.extend(['\\', quote]),
            // Writing into a text cannot fail.
            _ if character.is_control() => drop(write!(quoted, "\\x{:02x}", character as u32)),
            _ => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_look_as_in_python() {
        let check = |value: Value, expected: &str| {
            let metadata = Attributes::new().with("k", value);
            assert_eq!(entries(&metadata), [format!("k:{expected}")]);
        };
        check(true.into(), "True");
        check("a b".into(), "a b");
        check((-3).into(), "-3");
        check(1.5.into(), "1.5");
        check(1.0.into(), "1.0");
        check(1e15.into(), "1000000000000000.0");
        check(1e16.into(), "1e+16");
        check(1.5e-7.into(), "1.5e-07");
        check(0.0001.into(), "0.0001");
        check(f64::INFINITY.into(), "inf");
        check([1, 2].map(i64::from).into(), "[1, 2]");
        check([0.5, 2.0].into(), "[0.5, 2.0]");
        check([true, false].into(), "[True, False]");
        check(["x", "it's", "q\"'", "a\nb"].into(), r#"['x', "it's", 'q"\'', 'a\nb']"#);
    }
}
