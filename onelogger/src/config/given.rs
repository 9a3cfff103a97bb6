//! One value as it was given, and what it is understood as.

use std::path::PathBuf;
use std::time::Duration;

use super::document::{Content, Node, Origin};
use super::nearest::{one_of, suggestion};
use super::variables::Variables;
use crate::data::{REDACTED, Value, without_credentials};

/// A value with the variables in it replaced.
pub(super) struct Given<'a> {
    variables: &'a Variables,
    content: &'a Content,
    text: Option<String>,
    /// Whether it is text because its source has nothing else: a variable of the environment, also
    /// within a text of a file.
    is_loose: bool,
    is_secret: bool,
}

/// What is wrong, and what was expected instead.
type Understood<T> = Result<T, String>;

impl<'a> Given<'a> {
    pub(super) fn new(
        node: &'a Node,
        is_secret: bool,
        variables: &'a Variables,
    ) -> Understood<Given<'a>> {
        let mut given =
            Given { variables, content: &node.content, text: None, is_loose: false, is_secret };
        if let Content::Text(text) = &node.content {
            let text = match node.origin {
                Origin::Document(..) => {
                    let expanded = variables.expand(text)?;
                    given.is_loose = expanded.is_expanded;
                    given.is_secret |= expanded.is_secret;
                    expanded.text
                }
                Origin::Variable(_) => {
                    given.is_loose = true;
                    text.clone()
                }
                Origin::Code | Origin::Nowhere => text.clone(),
            };
            given.text = Some(text);
        }
        Ok(given)
    }

    pub(super) fn is_secret(&self) -> bool {
        self.is_secret
    }

    pub(super) fn bool(&self) -> Understood<bool> {
        match (self.content, self.loose()) {
            (Content::Bool(value), _) => Ok(*value),
            (_, Some("1")) => Ok(true),
            (_, Some("0")) => Ok(false),
            (_, Some(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            (_, Some(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => self.expected("true or false"),
        }
    }

    pub(super) fn integer<T: TryFrom<i64>>(&self) -> Understood<T> {
        let number = match (self.content, self.loose().map(str::parse)) {
            (Content::Integer(number), _) => *number,
            (_, Some(Ok(number))) => number,
            _ => return self.expected("a whole number"),
        };
        T::try_from(number)
            .map_err(|_| format!("{} is out of the range of this field", self.shown()))
    }

    pub(super) fn float(&self) -> Understood<f64> {
        match (self.content, self.loose().map(str::parse)) {
            (Content::Float(number), _) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "a fraction is asked for")]
            (Content::Integer(number), _) => Ok(*number as f64),
            (_, Some(Ok(number))) => Ok(number),
            _ => self.expected("a number"),
        }
    }

    pub(super) fn text(&self) -> Understood<String> {
        match (&self.text, self.content) {
            (Some(text), _) => Ok(text.clone()),
            (None, Content::Bool(_) | Content::Integer(_) | Content::Float(_)) => {
                Err(format!("expected a text, found {}; write it in quotes", self.shown()))
            }
            _ => self.expected("a text"),
        }
    }

    pub(super) fn path(&self) -> Understood<PathBuf> {
        let text = self.text()?;
        let expanded = crate::exporter::expand(text.as_ref(), self.variables.rank());
        expanded.map_err(|error| error.to_string())
    }

    pub(super) fn bytes(&self) -> Understood<usize> {
        let number = match (self.content, &self.text) {
            (Content::Integer(number), _) => u64::try_from(*number).ok(),
            (_, Some(text)) => bytes(text),
            _ => None,
        };
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => self.expected("a number of bytes, such as 65536 or `16 MiB`"),
        }
    }

    pub(super) fn duration(&self) -> Understood<Duration> {
        match self.text.as_deref().and_then(duration) {
            Some(duration) => Ok(duration),
            None => self.expected("a duration, such as `100ms`, `5s`, `2m` or `1h`"),
        }
    }

    pub(super) fn texts(&self) -> Understood<Vec<String>> {
        if let Content::List(list) = self.content {
            let given = list.iter().map(|node| Given::new(node, self.is_secret, self.variables));
            return given.map(|given| given?.text()).collect();
        }
        match self.loose() {
            Some(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Ok(parts.map(str::to_owned).collect())
            }
            None => self.expected("a list of texts"),
        }
    }

    pub(super) fn choice<T: Clone>(&self, choices: &[(&'static str, T)]) -> Understood<T> {
        self.choice_of(choices, &one_of(choices.iter().map(|(name, _)| *name)))
    }

    /// The same where the words are not all that may stand there.
    pub(super) fn choice_of<T: Clone>(
        &self,
        choices: &[(&'static str, T)],
        expected: &str,
    ) -> Understood<T> {
        let text = self.text.as_deref().unwrap_or_default();
        let choice = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        choice.map(|(_, value)| value.clone()).ok_or_else(|| {
            let suggestion = suggestion(text, choices.iter().map(|(name, _)| *name));
            format!("expected {expected}, found {}{suggestion}", self.shown())
        })
    }

    /// The value of an attribute.
    pub(super) fn value(&self) -> Understood<Value> {
        Ok(match (self.content, &self.text) {
            (_, Some(text)) => Value::from(text.clone()),
            (Content::Bool(value), _) => Value::Bool(*value),
            (Content::Integer(number), _) => Value::I64(*number),
            (Content::Float(number), _) => Value::F64(*number),
            (Content::List(list), _) => return self.list(list),
            _ => return self.expected("a text, a boolean, a number or a list of these"),
        })
    }

    fn list(&self, list: &[Node]) -> Understood<Value> {
        let given = list.iter().map(|node| Given::new(node, self.is_secret, self.variables));
        let given = given.collect::<Understood<Vec<_>>>()?;
        let is_float = |given: &Given<'_>| matches!(given.content, Content::Float(_));
        let is_bool = |given: &Given<'_>| matches!(given.content, Content::Bool(_));
        let list = match given.first() {
            _ if given.iter().any(is_float) => {
                given.iter().map(Given::float).collect::<Understood<_>>().map(Value::F64List)
            }
            Some(first) if is_bool(first) => {
                given.iter().map(Given::bool).collect::<Understood<_>>().map(Value::BoolList)
            }
            Some(Given { content: Content::Integer(_), .. }) => {
                given.iter().map(Given::integer).collect::<Understood<_>>().map(Value::I64List)
            }
            _ => given.iter().map(Given::text).collect::<Understood<_>>().map(Value::StringList),
        };
        list.map_err(|message| format!("a list holds values of one kind: {message}"))
    }

    fn loose(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.is_loose).map(str::trim)
    }

    pub(super) fn expected<T>(&self, what: &str) -> Understood<T> {
        Err(format!("expected {what}, found {}", self.shown()))
    }

    /// What stands there, in words, and without what may be a secret.
    fn shown(&self) -> String {
        match (self.content, &self.text) {
            (_, Some(_)) if self.is_secret => "a text that is not shown".to_owned(),
            (_, Some(text)) => {
                let shown = without_credentials(text);
                format!("the text `{}`", shown.chars().take(80).collect::<String>().escape_debug())
            }
            (Content::Bool(value), _) => value.to_string(),
            (Content::Integer(_) | Content::Float(_), _) if self.is_secret => "a number".to_owned(),
            (Content::Integer(number), _) => format!("the number {number}"),
            (Content::Float(number), _) => format!("the number {number:?}"),
            (Content::List(_), _) => "a list".to_owned(),
            (Content::Exporter, _) => "an exporter".to_owned(),
            (Content::Table(_), _) => "a table".to_owned(),
            (Content::Nothing | Content::Text(_), _) => "nothing".to_owned(),
        }
    }

    /// The value alone, as a configuration that is explained shows it.
    pub(super) fn explained(&self) -> String {
        match (self.content, &self.text) {
            _ if self.is_secret => REDACTED.to_owned(),
            (_, Some(text)) => format!("{:?}", without_credentials(text)),
            (Content::Bool(value), _) => value.to_string(),
            (Content::Integer(number), _) => number.to_string(),
            (Content::Float(number), _) => format!("{number:?}"),
            (Content::List(list), _) => {
                let explained = list.iter().map(|node| {
                    let given = Given::new(node, self.is_secret, self.variables);
                    given.map_or_else(|_| "?".to_owned(), |given| given.explained())
                });
                format!("[{}]", explained.collect::<Vec<_>>().join(", "))
            }
            (Content::Table(_), _) => "{}".to_owned(),
            (Content::Exporter, _) => "an exporter".to_owned(),
            (Content::Nothing | Content::Text(_), _) => "nothing".to_owned(),
        }
    }
}

/// A number and the unit behind it, with or without a blank between.
fn measured(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((&text[..end], text[end..].trim_start())).filter(|(number, _)| !number.is_empty())
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = measured(text)?;
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = measured(text)?;
    let nanos: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    match number.parse::<u64>() {
        Ok(number) => number.checked_mul(nanos).map(Duration::from_nanos),
        #[expect(clippy::cast_precision_loss, reason = "units are exact in a float")]
        Err(_) => {
            Duration::try_from_secs_f64(number.parse::<f64>().ok()? * nanos as f64 / 1e9).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("100ms", Some(100)),
            ("5s", Some(5_000)),
            (" 2 m ", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("1.5s", Some(1_500)),
            ("1d", Some(86_400_000)),
            ("5", None),
            ("s", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("1 fortnight", None),
            ("99999999999999999999h", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_may_have_units() {
        for (text, expected) in [
            ("65536", Some(65536)),
            ("16 MiB", Some(16 << 20)),
            ("16mib", Some(16 << 20)),
            ("1 kB", Some(1000)),
            ("2GiB", Some(2 << 30)),
            ("1 B", Some(1)),
            ("16 M", None),
            ("1.5 MiB", None),
            ("", None),
            ("99999999999 GiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
