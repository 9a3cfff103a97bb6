//! Values as a person likes to read them on a terminal: in few characters, and such that nothing of
//! them steers it.

use std::ffi::OsString;
use std::fmt::{self, Display, Write};

pub(super) use crate::data::shown::duration;
use crate::data::shown::{cut, quoted};
use crate::data::{AttributesRef, ValueRef};

/// Whether a console is colored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColorChoice {
    /// If the output is a terminal other than `TERM=dumb`, and `CLICOLOR` is not `0`.
    ///
    /// `CLICOLOR_FORCE` and `FORCE_COLOR` color other outputs as well, unless they are empty, `0` or
    /// `false`. `NO_COLOR`, if it is not empty, goes before all of them.
    #[default]
    Auto,
    /// Always, whatever the environment says.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// `variable` gives an environment variable.
    pub(super) fn is_colored(
        self,
        is_terminal: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> bool {
        let is = |name: &str, expected: &str| variable(name).is_some_and(|value| value == expected);
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let is_on = |name: &str| is_set(name) && !is(name, "0") && !is(name, "false");
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if is_set("NO_COLOR") => false,
            ColorChoice::Auto if is_on("CLICOLOR_FORCE") || is_on("FORCE_COLOR") => true,
            ColorChoice::Auto => is_terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
        }
    }
}

/// How a piece of text looks where there are colors.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Plain,
    Name,
    Aside,
    Event,
    Warning,
    Failure,
}

/// How texts are shown.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) is_colored: bool,
    /// A longer value of an attribute is cut.
    pub(super) max_chars: usize,
}

/// Of one line; the rest is counted. A line is for a glance, a file has it all.
const MOST_ATTRIBUTES: usize = 24;
/// A longer name is cut.
const LONGEST_NAME_CHARS: usize = 60;
/// A longer text of an error is cut.
const LONGEST_MESSAGE_CHARS: usize = 200;

impl Look {
    /// A text that is known to be harmless, in its style.
    pub(super) fn paint(self, style: Style, text: impl Display) -> String {
        let code = match style {
            Style::Plain => "",
            Style::Name => "\x1b[1m",
            Style::Aside => "\x1b[2m",
            Style::Event => "\x1b[36m",
            Style::Warning => "\x1b[33m",
            Style::Failure => "\x1b[31m",
        };
        match code {
            "" => text.to_string(),
            _ if !self.is_colored => text.to_string(),
            _ => format!("{code}{text}\x1b[0m"),
        }
    }

    /// Attributes as `name=value`, each after two blanks or one, without those of these names.
    pub(super) fn attributes(self, attributes: AttributesRef<'_>, without: &[&str]) -> String {
        let mut out = String::new();
        let is_shown = |name: &&str| !without.contains(name);
        for (place, (key, value)) in attributes.iter().filter(|(key, _)| is_shown(key)).enumerate()
        {
            let gap = if place == 0 { "  " } else { " " };
            if place == MOST_ATTRIBUTES {
                let more = attributes.iter().filter(|(key, _)| is_shown(key)).count() - place;
                let _ =
                    write!(out, "{gap}{}", self.paint(Style::Aside, format_args!("… {more} more")));
                break;
            }
            let key = self.paint(Style::Aside, format_args!("{}=", name(key)));
            let _ = write!(out, "{gap}{key}{}", self.value(value));
        }
        out
    }

    fn value(self, value: ValueRef<'_>) -> String {
        let text = cut(displayed(value), self.max_chars);
        match value {
            ValueRef::String(_) => quoted(text),
            _ => text,
        }
    }
}

/// What an error says; nothing if it has no such attribute.
pub(super) fn message(attributes: AttributesRef<'_>, name: &str) -> String {
    attributes.get(name).map_or_else(String::new, of_message)
}

/// The value of an attribute that says something of an error.
pub(super) fn of_message(value: ValueRef<'_>) -> String {
    cut(displayed(value), LONGEST_MESSAGE_CHARS)
}

/// A name of a span, an event or an attribute.
pub(super) fn name(name: &str) -> String {
    if name.is_empty() { "\"\"".to_owned() } else { cut(name, LONGEST_NAME_CHARS) }
}

/// The text of a value. Lists are written element by element: a cut ends them early.
fn displayed(value: ValueRef<'_>) -> impl Display {
    fmt::from_fn(move |f| match value {
        ValueRef::String(text) => f.write_str(text),
        ValueRef::Bool(value) => write!(f, "{value}"),
        ValueRef::I64(value) => write!(f, "{value}"),
        ValueRef::F64(value) => write!(f, "{value:?}"),
        ValueRef::List(list) => {
            f.write_char('[')?;
            for (place, element) in list.iter().enumerate() {
                f.write_str(if place == 0 { "" } else { ", " })?;
                match element {
                    ValueRef::String(text) => write!(f, "\"{text}\"")?,
                    ValueRef::Bool(value) => write!(f, "{value}")?,
                    ValueRef::I64(value) => write!(f, "{value}")?,
                    ValueRef::F64(value) => write!(f, "{value:?}")?,
                    ValueRef::List(_) => {}
                }
            }
            f.write_char(']')
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_on_colors_where_nothing_else_does() {
        let check = |choice: ColorChoice, is_terminal, variables: &[(&str, &str)], expected| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(choice.is_colored(is_terminal, variable), expected, "{variables:?}");
        };
        let auto = ColorChoice::Auto;
        check(auto, true, &[], true);
        check(auto, false, &[], false);
        check(auto, true, &[("NO_COLOR", "0")], false);
        check(auto, true, &[("NO_COLOR", "")], true);
        check(auto, true, &[("TERM", "dumb")], false);
        check(auto, true, &[("TERM", "xterm"), ("CLICOLOR", "0")], false);
        check(auto, false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true);
        check(auto, false, &[("CLICOLOR_FORCE", "0")], false);
        check(auto, false, &[("FORCE_COLOR", "3")], true);
        check(auto, false, &[("FORCE_COLOR", "")], false);
        check(auto, true, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false);
        check(ColorChoice::Always, false, &[("NO_COLOR", "1")], true);
        check(ColorChoice::Never, true, &[("FORCE_COLOR", "1")], false);
    }
}
