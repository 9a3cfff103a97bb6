//! Texts and durations as a person reads them on a terminal: short, and such that nothing of them
//! steers it.

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// A duration in a unit that suits it, to some four digits.
pub(crate) fn duration(duration: Duration) -> String {
    let (nanos, seconds) = (duration.as_nanos(), duration.as_secs_f64());
    // The limits lie half a last digit below the next unit: nothing is rounded up to `1000.0 ms`.
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..999_950 => format!("{:.1} µs", seconds * 1e6),
        999_950..999_950_000 => format!("{:.1} ms", seconds * 1e3),
        999_950_000..59_999_500_000 => format!("{seconds:.3} s"),
        _ => {
            let whole = (nanos + 500_000_000) / 1_000_000_000;
            match (whole / 3600, whole / 60 % 60, whole % 60) {
                (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
                (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
            }
        }
    }
}

/// A text in quotes, unless it is a word.
pub(crate) fn quoted(text: String) -> String {
    match text.is_empty() || text.contains([' ', '=', '"']) {
        true => format!("\"{}\"", text.replace('"', "\\\"")),
        false => text,
    }
}

/// A text of which no more than so many characters are shown; what would steer the terminal is
/// escaped. Takes no longer for a text of megabytes than for one that just fits.
pub(crate) fn cut(text: impl Display, max_chars: usize) -> String {
    let mut cut = Cut { text: String::new(), room: max_chars };
    if write!(cut, "{text}").is_err() {
        cut.text.push('…');
    }
    cut.text
}

/// Fails when there is no room left, which ends the formatting of what is written to it.
struct Cut {
    text: String,
    room: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.room = self.room.checked_sub(1).ok_or(fmt::Error)?;
            match character {
                // These change the direction of what follows.
                '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' => self.text.extend(character.escape_unicode()),
                _ if character.is_control() => self.text.extend(character.escape_default()),
                _ => self.text.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_and_cannot_steer_the_terminal() {
        assert_eq!(cut("a\u{1b}[2J\nb\u{202e}\u{9b}", 60), "a\\u{1b}[2J\\nb\\u{202e}\\u{9b}");
        assert_eq!(cut("é".repeat(10), 10), "é".repeat(10));
        assert_eq!(cut("é".repeat(11), 10), "é".repeat(10) + "…");
        assert_eq!(cut("", 0), "");
        assert_eq!(cut("a", 0), "…");
    }

    #[test]
    fn a_duration_has_a_unit_that_suits_it() {
        let check = |nanos: u64, expected: &str| {
            assert_eq!(duration(Duration::from_nanos(nanos)), expected);
        };
        check(0, "0 ns");
        check(999_949, "999.9 µs");
        check(999_950, "1.0 ms");
        check(999_960_000, "1.000 s");
        check(59_999_400_000, "59.999 s");
        check(59_999_600_000, "1 min 00 s");
        check(61_000_000_000, "1 min 01 s");
        check(7_320_000_000_000, "2 h 02 min");
    }
}
