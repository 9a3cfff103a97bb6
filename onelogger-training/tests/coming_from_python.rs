//! The page for those who come from the Python library: what it names is there, and what is there it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../guide/coming_from_python.md");
const NAMES: &str = include_str!("../src/names.rs");

/// The words of all code below a directory; what stands in comments and texts is none.
fn words_of_code(directory: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words_of_code(&path, words);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            let line = line.replace("\\\"", "").replace("'\"'", "");
            for code in line.split('"').step_by(2) {
                words.extend(words_of(code).map(str::to_owned));
            }
        }
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let all = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    all.filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic()))
}

fn sources() -> BTreeSet<String> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut words = BTreeSet::new();
    for directory in [ours.join("src"), ours.join("../onelogger/src")] {
        words_of_code(&directory, &mut words);
    }
    words
}

/// A row of a table: what Python says, if there is a column for it, and what we say.
struct Row {
    python: Option<&'static str>,
    here: &'static str,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut columns: Option<(Option<usize>, usize)> = None;
    for line in PAGE.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let place = |title: &str| cells.iter().position(|cell| *cell == title);
        match columns {
            _ if !line.starts_with('|') => columns = None,
            None => columns = Some((place("Python"), place("here").expect(line))),
            Some(_) if line.starts_with("| ---") => {}
            Some((python, here)) => {
                rows.push(Row { python: python.map(|python| cells[python]), here: cells[here] });
            }
        }
    }
    assert!(rows.len() > 150, "{}", rows.len());
    rows
}

/// What stands between backticks.
fn codes(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What the constants of the crate stand for, by module and name.
fn constants() -> BTreeMap<String, &'static str> {
    let mut constants = BTreeMap::new();
    let mut module = "";
    for line in NAMES.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub mod ") {
            module = name.trim_end_matches(" {");
        }
        let Some((name, text)) = line.split_once(" = \"") else { continue };
        let name = name.trim_start_matches("pub const ").trim_end_matches(": &str");
        constants.insert(format!("{module}::{name}"), text.trim_end_matches("\";"));
    }
    assert!(constants.len() > 90, "{}", constants.len());
    constants
}

#[test]
fn every_name_of_ours_is_one_of_the_crate() {
    let known = sources();
    for Row { here, .. } in rows() {
        let linked = here.split("](").skip(1).filter_map(|link| link.split(')').next());
        let paths = linked.filter(|link| link.contains("::"));
        for name in codes(here).chain(paths).flat_map(words_of) {
            assert!(known.contains(name), "nothing is called `{name}`: {here}");
        }
    }
}

#[test]
fn every_text_of_the_output_is_that_of_its_constant_and_none_is_left_out() {
    let constants = constants();
    let mut left_out: BTreeSet<&str> = constants
        .iter()
        .filter(|(name, text)| !name.starts_with("group") && !text.starts_with("onelogger."))
        .map(|(name, _)| name.as_str())
        .collect();
    for Row { python, here } in rows() {
        for name in codes(here) {
            let Some(text) = constants.get(name) else {
                let is_constant = ["span::", "event::", "attribute::"]
                    .iter()
                    .any(|module| name.starts_with(module));
                assert!(!is_constant, "there is no `{name}`");
                continue;
            };
            let python = python.unwrap_or_default();
            assert!(codes(python).any(|said| said == *text), "`{name}` is `{text}`: {python}");
            left_out.remove(name);
        }
    }
    assert!(left_out.is_empty(), "the page does not have {left_out:?}");
}

#[test]
fn every_callback_and_every_setting_that_may_be_a_function_is_there() {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut callbacks, mut settings) = (BTreeSet::new(), BTreeSet::new());
    words_of_code(&ours.join("callbacks"), &mut callbacks);
    callbacks.retain(|word| word.starts_with("on_"));
    words_of_code(&ours, &mut settings);
    // That one is a macro's.
    settings.retain(|word| word.ends_with("_fn") && word != "name_fn");
    assert!(callbacks.len() > 28 && settings.len() > 11, "{callbacks:?} {settings:?}");
    let rows = rows();
    let here: BTreeSet<_> =
        rows.iter().flat_map(|row| codes(row.here)).flat_map(words_of).collect();
    for name in callbacks.iter().chain(&settings) {
        assert!(here.contains(name.as_str()), "the page does not have `{name}`");
    }
}
