//! What the guide of `onelogger-otel` names is there: variables, names in what is sent, and what the
//! doctor says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The texts of all files below a directory of the workspace whose names end so.
fn texts(directory: &str, ending: &str) -> String {
    fn collect(directory: &Path, ending: &str, all: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, ending, all);
            } else if path.to_string_lossy().ends_with(ending) {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = String::new();
    collect(&workspace.join(directory), ending, &mut all);
    all
}

fn guide() -> String {
    texts("onelogger-otel/guide", ".md") + include_str!("../../onelogger-otel/README.md")
}

/// The sources, without comments: what is only said there does not count.
fn sources() -> String {
    let all = texts("onelogger-otel/src", ".rs") + &texts("onelogger/src", ".rs");
    all.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The words of these letters that begin with one of these.
fn words<'a>(text: &'a str, is_part: fn(char) -> bool, beginnings: &[&str]) -> BTreeSet<&'a str> {
    let all = text.split(|letter| !is_part(letter));
    let all = all.map(|word| word.trim_end_matches(['.', '_']));
    all.filter(|word| beginnings.iter().any(|beginning| word.starts_with(beginning))).collect()
}

#[test]
fn every_variable_is_read() {
    let (guide, sources) = (guide(), sources());
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    let beginnings = ["OTEL_", "_OTEL_", "ONELOGGER_"];
    let names = words(&guide, is_part, &beginnings);
    assert!(names.len() > 30, "{names:?}");
    // Written as families: `OTEL_BSP_*`, `OTEL_{TRACES,LOGS,METRICS}_EXPORTER`.
    for name in names.into_iter().filter(|name| !["OTEL", "OTEL_BSP"].contains(name)) {
        // Those of the connection are made of parts.
        let mut part = name.strip_prefix("OTEL_EXPORTER_OTLP_").unwrap_or(name);
        for signal in ["TRACES_", "LOGS_", "METRICS_"] {
            part = part.strip_prefix(signal).filter(|_| part != name).unwrap_or(part);
        }
        let is_read = [name, part].iter().any(|name| sources.contains(&format!("\"{name}\"")));
        assert!(is_read, "nothing reads `{name}`");
    }
}

#[test]
fn every_name_of_ours_is_one_that_is_sent() {
    let (guide, sources) = (guide(), sources());
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_' || letter == '.';
    let names = words(&guide, is_part, &["onelogger."]);
    assert!(names.len() > 12, "{names:?}");
    let reasons = onelogger::LossReason::ALL.map(|reason| format!("onelogger.lost.{reason}"));
    for name in names {
        let is_known = sources.contains(&format!("\"{name}\""))
            || sources.contains(&format!("\"{name}.\""))
            || reasons.iter().any(|reason| reason == name);
        assert!(is_known, "nothing is called `{name}`");
    }
}

#[test]
fn what_the_doctor_says_is_what_it_says() {
    let remedies = include_str!("../../onelogger-otel/src/setup/remedy.rs");
    // A text that goes on in the next line.
    let remedies = remedies.split("\\\n").map(str::trim_start).collect::<String>();
    let troubleshooting = include_str!("../../onelogger-otel/guide/04_troubleshooting.md");
    let mut count = 0;
    for row in troubleshooting.lines().filter(|line| line.starts_with('|')) {
        let Some((_, said)) = row.split_once("| the doctor: ") else {
            continue;
        };
        let (said, _) = said.split_once('|').unwrap();
        for quoted in said.split('`').skip(1).step_by(2) {
            count += 1;
            assert!(remedies.contains(quoted), "the doctor does not say `{quoted}`");
        }
    }
    assert!(count > 10, "{count}");
}
