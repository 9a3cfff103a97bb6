//! Words of which only some are allowed, and arguments that are allowed once.

use quote::ToTokens;
use syn::{Error, Ident};

use crate::diagnostics::Diagnostics;

/// An argument that may be given once. Nothing else knows what a doubled argument is.
pub(crate) struct SetOnce<T>(Option<(String, T)>);

impl<T> Default for SetOnce<T> {
    fn default() -> SetOnce<T> {
        SetOnce(None)
    }
}

impl<T> SetOnce<T> {
    /// Takes the value that stands after `word`. Two words share a cell if they exclude each other.
    pub(super) fn set(&mut self, word: &Ident, value: T, diagnostics: &mut Diagnostics) {
        let word_text = word.to_string();
        match &self.0 {
            None => self.0 = Some((word_text, value)),
            Some((first, _)) if *first == word_text => {
                let message = format!("`{first}` is given already; remove one of the two");
                diagnostics.report(word.span(), message);
            }
            Some((first, _)) => {
                let message = format!("`{word}` excludes `{first}`; remove one of the two");
                diagnostics.report(word.span(), message);
            }
        }
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take().map(|(_, value)| value)
    }
}

/// Says what is allowed in place of a word, and which of it may be meant.
pub(super) fn unknown(what: &str, word: &str, place: impl ToTokens, allowed: &[&str]) -> Error {
    let suggestion = match nearest(word, allowed) {
        Some(nearest) => format!("did you mean `{nearest}`? "),
        None => String::new(),
    };
    let allowed = one_of(allowed);
    Error::new_spanned(place, format!("unknown {what} `{word}`; {suggestion}expected {allowed}"))
}

/// As in "one of `a`, `b`, `c`".
fn one_of(words: &[&str]) -> String {
    let prefix = if words.len() == 1 { "" } else { "one of " };
    format!("{prefix}`{}`", words.join("`, `"))
}

/// The word that comes nearest, if more than half of the longer of the two can stay.
fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    let is_near = |&(distance, candidate): &(usize, &str)| {
        distance * 2 < word.chars().count().max(candidate.chars().count())
    };
    let distances = allowed.iter().map(|candidate| (edit_distance(word, candidate), *candidate));
    let (_, nearest) = distances.filter(is_near).min_by_key(|&(distance, _)| distance)?;
    Some(nearest)
}

/// How many characters have to be put in, taken out, replaced, or swapped with their neighbor to make
/// one word of the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    // `rows[i][j]` is the distance between the first `i` characters of one and `j` of the other.
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut distance = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                distance = distance.min(rows[i - 2][j - 2] + 1);
            }
            row.push(distance);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbor() {
        let allowed = ["name", "attrs", "start_attrs", "level", "links", "err", "ret"];
        let check = |word, expected| assert_eq!(nearest(word, &allowed), expected, "{word}");
        check("lvl", Some("level"));
        check("attr", Some("attrs"));
        check("start_attr", Some("start_attrs"));
        check("nmae", Some("name"));
        check("foo", None);
        check("error", Some("err"));
        check("verbosity", None);
        check("x", None);
    }

    #[test]
    fn distance_counts_single_mistakes() {
        for (from, to, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("wran", "warn", 1),
            ("ü", "u", 1),
        ] {
            assert_eq!(edit_distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn the_message_tells_the_way_out() {
        let error = unknown("level", "debgu", quote::quote!(debgu), &["info", "debug"]);
        let expected =
            "unknown level `debgu`; did you mean `debug`? expected one of `info`, `debug`";
        assert_eq!(error.to_string(), expected);
    }
}
