//! The environment, and what texts of a file take from it.

use std::collections::BTreeMap;

use super::document::{Content, MAX_DEPTH, Node, Origin, Table};
use crate::data::{REDACTED, is_secret_key};

/// Variables, as they were when the configuration was loaded. Those that are no Unicode count as not
/// set.
pub(super) struct Variables(BTreeMap<String, String>);

/// What all variables of ours begin with.
const PREFIX: &str = "ONELOGGER_";

/// Variables that are read elsewhere, or by the tools of this library.
const OTHERS: &[&str] = &[
    "ONELOGGER_DEBUG",
    "ONELOGGER_DEFER_SETUP",
    "ONELOGGER_FULL",
    "ONELOGGER_MACROS_DEBUG",
    "ONELOGGER_RESOURCE_DETECTORS",
    "ONELOGGER_SELF_METRICS",
];

/// Variables whose names look like those of secrets, and that hold a directory.
const DIRECTORIES: &[&str] = &["PWD", "OLDPWD"];

/// A secret that is shorter may be any word.
const SHORTEST_SECRET: usize = 4;

/// Variables that were there before all settings had one, and the fields that they set.
const SHORT_NAMES: &[(&str, &str)] =
    &[("ONELOGGER_BAGGAGE_ATTRIBUTES", "ONELOGGER_RECORDER__BAGGAGE_ATTRIBUTES")];

impl Variables {
    pub(super) fn of_process() -> Variables {
        let variables = std::env::vars_os();
        Variables::new(variables.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    pub(super) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Variables {
        Variables(variables.into_iter().collect())
    }

    /// A variable that is set, and not to nothing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The rank of this process, if it is a whole number; anything else never keeps a program from
    /// starting.
    pub(super) fn rank(&self) -> Option<u32> {
        self.get("RANK")?.trim().parse().ok()
    }

    /// The fields that the environment sets: `ONELOGGER_RECORDER__LANE_BYTES` is `lane_bytes` in the
    /// table `recorder`. An empty variable sets nothing.
    pub(super) fn fields(&self) -> Table {
        let mut table = Table::patch();
        for (name, value) in &self.0 {
            if value.is_empty() || OTHERS.contains(&name.as_str()) {
                continue;
            }
            let short = SHORT_NAMES.iter().find(|(short, _)| short == name);
            let long = short.map_or(name.as_str(), |(_, long)| long);
            if let Some(path) = long.strip_prefix(PREFIX) {
                let path = path.to_lowercase();
                // What lies deeper is one name, which is that of no field.
                let path: Vec<&str> = path.splitn(MAX_DEPTH, "__").collect();
                let origin = Origin::Variable(name.clone());
                let value = Node::new(origin, Content::Text(value.clone()));
                set(&mut table, &path, value);
            }
        }
        table
    }

    /// A message without what variables hold that look like those of secrets.
    pub(super) fn without_secrets(&self, message: &str) -> String {
        let secrets = self.0.iter().filter(|(name, value)| {
            value.len() >= SHORTEST_SECRET && is_secret(name) && message.contains(value.as_str())
        });
        secrets.fold(message.to_owned(), |message, (_, secret)| message.replace(secret, REDACTED))
    }

    /// A text of a file with `${NAME}`, `${NAME:-default}` and `$$` replaced.
    pub(super) fn expand(&self, text: &str) -> Result<Expanded, String> {
        let mut expanded = Expanded { text: String::new(), is_expanded: false, is_secret: false };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.text.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                expanded.text.push('$');
                rest = after;
                continue;
            }
            let Some((inside, after)) = after.strip_prefix('{').and_then(|a| a.split_once('}'))
            else {
                return Err(
                    "a lone `$`; write `${NAME}` for a variable and `$$` for a dollar".into()
                );
            };
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err("what stands between `${` and `}` names no variable".into());
            }
            let value = self.get(name).or(default).ok_or_else(|| {
                format!("the variable `{name}` is not set; `${{{name}:-default}}` has a default")
            })?;
            expanded.text.push_str(value);
            expanded.is_expanded = true;
            expanded.is_secret |= is_secret(name);
            rest = after;
        }
        expanded.text.push_str(rest);
        Ok(expanded)
    }
}

/// Whether a variable holds what must not be shown, by its name.
fn is_secret(name: &str) -> bool {
    is_secret_key(name) && !DIRECTORIES.contains(&name)
}

/// A text with its variables replaced.
pub(super) struct Expanded {
    pub(super) text: String,
    /// Whether a variable was in it.
    pub(super) is_expanded: bool,
    /// Whether a variable was in it that looks like that of a secret.
    pub(super) is_secret: bool,
}

/// Sets one field, and makes the tables that it lies in.
pub(super) fn set(table: &mut Table, path: &[&str], value: Node) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        let over = table.take(first).map(|node| node.origin);
        let origin = value.origin.clone();
        table.push(*first, origin, Node { over: over.into_iter().collect(), ..value });
        return;
    }
    let is_table = table.get(first).is_some_and(|node| node.table().is_some());
    if !is_table {
        table.take(first);
        let within = Node::new(value.origin.clone(), Content::Table(Table::patch()));
        table.push(*first, value.origin.clone(), within);
    }
    let within = table.fields.iter_mut().find(|field| field.name == *first);
    if let Some(Content::Table(within)) = within.map(|field| &mut field.value.content) {
        set(within, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let pairs = [("A", "x"), ("EMPTY", ""), ("HUB_TOKEN", "t")];
        Variables::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn variables_are_put_into_texts() {
        for (text, expected) in [
            ("", ""),
            ("a ${A}-${A}", "a x-x"),
            ("${B:-b}${EMPTY:-e}${A:-a}", "bex"),
            ("${B:-}", ""),
            ("$$ $${A}", "$ ${A}"),
        ] {
            assert_eq!(variables().expand(text).ok().unwrap().text, expected, "{text}");
        }
        for (text, expected) in [
            ("$A", "a lone `$`"),
            ("5$", "a lone `$`"),
            ("${A", "a lone `$`"),
            ("${}", "what stands between"),
            ("${A B}", "what stands between"),
            ("${EMPTY}", "the variable `EMPTY` is not set"),
        ] {
            let message = variables().expand(text).err().unwrap();
            assert!(message.starts_with(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_text_with_a_secret_variable_is_a_secret() {
        assert!(variables().expand("a ${HUB_TOKEN}").ok().unwrap().is_secret);
        assert!(!variables().expand("a ${A}").ok().unwrap().is_secret);
        assert!(!is_secret("PWD"));
    }
}
