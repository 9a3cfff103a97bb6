use std::collections::HashSet;

use crate::data::glob;

/// Which spans are exported, by name.
///
/// Names compare case-sensitively, and exactly, also where they hold a `*`. In a pattern `*` stands for
/// any text and `?` for any character. A span that is not exported is a span all the same: it can be the parent of others,
/// which then hang under its nearest exported ancestor. Its events and errors are withheld with
/// it.
///
/// ```
/// use onelogger::SpanFilter;
/// let filter = SpanFilter::except_matching(["step_*", "data_wait"]);
/// assert!(filter.accepts("epoch") && !filter.accepts("step_12"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SpanFilter(Kind);

#[derive(Clone, Debug, Default)]
enum Kind {
    #[default]
    All,
    Only(Patterns),
    Except(Patterns),
}

#[derive(Clone, Debug, Default)]
struct Patterns {
    exact: HashSet<String>,
    globs: Vec<String>,
}

/// A filter has no pattern, or an empty one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(&'static str);

impl SpanFilter {
    /// Every span.
    pub fn all() -> SpanFilter {
        SpanFilter(Kind::All)
    }

    /// Spans of these names: a whitelist.
    pub fn only<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> SpanFilter {
        SpanFilter(Kind::Only(Patterns::exact(names)))
    }

    /// Spans of other names than these: a blacklist.
    pub fn except<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> SpanFilter {
        SpanFilter(Kind::Except(Patterns::exact(names)))
    }

    /// Spans whose name matches one of the patterns.
    pub fn only_matching<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> SpanFilter {
        SpanFilter(Kind::Only(Patterns::globs(patterns)))
    }

    /// Spans whose name matches none of the patterns.
    pub fn except_matching<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> SpanFilter {
        SpanFilter(Kind::Except(Patterns::globs(patterns)))
    }

    /// Whether a span of this name is exported.
    pub fn accepts(&self, name: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Only(patterns) => patterns.matches(name),
            Kind::Except(patterns) => !patterns.matches(name),
        }
    }

    pub(super) fn accepts_all(&self) -> bool {
        matches!(self.0, Kind::All)
    }

    pub(super) fn check(&self) -> Result<(), PatternError> {
        match &self.0 {
            Kind::Only(patterns) | Kind::Except(patterns)
                if patterns.exact.is_empty() && patterns.globs.is_empty() =>
            {
                Err(PatternError("a span filter needs at least one pattern"))
            }
            _ => Ok(()),
        }
    }
}

impl Patterns {
    fn exact<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Patterns {
        let exact = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        Patterns { exact, globs: Vec::new() }
    }

    fn globs<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Patterns {
        let mut all = Patterns::default();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if pattern.contains(['*', '?']) {
                all.globs.push(pattern.to_owned());
            } else {
                all.exact.insert(pattern.to_owned());
            }
        }
        all
    }

    fn matches(&self, name: &str) -> bool {
        self.exact.contains(name) || self.globs.iter().any(|pattern| glob::matches(pattern, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_wildcards_compares_exactly() {
        let filter = SpanFilter::except(["noisy"]);
        assert!(!filter.accepts("noisy") && filter.accepts("Noisy") && filter.accepts("noisy2"));
        let filter = SpanFilter::only(["a*"]);
        assert!(filter.accepts("a*") && !filter.accepts("ab"));
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert!(SpanFilter::only([""; 0]).check().is_err());
        assert!(SpanFilter::all().check().is_ok());
    }
}
