//! Which value came from where.

use std::fmt;

use super::document::{Content, Node, Table};
use super::given::Given;
use super::problem::Problem;
use super::settings::joined;
use super::variables::Variables;
use crate::data::{REDACTED, is_secret_key};

/// Which value of a configuration came from where. Its text has a line for each value; secrets are shown
/// as `<redacted>`.
///
/// ```text
/// onelogger.yaml, found in the working directory
/// application_name = "trainer"  onelogger.yaml:1:19
/// session_tag = "run-43"  ONELOGGER_SESSION_TAG, over onelogger.yaml:2:14
/// exporters.run.path = "run-{rank}.jsonl"  onelogger.yaml:6:11
/// not set: world_size, is_baseline_run
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The file that was read, and why that one.
    pub file: Option<String>,
    /// Every value, in order of its source.
    pub values: Vec<ExplainedValue>,
    /// Fields that are not set: the library's own defaults hold.
    pub unset: Vec<String>,
    /// What may be wrong, and is no reason to refuse the configuration.
    pub warnings: Vec<Problem>,
    /// What is wrong: with this the configuration is refused.
    pub problems: Vec<Problem>,
}

/// One value of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedValue {
    /// The field, its tables before it with dots between.
    pub field: String,
    /// The value as it is understood, variables replaced; a secret as `<redacted>`.
    pub value: String,
    /// Where it came from: a place in a file, a variable, `set in code`, `registered by CRATE`.
    pub place: String,
    /// Where values stand that it took the place of, from low to high.
    pub over: Vec<String>,
}

impl Explanation {
    /// The value of a field, if a source has set it.
    pub fn get(&self, field: &str) -> Option<&ExplainedValue> {
        self.values.iter().find(|value| value.field == field)
    }

    pub(super) fn collect(&mut self, table: &Table, variables: &Variables) {
        self.collect_below(table, "", false, variables);
    }

    /// What is only worth a warning is no value of the configuration.
    pub(super) fn set_warnings(&mut self, warnings: Vec<Problem>) {
        self.values.retain(|value| !warnings.iter().any(|warning| warning.place == value.place));
        self.warnings = warnings;
    }

    fn collect_below(&mut self, table: &Table, path: &str, is_secret: bool, variables: &Variables) {
        for field in &table.fields {
            let path = joined(path, &field.name);
            // All headers are: what a service calls its key is the service's affair.
            let is_secret = is_secret || is_secret_key(&path) || field.name.ends_with("headers");
            self.collect_value(&field.value, path, is_secret, variables);
        }
    }

    fn collect_value(&mut self, node: &Node, path: String, is_secret: bool, variables: &Variables) {
        match &node.content {
            Content::Table(table) if !table.fields.is_empty() => {
                self.collect_below(table, &path, is_secret, variables);
                return;
            }
            Content::List(list) if list.iter().any(|node| node.table().is_some()) => {
                for (number, node) in list.iter().enumerate() {
                    self.collect_value(node, format!("{path}[{number}]"), is_secret, variables);
                }
                return;
            }
            _ => {}
        }
        let value = match Given::new(node, is_secret, variables) {
            Ok(given) => given.explained(),
            Err(_) if is_secret => REDACTED.to_owned(),
            Err(message) => format!("? ({message})"),
        };
        self.values.push(ExplainedValue {
            field: path,
            value,
            place: node.origin.to_string(),
            over: node.over.iter().map(ToString::to_string).collect(),
        });
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file.as_deref().unwrap_or("no file"))?;
        for ExplainedValue { field, value, place, over } in &self.values {
            write!(f, "{field} = {value}  {place}")?;
            // From near to far, as one reads it.
            let over: Vec<&str> = over.iter().rev().map(String::as_str).collect();
            match &over[..] {
                [] => writeln!(f)?,
                _ => writeln!(f, ", over {}", over.join(", over "))?,
            }
        }
        if !self.unset.is_empty() {
            writeln!(f, "not set: {}", self.unset.join(", "))?;
        }
        let mut list = |what, problems: &[Problem]| {
            problems.iter().try_for_each(|problem| writeln!(f, "{what}: {problem}"))
        };
        list("warning", &self.warnings)?;
        list("problem", &self.problems)
    }
}
