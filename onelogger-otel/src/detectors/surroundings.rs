//! Where detectors look.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Looks a variable of the environment up.
type Lookup = dyn Fn(&str) -> Option<String>;

/// An environment and a file system, which need not be those of the process.
pub(super) struct Surroundings<'a> {
    variable: &'a Lookup,
    root: &'a Path,
}

/// Longer than any of these files is that is what it should be.
const FILE_BYTES: u64 = 1 << 20;

impl<'a> Surroundings<'a> {
    pub(super) fn new(variable: &'a Lookup, root: &'a Path) -> Surroundings<'a> {
        Surroundings { variable, root }
    }

    /// A variable of the environment, unless it is empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is there.
    pub(super) fn any_variable(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// A variable that is a whole number.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.variable(name)?.parse().ok()
    }

    /// The beginning of a file, at most a megabyte of it. What is no text in it is replaced.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let file = File::open(self.root.join(path)).ok()?;
        file.take(FILE_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The only word of a file.
    pub(super) fn word(&self, path: &str) -> Option<String> {
        let text = self.file(path)?;
        let mut words = text.split_whitespace();
        words.next().filter(|_| words.next().is_none()).map(str::to_owned)
    }
}

/// Surroundings made for a test; the directory goes with them.
#[cfg(test)]
pub(super) struct Fixture {
    root: std::path::PathBuf,
    lookup: Box<Lookup>,
}

#[cfg(test)]
impl Fixture {
    pub(super) fn new() -> Fixture {
        use std::hash::{BuildHasher, RandomState};
        let name = format!("onelogger-detectors-{:x}", RandomState::new().hash_one(0));
        let root = std::env::temp_dir().join(name);
        std::fs::create_dir(&root).unwrap();
        Fixture { root, lookup: Box::new(|_| None) }
    }

    pub(super) fn variable(mut self, name: &'static str, value: &'static str) -> Fixture {
        let others = std::mem::replace(&mut self.lookup, Box::new(|_| None));
        self.lookup = Box::new(
            move |asked| {
                if asked == name { Some(value.to_owned()) } else { others(asked) }
            },
        );
        self
    }

    pub(super) fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Fixture {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    /// A directory, where a file is looked for.
    pub(super) fn unreadable(self, path: &str) -> Fixture {
        std::fs::create_dir_all(self.root.join(path)).unwrap();
        self
    }

    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings::new(&*self.lookup, &self.root)
    }
}

#[cfg(test)]
impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_far_as_they_are_reasonable() {
        let huge = vec![b'x'; 3 << 20];
        let fixture = Fixture::new()
            .file("huge", huge)
            .file("binary", [0xff, b'a', 0xfe])
            .file("two", "one two\n")
            .file("one", " one\n")
            .file("none", "\n")
            .unreadable("directory");
        let surroundings = fixture.surroundings();
        assert_eq!(surroundings.file("huge").unwrap().len(), 1 << 20);
        assert_eq!(surroundings.file("binary").as_deref(), Some("\u{fffd}a\u{fffd}"));
        assert_eq!(surroundings.file("directory"), None);
        assert_eq!(surroundings.file("missing"), None);
        assert_eq!(surroundings.word("one").as_deref(), Some("one"));
        assert_eq!((surroundings.word("two"), surroundings.word("none")), (None, None));
    }

    #[test]
    fn a_variable_that_is_empty_is_not_there() {
        let fixture = Fixture::new().variable("EMPTY", " ").variable("NUMBER", " 7 ");
        let fixture = fixture.variable("TEXT", "seven");
        let surroundings = fixture.surroundings();
        assert_eq!(surroundings.variable("EMPTY"), None);
        assert_eq!(surroundings.number("NUMBER"), Some(7));
        assert_eq!(surroundings.number("TEXT"), None);
        assert_eq!(surroundings.any_variable(&["EMPTY", "TEXT"]).as_deref(), Some("seven"));
    }
}
