//! The layers of `onelogger/src`: a room imports only from rooms below it.

use std::collections::HashMap;

use super::Finding;
use super::source::{Source, first_word, is_word, line_at, occurrences};

/// The directory of the rooms.
const HOME: &str = "onelogger/src/";

/// The list of all that is public; rooms may name things by it, so it is read for where they are.
pub(super) const LIB: &str = "onelogger/src/lib.rs";

/// From the roof to the floor, as in ARCHITECTURE.md. `read` stands beside `exporter`, and
/// `diagnostics` beside all rooms above `data`: see `may_import`.
const ROOMS: &[&str] = &[
    "setup", "signal", "callsite", "context", "recorder", "pipeline", "exporter", "data", "sync",
];

/// Made for those outside, out of all rooms; no room uses them.
const SHOP_WINDOWS: &[&str] = &["lib", "prelude", "testing", "__private"];

/// Where the names stand that `lib.rs` re-exports.
pub(super) struct Layers {
    rooms_of_names: HashMap<String, String>,
}

impl Layers {
    pub(super) fn new(lib: &str) -> Layers {
        Layers {
            rooms_of_names: re_exports(lib),
        }
    }

    pub(super) fn check(&self, source: &Source) -> Vec<Finding> {
        let Some(room) = room(&source.path) else {
            return Vec::new();
        };
        if SHOP_WINDOWS.contains(&room) {
            return Vec::new();
        }
        let finding = |line, what| Finding {
            path: source.path.clone(),
            line,
            what,
        };
        if !is_room(room) {
            let what = format!(
                "`{room}` has no place among the rooms; add it to `ROOMS` in \
                 xtask/src/tidy/layers.rs and to ARCHITECTURE.md"
            );
            return vec![finding(1, what)];
        }
        let code = source.product_code();
        let mut found = Vec::new();
        for reference in references(code) {
            let Some(target) = self.room_of(&reference) else {
                continue;
            };
            if !may_import(room, target) {
                let name = reference.name;
                let via = if name == target {
                    String::new()
                } else {
                    format!(" (by `crate::{name}`)")
                };
                let what = format!(
                    "`{room}` imports `{target}`{via}, which is not below it; {}",
                    way_out(room)
                );
                found.push(finding(line_at(code, reference.at), what));
            }
        }
        for at in occurrences(code, "super::super") {
            let what = "`super::super` hides which room is meant; write `crate::<room>`";
            found.push(finding(line_at(code, at), what.into()));
        }
        found
    }

    /// The room that a path after `crate::` leads to, unless it is a macro or not ours.
    fn room_of(&self, reference: &Reference<'_>) -> Option<&str> {
        let &Reference { name, is_call, .. } = reference;
        let re_exported = || self.rooms_of_names.get(name).map(String::as_str);
        if is_call {
            // `crate::recorder` is a room, `crate::recorder()` a function of `setup`.
            return re_exported();
        }
        let named = ROOMS.iter().chain(SHOP_WINDOWS).copied();
        named
            .chain(["read", "diagnostics"])
            .find(|&room| room == name)
            .map_or_else(re_exported, |_| self.known(name))
    }

    fn known(&self, name: &str) -> Option<&'static str> {
        let all = ROOMS.iter().chain(SHOP_WINDOWS).copied();
        all.chain(["read", "diagnostics"]).find(|&room| room == name)
    }
}
