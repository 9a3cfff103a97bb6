//! The rules that look at one file at a time.

use super::source::{Source, line_at, occurrences};
use super::{Finding, Findings};

/// A file is read whole.
const NOTED_LINES: usize = 400;
const REFUSED_LINES: usize = 600;

/// Words that product code may hold in some places only. Its tests may hold them anywhere.
struct Reserved {
    words: &'static [&'static str],
    why: &'static str,
    /// Where the words may stand, as the beginning of a path, and the reason.
    except: &'static [(&'static str, &'static str)],
}

/// Every crate that is published: `onelogger` and those that begin with its name.
const PRODUCT: &str = "onelogger";

const RESERVED: &[Reserved] = &[
    Reserved {
        words: &["unsafe", "atomic"],
        why: "`unsafe` and atomics live in onelogger/src/sync, beside their loom models; use what \
              is there, or add a structure with a model",
        except: &[("onelogger/src/sync/", "the one room of both")],
    },
    Reserved {
        words: &["Instant::now", "SystemTime::now"],
        why: "time is read in onelogger/src/pipeline/clock.rs, so that tests can set it; take a \
              `Clock`",
        except: &[
            ("onelogger/src/pipeline/clock.rs", "the clock that records are timed with"),
            ("onelogger/src/pipeline/queue.rs", "waits for room and for work, with a deadline"),
            ("onelogger/src/pipeline/ticket.rs", "waits for a flush, with a deadline"),
            ("onelogger/src/pipeline/worker.rs", "is called again when an exporter asks for it"),
            ("onelogger/src/pipeline/outlet.rs", "flushes exporters at intervals"),
            (
                "onelogger/src/pipeline/mod.rs",
                "waits for synchronous mode, and says how long a close may take",
            ),
            ("onelogger/src/setup/process_end.rs", "spaces the flushes of panics"),
            (
                "onelogger-otel/src/bridge/clock.rs",
                "tells a time that is now from one that is given",
            ),
            ("onelogger-otel/src/otlp/clock.rs", "how long spans are open and requests are tried"),
        ],
    },
    Reserved {
        words: &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        why: "the terminal is the application's; send messages through `diagnostics`",
        except: &[],
    },
    Reserved {
        words: &["process::exit", "process::abort"],
        why: "telemetry never ends the program; return an error",
        except: &[],
    },
    Reserved {
        words: &["thread::spawn"],
        why: "it panics where the system has no thread to give; use `std::thread::Builder` with a \
              name and handle the error",
        except: &[],
    },
];

/// The home of loom models, and its files that need none.
const SYNC: &str = "onelogger/src/sync/";
const WITHOUT_MODEL: &[(&str, &str)] = &[
    ("onelogger/src/sync/mod.rs", "a list of the others"),
    ("onelogger/src/sync/primitive.rs", "what the models themselves are made of"),
    ("onelogger/src/sync/lane/tests.rs", "the unit tests of lane.rs, where the models are"),
    ("onelogger/src/sync/words.rs", "works on borrowed slices: no thread shares anything"),
    (
        "onelogger/src/sync/process.rs",
        "lives in statics, which loom's atomics cannot; one publication, and a test that forks",
    ),
    (
        "onelogger/src/sync/chain.rs",
        "lives in statics, which loom's atomics cannot; one publication, and a test with threads",
    ),
    (
        "onelogger/src/sync/termination.rs",
        "a signal handler and its statics, which loom does not know; tests that send signals",
    ),
    ("onelogger/src/sync/ticks.rs", "reads a counter of the CPU: no thread shares anything"),
    ("onelogger/src/sync/wrapped.rs", "pins a future: no thread shares anything"),
];

/// Directories of the machine on which someone works, and of what lies beside a checkout there.
const MACHINE: &[&str] = &["/work/", "/home/", "/root/", "/Users/", "../shared"];

/// Holds the exceptions, and names the directories above.
const THIS_FILE: &str = "xtask/src/tidy/rules.rs";

pub(super) fn check(source: &Source, found: &mut Findings) {
    length(source, found);
    let failures = &mut found.failures;
    for rule in RESERVED {
        reserved(rule, source, failures);
    }
    open_ends(source, failures);
    machine_paths(source, failures);
    models(source, failures);
}

/// Exceptions that nothing needs any more: one that stays would let the next mistake through.
pub(super) fn stale_exceptions(sources: &[Source]) -> Vec<Finding> {
    let mut stale = Vec::new();
    let mut expect = |place: &str, is_needed: &dyn Fn(&Source) -> bool| {
        let mut here = sources.iter().filter(|source| source.path.starts_with(place));
        if !here.any(is_needed) {
            let what = format!("the exception for `{place}` is not needed any more; remove it");
            stale.push(finding_in(THIS_FILE, 1, what));
        }
    };
    for rule in RESERVED {
        for (place, _) in rule.except {
            expect(place, &|source| places(rule, source).next().is_some());
        }
    }
    for (place, _) in WITHOUT_MODEL {
        expect(place, &|source| !has_model(source));
    }
    stale
}

fn length(source: &Source, found: &mut Findings) {
    let lines = source.text.lines().count();
    if !source.is_rust() || lines <= NOTED_LINES {
        return;
    }
    let what = format!("{lines} lines; look for the second subject in this file");
    if lines > REFUSED_LINES {
        let what = format!("{what} and move it out: {REFUSED_LINES} are the limit");
        found.failures.push(finding(source, lines, what));
    } else {
        found.notes.push(finding(source, lines, what));
    }
}

fn reserved(rule: &Reserved, source: &Source, failures: &mut Vec<Finding>) {
    if rule.except.iter().any(|(place, _)| source.path.starts_with(place)) {
        return;
    }
    for (at, word) in places(rule, source) {
        let line = line_at(source.code(), at);
        failures.push(finding(source, line, format!("`{word}`: {}", rule.why)));
    }
}

/// Where the words of a rule stand in a file's product code.
fn places<'a>(
    rule: &'a Reserved,
    source: &'a Source,
) -> impl Iterator<Item = (usize, &'static str)> + 'a {
    let is_product = source.path.starts_with(PRODUCT) && source.path.contains("/src/");
    let code = if is_product { source.product_code() } else { "" };
    rule.words.iter().flat_map(move |word| occurrences(code, word).map(move |at| (at, *word)))
}

/// Marks of unfinished work need an issue. Prose may speak of them, and does in Markdown.
fn open_ends(source: &Source, failures: &mut Vec<Finding>) {
    if source.path.ends_with(".md") {
        return;
    }
    let prose = source.prose();
    for mark in ["TODO", "FIXME"] {
        for at in occurrences(prose, mark) {
            if !has_issue(&prose[at + mark.len()..]) {
                let what = format!("a bare `{mark}`; open an issue and write `{mark}(#N)`");
                failures.push(finding(source, line_at(prose, at), what));
            }
        }
    }
}

fn has_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|after| after.split_once(')'));
    number.is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

/// What is in the repository must hold on every machine.
fn machine_paths(source: &Source, failures: &mut Vec<Finding>) {
    if source.path == THIS_FILE {
        return;
    }
    for (number, line) in (1..).zip(source.text.lines()) {
        let path = MACHINE.iter().find(|path| {
            // The end of a longer path, as in an address, is no directory of a machine.
            let mut before = line.match_indices(**path).map(|(at, _)| &line[..at]);
            before
                .any(|before| !before.ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c)))
        });
        if let Some(path) = path {
            let what = format!(
                "`{path}` exists on one machine only; name a file of this repository, or say what \
                 is meant"
            );
            failures.push(finding(source, number, what));
        }
    }
}

/// Each structure that threads share has its loom model beside it.
fn models(source: &Source, failures: &mut Vec<Finding>) {
    let is_exempt = WITHOUT_MODEL.iter().any(|&(path, _)| path == source.path);
    if source.path.starts_with(SYNC) && !is_exempt && !has_model(source) {
        let what = "no loom model; write one (see lane.rs), or give the reason in `WITHOUT_MODEL` \
                    (xtask/src/tidy/rules.rs)";
        failures.push(finding(source, 1, what.into()));
    }
}

fn has_model(source: &Source) -> bool {
    source.code().contains("onelogger_loom))]\nmod") && source.code().contains("fn loom_")
}

fn finding(source: &Source, line: usize, what: String) -> Finding {
    finding_in(&source.path, line, what)
}

fn finding_in(path: &str, line: usize, what: String) -> Finding {
    let path = path.into();
    Finding { path, line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which lines fail, and how the first failure begins.
    fn check(path: &str, text: &str, expected: &[usize], begin: &str) {
        let mut found = Findings::default();
        super::check(&Source::new(path, text), &mut found);
        let lines: Vec<usize> = found.failures.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{path}: {text}");
        if let Some(first) = found.failures.first() {
            assert!(first.what.starts_with(begin), "{first}");
        }
    }

    #[test]
    fn unsafe_code_and_atomics_stay_in_their_room() {
        let code = "use std::sync::{Arc, atomic::AtomicU64};\nunsafe { x }";
        check("onelogger/src/data/a.rs", code, &[2, 1], "`unsafe`: ");
        check("onelogger-otel/src/lib.rs", code, &[2, 1], "`unsafe`: ");
        check("onelogger/src/sync/primitive.rs", code, &[], "");
        check("onelogger/tests/a.rs", code, &[], "");
        check("xtask/src/a.rs", code, &[], "");
        check("onelogger/src/data/a.rs", "#![deny(unsafe_code)] // unsafe", &[], "");
    }

    #[test]
    fn the_clock_is_read_where_it_may_be() {
        let code = "let now =\n    std::time::Instant::now();";
        check("onelogger/src/recorder/a.rs", code, &[2], "`Instant::now`: ");
        check("onelogger/src/pipeline/clock.rs", code, &[], "");
        let test = format!("#[cfg(test)]\nmod tests {{ {code} }}");
        check("onelogger/src/recorder/a.rs", &test, &[], "");
    }

    #[test]
    fn nothing_is_printed_and_nothing_ends_the_program() {
        let path = "onelogger/src/exporter/a.rs";
        check(path, "/// println!()\nprintln!();", &[2], "`println!`: ");
        check(path, "writeln!(out)", &[], "");
        check(path, "std::process::exit(1)", &[1], "`process::exit`: ");
        check(path, "std::thread::spawn(f)", &[1], "`thread::spawn`: ");
    }

    #[test]
    fn unfinished_work_has_an_issue() {
        let begin = "a bare `TODO`; open an issue";
        check("tests/src/a.rs", "x\n// TODO: this", &[2], begin);
        check("tests/src/a.rs", "// TODO(#): this", &[1], begin);
        check("tests/a.py", "# TODO", &[1], begin);
        check("tests/src/a.rs", "// TODO(#12): this\n\"TODO\" // TODOS", &[], "");
        check("CONTRIBUTING.md", "No bare `TODO`.", &[], "");
    }

    #[test]
    fn no_path_of_a_machine_is_named() {
        let begin = "`/home/` exists on one machine only";
        check("README.md", "see\n`/home/ada/x`", &[2], begin);
        check("xtask/src/a.rs", "\"../shared/style.md\"", &[1], "`../shared` exists");
        check("README.md", "https://example.org/home/ and ./home/x", &[], "");
    }

    #[test]
    fn a_shared_structure_has_a_model() {
        let model = "#[cfg(all(test, onelogger_loom))]\nmod loom_tests { fn loom_a() {} }";
        check("onelogger/src/sync/a.rs", model, &[], "");
        check("onelogger/src/sync/a.rs", "// fn loom_a", &[1], "no loom model");
        check("onelogger/src/sync/words.rs", "", &[], "");
        check("onelogger/src/data/a.rs", "", &[], "");
    }

    #[test]
    fn a_long_file_is_noted_and_a_longer_one_refused() {
        let check = |lines: usize, failures: usize, notes: usize| {
            let mut found = Findings::default();
            length(&Source::new("a/src/a.rs", "x\n".repeat(lines)), &mut found);
            assert_eq!((found.failures.len(), found.notes.len()), (failures, notes));
        };
        check(400, 0, 0);
        check(401, 0, 1);
        check(600, 0, 1);
        check(601, 1, 0);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_stale() {
        let clock = Source::new("onelogger/src/pipeline/clock.rs", "Instant::now()");
        let queue = Source::new("onelogger/src/pipeline/queue.rs", "no clock");
        let stale = stale_exceptions(&[clock, queue]);
        let about = |file: &str| stale.iter().any(|finding| finding.what.contains(file));
        assert!(about("pipeline/queue.rs") && !about("pipeline/clock.rs"));
    }
}
