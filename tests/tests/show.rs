//! The example that shows a file, on files whole and damaged. Its source is included: cargo tells
//! tests of one package nothing of the examples of another.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use onelogger::{DefaultRecorder, FileExporter, OneLoggerConfig, OneLoggerProvider};

#[path = "../../examples/show.rs"]
#[allow(dead_code, reason = "its `main`")]
mod show;

/// What it prints, with its error as the last line.
fn show(options: &[&str], files: &[&Path]) -> String {
    let options = options.iter().map(Into::into);
    let files = files.iter().map(|file| file.as_os_str().to_owned());
    let mut out = Vec::new();
    let result = show::show(options.chain(files), &mut out);
    let mut text = String::from_utf8(out).unwrap();
    if let Err(error) = result {
        writeln!(text, "error: {error}").unwrap();
    }
    text
}

fn id(number: usize) -> String {
    format!("00000000-0000-8000-8000-{number:012}")
}

/// A job of `steps` steps of 1, 2, 3… milliseconds, each with a part, of which the sixth failed,
/// and an event after each step. It was killed.
fn job(steps: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    let mut line = |rest: String, time: usize| {
        count += 1;
        writeln!(text, "{{{rest},\"count\":{count},\"time_unix_nano\":{}}}", time * 1_000_000)
            .unwrap();
    };
    line(format!(r#""type":"start","id":"{}","name":"job""#, id(1)), 0);
    for step in 1..=steps {
        let span = |id: String, name, parent, outcome| {
            format!(
                r#""type":"complete","id":"{id}","name":"{name}","parent_id":"{parent}",
                "duration_nano":{step}000000,"outcome":"{outcome}""#
            )
            .replace('\n', "")
        };
        line(span(id(2 * step), "step", id(1), "ok"), 100 * step);
        let outcome = if step == 6 { "error" } else { "ok" };
        line(span(id(2 * step + 1), "part", id(2 * step), outcome), 100 * step);
        let event = r#""event":{"name":"progress","attributes":{}}"#;
        line(format!(r#""type":"event","span_id":"{}",{event}"#, id(1)), 100 * step + 50);
    }
    text
}

/// The job in a file.
fn file(directory: &tempfile::TempDir, text: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join("run.jsonl");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn siblings_of_the_same_name_are_folded_and_a_failure_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, job(10));
    let expected = "\
run 1 of 1
job  open
  step  1.0 ms
    part  1.0 ms
  - progress  +150.0 ms
  step  2.0 ms
    part  2.0 ms
  - progress  +250.0 ms
  step  3.0 ms
    part  3.0 ms
  - progress  +350.0 ms
  … and 6 more step: total 43.0 ms, mean 7.2 ms, max 10.0 ms
  … and 7 more progress
  step  6.0 ms
    part  6.0 ms (error)
incomplete: 51 records found
- no closing record: the process was killed, still runs, or used no recorder; 1 span open
";
    assert_eq!(show(&["--no-statistics"], &[&path]), expected);
    let all = show(&["--no-statistics", "--all"], &[&path]);
    assert_eq!((all.matches(" step ").count(), all.contains('…')), (10, false));
    let table = show(&[], &[&path]);
    assert!(table.contains("\nstep "), "{table}");
}

#[test]
fn a_tree_is_cut_by_name_depth_and_errors() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, job(7));
    let check = |options: &[&str], expected: &[&str]| {
        let shown = show(options, &[&path]);
        let lines: Vec<_> = shown.lines().skip(1).take_while(|line| !line.is_empty()).collect();
        let lines = lines.split(|line| line.starts_with("incomplete")).next().unwrap();
        assert_eq!(lines, expected, "{options:?}");
    };
    check(&["--depth", "1"], &["job  open  … spans below: 14, events and errors: 7"]);
    check(&["--errors"], &["job  open", "  step  6.0 ms", "    part  6.0 ms (error)"]);
    check(
        &["--name", "part"],
        &[
            "part  1.0 ms",
            "part  2.0 ms",
            "part  3.0 ms",
            "… and 3 more part: total 16.0 ms, mean 5.3 ms, max 7.0 ms",
            "part  6.0 ms (error)",
        ],
    );
    check(&["--name", "part", "--errors"], &["part  6.0 ms (error)"]);
    check(&["--name", "nothing"], &["no span has this name"]);
}

#[test]
fn what_is_damaged_is_said_and_the_rest_shown() {
    let directory = tempfile::tempdir().unwrap();
    let text = job(2);
    // Torn in the last line, and the second one lost.
    let path = file(&directory, &text[..text.len() - 9]);
    let torn = show(&[], &[&path]);
    assert!(torn.contains("  step  2.0 ms\n    part  2.0 ms\n"), "{torn}");
    assert!(torn.ends_with("run.jsonl: line 7: breaks off\n"), "{torn}");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let lost = show(&[], &[&file(&directory, [lines[0], &lines[2..].concat()].concat())]);
    assert!(lost.contains("part  1.0 ms (its parent"), "{lost}");
    assert!(lost.contains("- line with count 2 missing\n"), "{lost}");

    let garbage = show(&[], &[&file(&directory, b"\xff\n".repeat(12))]);
    assert!(garbage.contains("line 10: is no text from byte 0 on\n… and 2 more"), "{garbage}");
    assert!(garbage.contains("error: no records in "), "{garbage}");
    assert!(show(&[], &[&file(&directory, "")]).starts_with("error: no records in "));
}

#[test]
fn a_check_fails_unless_every_run_is_known_to_be_complete() {
    let directory = tempfile::tempdir().unwrap();
    let killed = file(&directory, job(2));
    let expected = "\
run 1 of 1
incomplete: 11 records found
- no closing record: the process was killed, still runs, or used no recorder; 1 span open
error: runs that are not known to be complete: 1 of 1
";
    assert_eq!(show(&["--check"], &[&killed]), expected);

    let whole = directory.path().join("whole.jsonl");
    let config = OneLoggerConfig::builder("job").session_tag("").world_size(1).build().unwrap();
    let recorder = DefaultRecorder::builder().exporter(FileExporter::new(&whole)).build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    provider.recorder().event(None, "event").unwrap();
    drop(guard);
    let said = show(&["--check"], &[&whole]);
    assert!(said.ends_with("\ncomplete: 1 record, none missing\n"), "{said}");
    // Of two runs one.
    let said = show(&["--check"], &[&whole, &killed]);
    assert!(said.ends_with("error: runs that are not known to be complete: 1 of 2\n"), "{said}");
    // Of the Python library's files nobody knows.
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/01_nested_spans.jsonl");
    assert!(show(&["--check"], &[&python]).contains("\nerror: runs that are not known"));
}

#[test]
fn a_mistake_on_the_command_line_is_named() {
    assert!(show(&[], &[]).starts_with("usage: show"));
    assert!(show(&["--help"], &[Path::new("no")]).starts_with("usage: show"));
    assert_eq!(show(&["--dept", "2"], &[]), "error: unknown option `--dept`; see `--help`\n");
    for depth in [&["--depth", "0"][..], &["--depth", "x"], &["--depth"]] {
        assert_eq!(show(depth, &[]), "error: `--depth` needs a number from 1 on\n");
    }
    assert_eq!(show(&["-", "run.jsonl"], &[]), "error: `-` stands alone\n");
    let missing = show(&[], &[Path::new("no/such/file.jsonl")]);
    assert!(missing.starts_with("error: no/such/file.jsonl: "), "{missing}");
}

#[test]
fn every_file_of_the_python_library_is_shown() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let paths = golden.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".jsonl") && !name.starts_with("wandb")
    };
    let paths: Vec<_> = paths.filter(is_log).collect();
    assert!(paths.len() > 15);
    for path in paths {
        let shown = show(&[], &[&path]);
        assert!(shown.starts_with("run 1 of 1, process 4242\n"), "{shown}");
        assert!(shown.contains(" found") && !shown.contains("\nerror: "), "{shown}");
    }
}
