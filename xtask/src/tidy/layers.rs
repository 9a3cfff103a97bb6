//! The layers of `onelogger/src`: a room imports only from rooms below it.

use std::collections::HashMap;

use super::Finding;
use super::source::{Source, first_word, line_at, occurrences};

/// The directory of the rooms.
const HOME: &str = "onelogger/src/";

/// The list of all that is public. Rooms may name things by it, so it is read for where they are.
pub(super) const LIB: &str = "onelogger/src/lib.rs";

/// From the roof to the floor, as in ARCHITECTURE.md.
const ROOMS: &[&str] = &[
    "config",
    "setup",
    "signal",
    "callsite",
    "context",
    "recorder",
    "pipeline",
    "processor",
    "exporter",
    "data",
    "sync",
];

/// Stands beside `exporter`: it turns files back into data, and that is all it may know.
const READ: &str = "read";

/// A file, not a room: the library's own messages, for all rooms above `data`. It stands on the
/// floor itself, because a message must not meet a lock that was held when the process forked.
const DIAGNOSTICS: &str = "diagnostics";

/// Made out of all rooms, for those outside. No room uses them.
const SHOP_WINDOWS: &[&str] =
    &["lib", "prelude", "testing", "fuzzing", "macros", "guide", "__private"];

/// Whether code of one room may name another.
fn may_import(from: &str, to: &str) -> bool {
    let floor = |room| ROOMS.iter().position(|&other| other == room);
    let is_above = |room, other| floor(room) < floor(other) && floor(room).is_some();
    match (from, to) {
        _ if from == to => true,
        (READ, to) => to == "data",
        (DIAGNOSTICS, to) => to == "sync",
        (from, DIAGNOSTICS) => is_above(from, "data"),
        (from, to) => is_above(from, to),
    }
}

pub(super) struct Layers {
    /// In which room the names stand that `lib.rs` re-exports.
    rooms_of_names: HashMap<String, String>,
}

impl Layers {
    pub(super) fn new(lib: &str) -> Layers {
        Layers { rooms_of_names: re_exports(lib) }
    }

    pub(super) fn check(&self, source: &Source) -> Vec<Finding> {
        let finding = |line, what| Finding { path: source.path.clone(), line, what };
        let Some(room) = room(&source.path) else {
            return Vec::new();
        };
        if SHOP_WINDOWS.contains(&room) {
            return Vec::new();
        }
        if !is_place(room) {
            let what = format!(
                "`{room}` has no place among the rooms; give it one in `ROOMS` \
                 (xtask/src/tidy/layers.rs) and in ARCHITECTURE.md"
            );
            return vec![finding(1, what)];
        }
        let code = source.product_code();
        let mut found = Vec::new();
        for reference in references(code) {
            let Some(target) = self.target(&reference) else {
                continue;
            };
            if !may_import(room, target) {
                let name = reference.name;
                let by = if name == target && !reference.is_call {
                    String::new()
                } else {
                    format!(" (as `crate::{name}`)")
                };
                let what = format!(
                    "`{room}` uses `{target}`{by}, and {}; move what both need further down, or \
                     hand it in from above",
                    allowed(room)
                );
                found.push(finding(line_at(code, reference.at), what));
            }
        }
        for at in occurrences(code, "super::super") {
            let what = "`super::super` hides which room is meant; write `crate::` and its name";
            found.push(finding(line_at(code, at), what.into()));
        }
        found
    }

    /// The room that a reference leads to. `None` for a macro, which stands at the crate's root.
    fn target<'a>(&'a self, reference: &Reference<'a>) -> Option<&'a str> {
        let name = reference.name;
        // `crate::recorder` is a room, `crate::recorder()` a function of another.
        if !reference.is_call && (is_place(name) || SHOP_WINDOWS.contains(&name)) {
            return Some(name);
        }
        self.rooms_of_names.get(name).map(String::as_str)
    }
}

fn is_place(name: &str) -> bool {
    ROOMS.contains(&name) || name == READ || name == DIAGNOSTICS
}

/// What a room may use, in words.
fn allowed(room: &str) -> String {
    match room {
        READ => "it may use `data` only".into(),
        DIAGNOSTICS => "it may use `sync` only".into(),
        _ => format!("rooms import only downwards: {}", ROOMS.join(" > ")),
    }
}

/// The room of a file, or the name of one that stands beside the rooms.
fn room(path: &str) -> Option<&str> {
    let path = path.strip_prefix(HOME)?;
    let (first, _) = path.split_once('/').unwrap_or((path, ""));
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// A name right behind `crate::`.
struct Reference<'a> {
    name: &'a str,
    at: usize,
    is_call: bool,
}

/// All names right behind `crate::`, with braces or without.
fn references(code: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    for at in occurrences(code, "crate::") {
        if code[..at].ends_with('$') {
            // In a macro: whoever uses the macro does not see the path.
            continue;
        }
        let at = at + "crate::".len();
        if code[at..].starts_with('{') {
            found.extend(branches(code, at));
        } else {
            found.push(reference(code, at));
        }
    }
    found
}

fn reference(code: &str, at: usize) -> Reference<'_> {
    let name = first_word(&code[at..]);
    let is_call = code[at + name.len()..].starts_with('(');
    Reference { name, at, is_call }
}

/// The first names of the branches of a tree of imports, whose brace opens at `open`.
fn branches(code: &str, open: usize) -> Vec<Reference<'_>> {
    let (mut found, mut depth, mut begins) = (Vec::new(), 0, false);
    for (offset, char) in code[open..].char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match char {
            _ if depth == 0 => break,
            '{' | ',' if depth == 1 => begins = true,
            _ if begins && !char.is_whitespace() => {
                begins = false;
                found.push(reference(code, open + offset));
            }
            _ => {}
        }
    }
    found
}

/// The names that `pub use room::…;` lists, each with its room.
fn re_exports(lib: &str) -> HashMap<String, String> {
    let mut rooms = HashMap::new();
    for at in occurrences(lib, "pub use") {
        let path = &lib[at + "pub use".len()..];
        let path = path[..path.find(';').unwrap_or(path.len())].trim_start();
        let room = first_word(path);
        // The last word of each branch is the name that is seen: `b` of `a::b`, `c` of `a as c`.
        let branches = path.split([',', '{', '}']);
        for name in branches.filter_map(|branch| branch.trim().rsplit([' ', ':']).next()) {
            if !name.is_empty() {
                rooms.insert(name.to_owned(), room.to_owned());
            }
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB_RS: &str = "
        mod setup;
        pub use data::names;
        pub use data::{
            Attributes, Event as Happening,
        };
        pub use setup::{Provider, recorder};
    ";

    fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
        let found = Layers::new(LIB_RS).check(&Source::new(path, text));
        let lines: Vec<usize> = found.iter().map(|finding| finding.line).collect();
        let expected_lines: Vec<usize> = expected.iter().map(|&(line, _)| line).collect();
        assert_eq!(lines, expected_lines, "{text}: {found:?}");
        for (finding, (_, begin)) in found.iter().zip(expected) {
            assert!(finding.what.starts_with(begin), "{finding}");
        }
    }

    #[test]
    fn rooms_import_downwards() {
        let up = "`exporter` uses `pipeline`, and rooms import only downwards";
        check("onelogger/src/exporter/a.rs", "use crate::pipeline::Health;", &[(1, up)]);
        check("onelogger/src/exporter/mod.rs", "x\nlet y = crate::pipeline::z;", &[(2, up)]);
        check("onelogger/src/exporter/a.rs", "use crate::data::Name;", &[]);
        check("onelogger/src/exporter/a.rs", "use crate::exporter::b;", &[]);
        check("onelogger/src/setup/a.rs", "use crate::sync::Flag;", &[]);
        check("onelogger/src/sync/a.rs", "use crate::data;", &[(1, "`sync` uses `data`")]);
    }

    #[test]
    fn a_tree_of_imports_is_read_branch_by_branch() {
        let text =
            "use crate::{\n    data::{self, pipeline},\n    recorder::{a, b},\n    setup,\n};";
        check("onelogger/src/context/a.rs", text, &[(4, "`context` uses `setup`")]);
        check(
            "onelogger/src/pipeline/a.rs",
            text,
            &[(3, "`pipeline` uses `recorder`"), (4, "`pipeline` uses `setup`")],
        );
    }

    #[test]
    fn read_and_diagnostics_stand_aside() {
        check("onelogger/src/read/mod.rs", "use crate::data;", &[]);
        check(
            "onelogger/src/read/mod.rs",
            "use crate::{sync, exporter};",
            &[(1, "`read` uses `sync`, and it may use `data` only"), (1, "`read` uses `exporter`")],
        );
        check("onelogger/src/exporter/a.rs", "use crate::read;", &[(1, "`exporter` uses `read`")]);
        check("onelogger/src/exporter/a.rs", "use crate::diagnostics;", &[]);
        check("onelogger/src/data/a.rs", "use crate::diagnostics;", &[(1, "`data` uses")]);
        let none = "`diagnostics` uses `data`, and it may use `sync` only";
        check("onelogger/src/diagnostics.rs", "use crate::sync;\nuse crate::data;", &[(2, none)]);
    }

    #[test]
    fn a_name_of_the_crate_s_root_counts_as_the_room_it_comes_from() {
        let up = "`exporter` uses `setup` (as `crate::Provider`)";
        check("onelogger/src/exporter/a.rs", "use crate::{Attributes, Provider};", &[(1, up)]);
        check("onelogger/src/sync/a.rs", "crate::Happening", &[(1, "`sync` uses `data`")]);
        check("onelogger/src/context/a.rs", "use crate::recorder::Span;", &[]);
        let call = "`context` uses `setup` (as `crate::recorder`)";
        check("onelogger/src/context/a.rs", "crate::recorder().stop()", &[(1, call)]);
        check("onelogger/src/data/a.rs", "crate::some_macro!()", &[]);
        check("onelogger/src/data/a.rs", "use crate::prelude::*;", &[(1, "`data` uses `prelude`")]);
    }

    #[test]
    fn comments_tests_and_macros_are_no_imports() {
        check("onelogger/src/data/a.rs", "/// [`a`](crate::setup)\nx", &[]);
        check("onelogger/src/data/a.rs", "#[cfg(test)] mod tests { use crate::setup; }", &[]);
        check("onelogger/src/data/a.rs", "$crate::setup", &[]);
        check("onelogger/src/lib.rs", "use crate::setup;", &[]);
        check("onelogger/src/testing.rs", "use crate::setup;", &[]);
        check("onelogger-macros/src/ir.rs", "use crate::setup;", &[]);
    }

    #[test]
    fn a_way_around_the_names_of_rooms_is_refused() {
        let path = "onelogger/src/data/a.rs";
        check(path, "use super::super::setup;", &[(1, "`super::super` hides")]);
        check("onelogger/src/attic/a.rs", "x", &[(1, "`attic` has no place")]);
        check("onelogger/src/attic.rs", "x", &[(1, "`attic` has no place")]);
    }
}
