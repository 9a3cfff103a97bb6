//! Environment variables, read one by one: what each is understood as, and what is wrong with it.
//!
//! As OpenTelemetry's specification has it, an empty value counts as not set, and one that cannot be
//! understood is left out and said.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// Where variables come from; tests have tables.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads variables, and notes what came of it.
pub(super) struct Variables<'a> {
    lookup: Lookup<'a>,
    /// Names and values as understood, without secrets, in the order of reading.
    pub(super) understood: Vec<(String, String)>,
    /// What is wrong, a sentence each, which begins with the name.
    pub(super) problems: Vec<String>,
}

/// What a timeout of zero stands for. Some 24 days.
const NO_LIMIT: Duration = Duration::from_millis(i32::MAX as u64);

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: Lookup<'a>) -> Variables<'a> {
        Variables { lookup, understood: Vec::new(), problems: Vec::new() }
    }

    /// The text of a variable, which nobody is told of yet.
    pub(super) fn raw(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Says what a variable was understood as.
    pub(super) fn understood(&mut self, name: &str, value: impl Display) {
        self.understood.push((name.to_owned(), value.to_string()));
    }

    pub(super) fn problem(&mut self, name: &str, what: impl Display) {
        self.problems.push(format!("{name}: {what}"));
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.raw(name)?;
        self.understood(name, &text);
        Some(text)
    }

    /// `true` in any case is true, all else is false; what is neither is said. In variables of our own
    /// `1` and `0` stand for the same; the specification forbids that for its own.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let Some(text) = self.raw(name) else {
            return false;
        };
        let is_own = !name.starts_with("OTEL_");
        let value = match text.to_ascii_lowercase().as_str() {
            "true" => true,
            "false" => false,
            "1" if is_own => true,
            "0" if is_own => false,
            _ => {
                self.problem(name, format_args!("`{text}` is neither `true` nor `false`"));
                return false;
            }
        };
        self.understood(name, value);
        value
    }

    /// A number; `what` says of which kind.
    pub(super) fn number<T: FromStr + Display>(&mut self, name: &str, what: &str) -> Option<T> {
        let text = self.raw(name)?;
        match text.parse() {
            Ok(number) => {
                self.understood(name, &number);
                Some(number)
            }
            Err(_) => {
                self.problem(name, format_args!("`{text}` is no {what}"));
                None
            }
        }
    }

    pub(super) fn millis(&mut self, name: &str) -> Option<Duration> {
        self.number(name, "whole number of milliseconds").map(Duration::from_millis)
    }

    /// How long something may take, in milliseconds; zero stands for no limit.
    pub(super) fn timeout(&mut self, name: &str) -> Option<Duration> {
        self.millis(name).map(|limit| if limit.is_zero() { NO_LIMIT } else { limit })
    }

    /// One of several words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.raw(name)?;
        let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
        match found {
            Some((word, value)) => {
                self.understood(name, word);
                Some(*value)
            }
            None => {
                self.unknown_word(name, &text, words.iter().map(|(word, _)| *word));
                None
            }
        }
    }

    /// Several words, separated by commas. What is not known is left out and said.
    pub(super) fn words<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let text = self.raw(name)?;
        let mut values = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match words.iter().find(|(word, _)| part.eq_ignore_ascii_case(word)) {
                Some((_, value)) => values.push(*value),
                None => self.unknown_word(name, part, words.iter().map(|(word, _)| *word)),
            }
        }
        self.understood(name, text);
        Some(values)
    }

    /// Names, separated by commas.
    pub(super) fn names(&mut self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    fn unknown_word<'w>(&mut self, name: &str, text: &str, words: impl Iterator<Item = &'w str>) {
        let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
        self.problem(name, format_args!("`{text}` is not known; expected {}", words.join(", ")));
    }

    /// `key=value` pairs, separated by commas, with percent-encoding. A value is shown only where it
    /// is no secret.
    pub(super) fn pairs(&mut self, name: &str, are_secrets: bool) -> Vec<(String, String)> {
        let Some(text) = self.raw(name) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            let decoded =
                pair.and_then(|(key, value)| Some((decoded(key.trim())?, decoded(value.trim())?)));
            match decoded {
                Some(pair) => pairs.push(pair),
                // Nothing of it is shown: what stands there may be a secret in a wrong place.
                None => self.problem(name, "a part is no `key=value`, or not percent-encoded"),
            }
        }
        let shown = pairs.iter().map(|(key, value)| match are_secrets {
            true => format!("{key}=***"),
            false => format!("{key}={value}"),
        });
        let shown: Vec<String> = shown.collect();
        self.understood(name, shown.join(","));
        pairs
    }
}

/// The text that a percent-encoded one stands for, if it is UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let byte = digit(digits[0])? * 16 + digit(digits[1])?;
        bytes.push(byte as u8);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: &'static str) -> impl Fn(&str) -> Option<String> {
        move |_| Some(value.to_owned())
    }

    #[test]
    fn what_cannot_be_understood_is_left_out_and_said() {
        let lookup = one("many");
        let mut variables = Variables::new(&lookup);
        assert_eq!(variables.number::<u32>("A", "whole number"), None);
        assert_eq!(variables.millis("B"), None);
        assert!(!variables.flag("C"));
        assert_eq!(variables.word("D", &[("few", 1), ("none", 0)]), None);
        assert_eq!(variables.words("E", &[("few", 1)]), Some(vec![]));
        assert_eq!(
            variables.problems,
            [
                "A: `many` is no whole number",
                "B: `many` is no whole number of milliseconds",
                "C: `many` is neither `true` nor `false`",
                "D: `many` is not known; expected `few`, `none`",
                "E: `many` is not known; expected `few`",
            ]
        );
    }

    #[test]
    fn only_true_is_true_in_a_variable_of_the_specification() {
        let check = |value: &'static str, name, expected: (bool, usize)| {
            let lookup = one(value);
            let mut variables = Variables::new(&lookup);
            let flag = variables.flag(name);
            assert_eq!((flag, variables.problems.len()), expected, "{name}={value}");
        };
        check("TRUE", "OTEL_SDK_DISABLED", (true, 0));
        check("False", "OTEL_SDK_DISABLED", (false, 0));
        check("1", "OTEL_SDK_DISABLED", (false, 1));
        check("yes", "OTEL_SDK_DISABLED", (false, 1));
        check("1", "ONELOGGER_DEFER_SETUP", (true, 0));
        check("0", "_OTEL_DEFER_SETUP", (false, 0));
    }

    #[test]
    fn a_timeout_of_zero_is_none() {
        let check = |value: &'static str, expected| {
            assert_eq!(Variables::new(&one(value)).timeout("T"), expected, "{value}");
        };
        check("250", Some(Duration::from_millis(250)));
        check("0", Some(NO_LIMIT));
        check("-1", None);
    }

    #[test]
    fn an_empty_value_is_none() {
        let lookup = one("  ");
        let mut variables = Variables::new(&lookup);
        assert_eq!(variables.text("A"), None);
        assert_eq!(variables.pairs("B", false), []);
        assert_eq!(variables.number::<u32>("C", "number"), None);
        assert!(variables.problems.is_empty() && variables.understood.is_empty());
    }

    #[test]
    fn pairs_are_decoded_and_secrets_are_not_shown() {
        let lookup = one("authorization=Basic%20a%3Db%2C,x-tenant = one ,,odd,=none,bad=%zz,u=%ff");
        let mut variables = Variables::new(&lookup);
        let pairs = variables.pairs("H", true);
        let expected = [("authorization", "Basic a=b,"), ("x-tenant", "one")];
        assert!(pairs.iter().map(|(key, value)| (&**key, &**value)).eq(expected));
        let shown = &variables.understood[0].1;
        assert_eq!(shown, "authorization=***,x-tenant=***");
        assert_eq!(variables.problems.len(), 4);
        assert!(variables.problems.iter().all(|text| !text.contains("zz")));
    }
}
