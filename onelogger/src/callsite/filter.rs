use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::Catalogue;
use crate::data::Level;

/// Which callsites are on: a level for all, and levels for modules and groups.
///
/// As text, directives with commas between them. A level alone (`info`) is for all that nothing else
/// names. `trainer=debug` is for the module `trainer` and what is below it, `per_step=off` for the
/// group `per_step`: a name is that of a group or the path of a module. A callsite takes the level of
/// its group if there is one, else that of the longest module path that it is in, else that for all,
/// and is on if its own level is no more detailed. The levels are `off`, `error`, `warn`, `info`,
/// `debug` and `trace`; `on` is the same as `trace`.
///
/// ```
/// use onelogger::{Level, callsite::Filter};
/// let filter: Filter = "warn,trainer=debug,per_step=off".parse()?;
/// assert_eq!(filter, Filter::new(Level::Warn).with("trainer", Level::Debug).with("per_step", None));
/// assert_eq!("trainer=dbug".parse::<Filter>().unwrap_err().to_string(),
///     "`dbug` in `trainer=dbug` is no level; expected off, error, warn, info, debug, trace or on");
/// # Ok::<(), onelogger::callsite::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// For what no directive names; `None` is off.
    level: Option<Level>,
    directives: BTreeMap<String, Option<Level>>,
}

/// A text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// What stands where a level should is none.
    #[error(
        "`{level}` in `{directive}` is no level; expected off, error, warn, info, debug, trace or on"
    )]
    UnknownLevel {
        /// What stands there.
        level: String,
        /// The directive it stands in.
        directive: String,
    },
    /// The name before the `=` is missing.
    #[error("the name before `=` is missing in `{directive}`; expected `MODULE_OR_GROUP=LEVEL`")]
    NoName {
        /// The directive.
        directive: String,
    },
}

impl Default for Filter {
    /// Lets levels up to [`Level::Info`] through.
    fn default() -> Filter {
        Filter::new(Level::Info)
    }
}

impl Filter {
    /// A filter with one level for all; `None` switches all off.
    pub fn new(level: impl Into<Option<Level>>) -> Filter {
        Filter { level: level.into(), directives: BTreeMap::new() }
    }

    /// Sets the level of a group, or of a module and what is below it. `None` switches it off.
    #[must_use]
    pub fn with(mut self, name: &str, level: impl Into<Option<Level>>) -> Filter {
        self.set(name, level.into());
        self
    }

    pub(super) fn set(&mut self, name: &str, level: Option<Level>) {
        self.directives.insert(name.to_owned(), level);
    }

    /// Whether a callsite of this description is on.
    pub(super) fn allows(&self, callsite: &Catalogue) -> bool {
        let named = |name: &str| self.directives.get(name);
        let of_group = callsite.group.and_then(named);
        let of_module = || modules_from(callsite.module).find_map(named);
        let level = *of_group.or_else(of_module).unwrap_or(&self.level);
        level.is_some_and(|level| callsite.level <= level)
    }
}

/// A module, and then each that it is in.
fn modules_from(module: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(module), |path| Some(path.rsplit_once("::")?.0))
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        let mut filter = Filter::default();
        for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
            let level = |level: &str| {
                parse_level(level).ok_or_else(|| FilterError::UnknownLevel {
                    level: level.trim().to_owned(),
                    directive: directive.to_owned(),
                })
            };
            filter = match directive.split_once('=') {
                None => Filter { level: level(directive)?, ..filter },
                Some((name, _)) if name.trim().is_empty() => {
                    return Err(FilterError::NoName { directive: directive.to_owned() });
                }
                Some((name, text)) => filter.with(name.trim(), level(text)?),
            };
        }
        Ok(filter)
    }
}

fn parse_level(text: &str) -> Option<Option<Level>> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "off" => None,
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "info" => Some(Level::Info),
        "debug" => Some(Level::Debug),
        "trace" | "on" => Some(Level::Trace),
        _ => return None,
    })
}

/// As it is read, the names in order.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |level: Option<Level>| level.map_or("off", Level::as_str);
        f.write_str(word(self.level))?;
        self.directives.iter().try_for_each(|(name, level)| write!(f, ",{name}={}", word(*level)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CallsiteKind, CallsiteName};
    use super::*;
    use crate::data::SpanKind;

    fn is_on(
        filter: &str,
        module: &'static str,
        group: Option<&'static str>,
        level: Level,
    ) -> bool {
        let catalogue = Catalogue {
            kind: CallsiteKind::Span,
            name: CallsiteName::Literal("x"),
            module,
            file: "",
            line: 0,
            package: None,
            version: None,
            level,
            group,
            span_kind: SpanKind::Internal,
            keys: &[],
            start_keys: &[],
            __private: (),
        };
        filter.parse::<Filter>().unwrap().allows(&catalogue)
    }

    #[test]
    fn the_most_special_directive_decides() {
        use Level::{Debug, Error, Info, Trace, Warn};
        for (filter, module, group, level, expected) in [
            ("", "a", None, Info, true),
            ("", "a", None, Debug, false),
            ("off", "a", None, Error, false),
            ("warn", "a", None, Info, false),
            ("warn", "a", None, Warn, true),
            ("a=debug", "a::b", None, Debug, true),
            ("a=debug", "ab", None, Debug, false),
            ("a=debug,a::b=off", "a::b::c", None, Error, false),
            ("a::b=off,a=debug", "a::b::c", None, Error, false),
            ("a=trace,per_step=off", "a", Some("per_step"), Error, false),
            ("a=off,per_step=on", "a", Some("per_step"), Trace, true),
            ("a=off", "a", Some("per_step"), Info, false),
            (" a = OFF , a=info ", "a", None, Info, true),
        ] {
            let found = is_on(filter, module, group, level);
            assert_eq!(found, expected, "`{filter}` for {module} {group:?} {level:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            (
                "loud",
                "`loud` in `loud` is no level; expected off, error, warn, info, debug, trace or on",
            ),
            ("a=", "`` in `a=` is no level; expected off, error, warn, info, debug, trace or on"),
            (
                "info,=debug",
                "the name before `=` is missing in `=debug`; expected `MODULE_OR_GROUP=LEVEL`",
            ),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap_err().to_string(), message);
        }
    }
}
