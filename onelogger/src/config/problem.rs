//! What is wrong with a configuration, all of it and each with its place.

use std::fmt;

use super::document::Origin;

/// Something that is wrong with a configuration.
///
/// ```text
/// onelogger.yaml:12:7: recorder.lane_byts: unknown field; did you mean `lane_bytes`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a file with line and column, an environment variable, `set in code`, or the crate that has
    /// registered it. Empty if no source holds it.
    pub place: String,
    /// Which field, its tables before it with dots between. Empty for a file as a whole.
    pub field: String,
    /// What is wrong, and the way out. Never shows a secret.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.place, &self.field].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// A configuration cannot be used. Holds everything that is wrong with it; its text has a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// What is wrong, those of one file in the order of their lines.
    pub problems: Vec<Problem>,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "the configuration has {count} {noun}:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

impl std::error::Error for LoadError {}

/// Collects problems, and what is only worth a warning.
#[derive(Default)]
pub(super) struct Report {
    problems: Vec<(Origin, Problem)>,
    pub(super) warnings: Vec<Problem>,
}

impl Report {
    pub(super) fn problem(&mut self, origin: Origin, field: &str, message: impl Into<String>) {
        let problem = described(&origin, field, message.into());
        if !self.problems.iter().any(|(_, known)| *known == problem) {
            self.problems.push((origin, problem));
        }
    }

    pub(super) fn warning(&mut self, origin: &Origin, field: &str, message: impl Into<String>) {
        self.warnings.push(described(origin, field, message.into()));
    }

    /// All problems, by their places.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems;
        problems.sort_by(|(one, _), (other, _)| one.cmp(other));
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

fn described(origin: &Origin, field: &str, message: String) -> Problem {
    Problem { place: origin.to_string(), field: field.to_owned(), message }
}
