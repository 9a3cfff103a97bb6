//! Values as a person likes to read them.
//!
//! What a file holds is shown on terminals: nothing of it may steer them, and nothing of it fill
//! them.

use std::fmt;
use std::time::Duration;

use super::{Line, LineKind};
use crate::data::names::attribute;
use crate::data::{Attributes, Value};

/// A longer name or value is cut.
const LONGEST_CHARS: usize = 60;

/// A duration in a unit that suits it, to some four digits.
pub(super) fn duration(duration: Duration) -> String {
    let (nanos, seconds) = (duration.as_nanos(), duration.as_secs_f64());
    // The limits lie half a last digit below the next unit: nothing is rounded up to `1000.0 ms`.
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..999_950 => format!("{:.1} µs", seconds * 1e6),
        999_950..999_950_000 => format!("{:.1} ms", seconds * 1e3),
        999_950_000..59_999_500_000 => format!("{seconds:.3} s"),
        _ => {
            let whole = duration.as_secs();
            match (whole / 3600, whole / 60 % 60, whole % 60) {
                (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
                (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
            }
        }
    }
}

/// A number of things, in words.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A text of a file: control characters are escaped, and what is too long is cut.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == LONGEST_CHARS {
            shown.push('…');
            break;
        }
        match character {
            // These change the direction of what follows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.extend(character.escape_unicode());
            }
            _ if character.is_control() => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown
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
    let mut take = |name| attributes.remove(name).map(|value| shown(&value.to_string()));
    if line.kind == LineKind::Event {
        write!(f, "- {}", shown(line.name.as_str()))?;
    } else {
        let what = if line.kind == LineKind::Error { "error" } else { "telemetry data error" };
        let message = take(attribute::ERROR_MESSAGE).unwrap_or_default();
        write!(f, "! {what}: {message}")?;
        let kind = take(attribute::EXCEPTION_TYPE);
        let message = take(attribute::EXCEPTION_MESSAGE).unwrap_or_default();
        if let Some(kind) = kind {
            write!(f, " ({kind}: {message})")?;
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
    let text = shown(&value.to_string());
    let is_word = !text.is_empty() && !text.contains([' ', '=', '"']);
    match value {
        Value::String(_) if !is_word => format!("\"{}\"", text.replace('"', "\\\"")),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_that_suits_it() {
        let check = |nanos: u64, expected: &str| {
            assert_eq!(duration(Duration::from_nanos(nanos)), expected);
        };
        check(0, "0 ns");
        check(999, "999 ns");
        check(1_500, "1.5 µs");
        check(999_949, "999.9 µs");
        check(999_950, "1.0 ms");
        check(999_960_000, "1.000 s");
        check(1_234_567_890, "1.235 s");
        check(59_999_400_000, "59.999 s");
        check(61_000_000_000, "1 min 01 s");
        check(7_320_000_000_000, "2 h 02 min");
        check(u64::MAX, "5124095 h 34 min");
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(shown("a\u{1b}[2J\nb\u{202e}"), "a\\u{1b}[2J\\nb\\u{202e}");
        assert_eq!(shown(&"é".repeat(100)).chars().count(), LONGEST_CHARS + 1);
        assert_eq!(shown_value(&"two words".into()), "\"two words\"");
        assert_eq!(shown_value(&"".into()), "\"\"");
        assert_eq!(shown_value(&[1.0, 2.5].into()), "[1.0, 2.5]");
    }
}
