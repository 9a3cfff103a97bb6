//! Values as a person likes to read them.
//!
//! What a file holds is shown on terminals: nothing of it may steer them, and nothing of it fill
//! them.

use std::fmt;
use std::time::Duration;

use super::{Line, LineKind};
use crate::data::names::attribute;
use crate::data::{Attributes, Value, shown};

/// A longer name or value is cut.
const LONGEST_CHARS: usize = 60;
/// A longer text of an error is cut: it is what a person looks for.
const LONGEST_MESSAGE_CHARS: usize = 200;

/// A duration in a unit that suits it, to some four digits.
///
/// ```
/// let duration = std::time::Duration::from_micros(1_234_567);
/// assert_eq!(onelogger::read::text::duration(duration), "1.235 s");
/// ```
pub fn duration(duration: Duration) -> String {
    shown::duration(duration)
}

/// A number of things, in words.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A name or value of a file: control characters are escaped, and what is too long is cut.
///
/// ```
/// assert_eq!(onelogger::read::text::shown("two\nlines"), "two\\nlines");
/// ```
pub fn shown(text: &str) -> String {
    shown::cut(text, LONGEST_CHARS)
}

/// Attributes as `name=value`, each after two blanks or one.
pub(super) fn put_attributes(f: &mut fmt::Formatter<'_>, attributes: &Attributes) -> fmt::Result {
    for (place, (name, value)) in attributes.iter().enumerate() {
        let gap = if place == 0 { "  " } else { " " };
        write!(f, "{gap}{}={}", shown(name.as_str()), shown_value(value))?;
    }
    Ok(())
}

/// An event, an error or a telemetry data error, and how long after the start of its span it came.
pub(super) fn put_record(
    f: &mut fmt::Formatter<'_>,
    line: &Line,
    since_start: Option<Duration>,
) -> fmt::Result {
    let mut attributes = line.attributes.clone();
    let message = |text: &str| shown::cut(text, LONGEST_MESSAGE_CHARS);
    let mut take = |name| attributes.remove(name);
    if line.kind == LineKind::Event {
        write!(f, "- {}", shown(line.name.as_str()))?;
    } else {
        let what = if line.kind == LineKind::Error { "error" } else { "telemetry data error" };
        let mut take_text = |name| take(name).map(|value| message(&value.to_string()));
        let said = take_text(attribute::ERROR_MESSAGE).unwrap_or_default();
        write!(f, "! {what}: {said}")?;
        if let Some(kind) = take_text(attribute::EXCEPTION_TYPE) {
            let text = take_text(attribute::EXCEPTION_MESSAGE).unwrap_or_default();
            // What was said already is not repeated.
            match text.is_empty() || said.ends_with(&text) {
                true => write!(f, " ({kind})")?,
                false => write!(f, " ({kind}: {text})")?,
            }
        }
        match take(attribute::EXCEPTION_SOURCES) {
            Some(Value::StringList(sources)) => {
                for source in &sources {
                    write!(f, ", caused by: {}", message(source))?;
                }
            }
            // Not as this library writes it.
            Some(other) => write!(f, ", caused by: {}", message(&other.to_string()))?,
            None => {}
        }
        // A page of text that belongs into no tree.
        take(attribute::EXCEPTION_TRACEBACK);
    }
    if let Some(since) = since_start {
        write!(f, "  +{}", duration(since))?;
    }
    put_attributes(f, &attributes)
}

fn shown_value(value: &Value) -> String {
    let text = shown::cut(value, LONGEST_CHARS);
    if let Value::String(_) = value { shown::quoted(text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(shown("a\u{1b}[2J\nb\u{202e}"), "a\\u{1b}[2J\\nb\\u{202e}");
        assert_eq!(shown(&"é".repeat(100)).chars().count(), LONGEST_CHARS + 1);
        assert_eq!(shown_value(&"two words".into()), "\"two words\"");
        assert_eq!(shown_value(&"".into()), "\"\"");
        assert_eq!(shown_value(&[1.0, 2.5].into()), "[1.0, 2.5]");
    }
}
