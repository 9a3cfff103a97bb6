//! The house rules that the compiler does not know.
//!
//! Each rule is a pure function from a file's text to what is wrong with it, so that it can be
//! tested on a line or two. Whatever a rule has to say names the file, the line, and the way out.

mod layers;
mod pitfalls;
mod rules;
mod source;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use self::layers::Layers;
use self::source::Source;
use crate::workspace::{relative, root};
use crate::{Outcome, Result};

/// Files with other endings are no text, or not ours to judge.
const TEXTS: &[&str] = &["rs", "md", "toml", "py", "sh", "yml", "yaml"];

/// Text files without an ending.
const NAMED_TEXTS: &[&str] = &[".ci/run"];

/// Directories that hold nothing of ours; those that begin with a dot do neither, but these.
const FOREIGN: &[&str] = &["target"];
const HIDDEN_BUT_OURS: &[&str] = &[".ci", ".cargo"];

/// What a rule found.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// What the rules found in all files.
#[derive(Default)]
struct Findings {
    failures: Vec<Finding>,
    /// Worth a look, and no failure.
    notes: Vec<Finding>,
}

pub(crate) fn run() -> Result<Outcome> {
    let mut sources = Vec::new();
    for path in texts(root())? {
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        sources.push(Source::new(relative(&path), text));
    }
    let Findings { failures, notes } = check(&sources);
    for note in &notes {
        println!("note: {note}");
    }
    for failure in &failures {
        println!("{failure}");
    }
    if !failures.is_empty() {
        return Err(format!(
            "house rules broken: {}; each line above says the way out",
            failures.len()
        ));
    }
    println!("{} files are tidy", sources.len());
    Ok(Outcome::Passed)
}

fn check(sources: &[Source]) -> Findings {
    let lib = sources.iter().find(|source| source.path == layers::LIB);
    let layers = Layers::new(lib.map_or("", |lib| lib.code()));
    let mut found = Findings::default();
    for source in sources {
        found.failures.extend(layers.check(source));
        rules::check(source, &mut found);
    }
    found.failures.extend(pitfalls::check(sources));
    found.failures.extend(rules::stale_exceptions(sources));
    found
}

/// The text files of the workspace, in order. The directories are walked, rather than git asked, so
/// that a new file is checked before its first commit and an unpacked archive can be checked too.
fn texts(root: &Path) -> Result<Vec<PathBuf>> {
    let (mut texts, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        let unreadable = |error| format!("cannot read `{}`: {error}", directory.display());
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                let is_hidden = name.starts_with('.') && !HIDDEN_BUT_OURS.contains(&&*name);
                if !is_hidden && !FOREIGN.contains(&&*name) {
                    directories.push(path);
                }
                continue;
            }
            let ending = path.extension().unwrap_or_default().to_string_lossy();
            if TEXTS.contains(&&*ending) || NAMED_TEXTS.contains(&&*relative(&path)) {
                texts.push(path);
            }
        }
    }
    texts.sort();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_our_texts_are_found_and_nothing_that_was_built() {
        let texts: Vec<String> = texts(root()).unwrap().iter().map(|path| relative(path)).collect();
        for ours in [layers::LIB, ".ci/run", ".cargo/config.toml", "xtask/src/tidy/mod.rs"] {
            assert!(texts.iter().any(|path| path == ours), "{ours}");
        }
        assert!(!texts.iter().any(|path| path.contains("target/") || path.starts_with(".git/")));
    }
}
