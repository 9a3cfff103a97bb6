//! The queries of the guide's page "Is my data complete?", on what exporters have written: by the tools
//! that it names, and by our reader.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use onelogger::exporter::ColorChoice;
use onelogger::read::{self, LineKind, Run};
use onelogger::{
    ConsoleExporter, DefaultRecorder, Event, FileExporter, LoggerExporter, OneLoggerConfig,
    OneLoggerProvider, RecorderHandle, Span, TelemetryDataError,
};

const PAGE: &str = include_str!("../../onelogger/guide/09_is_my_data_complete.md");
const PATIENCE: Duration = Duration::from_secs(60);

/// The blocks of a language, each with its first line, a comment, as its title.
fn queries(language: &str) -> Vec<(&'static str, &'static str)> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(&*fence).skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    blocks
        .map(|block| {
            let (title, query) = block.split_once('\n').unwrap();
            (title.trim_start_matches(['#', '-', ' ']), query)
        })
        .collect()
}

fn query(title: &str) -> &'static str {
    let found = queries("sh").into_iter().find(|(found, _)| *found == title);
    found.unwrap_or_else(|| panic!("no query is called `{title}`")).1
}

/// What a query prints in a directory; `None` where its tool is not installed.
fn run(query: &str, directory: &Path) -> Option<String> {
    let tool = query.split(' ').next().unwrap();
    if Command::new(tool).arg("--version").output().is_err() {
        println!("`{tool}` is not installed: only our reader is asked");
        return None;
    }
    let output = Command::new("sh").args(["-c", query]).current_dir(directory).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.is_empty(), "{query}: {said}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The log of the process.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        LOG.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

/// How a job goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Complete,
    Killed,
    /// An event finds no room.
    Loses,
    /// A span stays open.
    CutOff,
    /// The application says that its data is bad.
    Reported,
    /// A line is taken out of the file.
    Torn,
}

/// A span with an event and another span; and what the fate wants.
fn work(recorder: &RecorderHandle, fate: Fate) -> Span {
    let work = recorder.start("work").unwrap();
    recorder.event(&work, "progress").unwrap();
    let load = recorder.start("load").unwrap();
    recorder.stop(&load).unwrap();
    match fate {
        Fate::Loses => {
            let large = Event::new("large").with("text", "x".repeat(20_000));
            recorder.event(&work, large).unwrap();
        }
        Fate::Reported => {
            recorder.telemetry_data_error(TelemetryDataError::new("sensor missing")).unwrap();
        }
        _ => {}
    }
    work
}

/// Runs the job in a directory, which then has `run.jsonl`, `job.log` and `console.txt`.
fn job(fate: Fate, directory: &Path) {
    let file = directory.join("run.jsonl");
    let console = fs::File::create(directory.join("console.txt")).unwrap();
    let recorder = DefaultRecorder::builder()
        .exporter(FileExporter::new(&file))
        .exporter(LoggerExporter::new())
        .exporter(ConsoleExporter::to(console).color(ColorChoice::Never))
        .lane_bytes(16 << 10)
        .build()
        .unwrap();
    let config = OneLoggerConfig::builder("job").session_tag("").world_size(1).build().unwrap();
    let provider = OneLoggerProvider::new();
    LOG.lock().unwrap().clear();
    let guard = provider.configure(config, recorder).unwrap();
    let recorder = provider.recorder();
    let span = work(&recorder, fate);
    recorder.force_flush(PATIENCE).unwrap();
    let at_the_kill = (fate == Fate::Killed).then(|| {
        let console = fs::read(directory.join("console.txt")).unwrap();
        (fs::read(&file).unwrap(), LOG.lock().unwrap().clone(), console)
    });
    if fate != Fate::CutOff {
        recorder.stop(&span).unwrap();
    }
    drop(guard);
    let mut lines = LOG.lock().unwrap().clone();
    if let Some((file_then, log_then, console)) = at_the_kill {
        fs::write(&file, file_then).unwrap();
        fs::write(directory.join("console.txt"), console).unwrap();
        lines = log_then;
    }
    if fate == Fate::Torn {
        let text = fs::read_to_string(&file).unwrap();
        let kept = text.lines().filter(|line| !line.contains("\"load\""));
        fs::write(&file, kept.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let mut log = fs::File::create(directory.join("job.log")).unwrap();
    lines.iter().for_each(|line| writeln!(log, "{line}").unwrap());
}

/// What our reader says to the same question.
fn ours(title: &str, run: &Run) -> String {
    let completeness = run.completeness();
    let line = |text: String| if text.is_empty() { text } else { text + "\n" };
    let names = |is_wanted: &dyn Fn(&read::SpanView<'_>) -> bool| {
        let spans = run.spans();
        let names =
            spans.iter().filter(|span| is_wanted(span)).map(|span| format!("{}\n", span.name()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.concat()
    };
    match title {
        "the totals of the run; nothing if it was not closed" => line(
            run.closing()
                .map(|line| serde_json::to_string(&line.attributes).unwrap())
                .unwrap_or_default(),
        ),
        "what is lost, and why, as was said last" => {
            let lost = completeness.findings.iter().filter_map(|finding| match finding {
                read::Finding::Lost { reason, records } => {
                    Some(format!("{{\"onelogger.lost.{reason}\":{records}}}"))
                }
                _ => None,
            });
            line(lost.collect())
        }
        "why the data is not to be trusted" => {
            let reports =
                run.lines().iter().filter(|line| line.kind == LineKind::TelemetryDataError);
            let message = |report: &read::Line| {
                let message = report.attributes.get_str("error_message").unwrap().unwrap();
                format!("{message}\n")
            };
            reports.map(message).collect()
        }
        "how many lines are missing" => {
            let missing = completeness.findings.iter().map(|finding| match finding {
                read::Finding::Gap { counts } => counts.clone().count(),
                _ => 0,
            });
            format!("{}\n", missing.sum::<usize>())
        }
        "spans that did not end by themselves" => {
            names(&|span| span.is_open() || span.is_truncated())
        }
        "spans without those" => names(&|span| span.is_whole()),
        "whether all is there" => format!("{}\n", completeness.is_complete()),
        _ => panic!("our reader was not asked `{title}`"),
    }
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

const FATES: [Fate; 6] =
    [Fate::Complete, Fate::Killed, Fate::Loses, Fate::CutOff, Fate::Reported, Fate::Torn];

/// What each query says of each fate.
const EXPECTED: [(&str, [&str; 6]); 6] = [
    (
        "what is lost, and why, as was said last",
        ["", "", "{\"onelogger.lost.record_too_large\":1}\n", "", "", ""],
    ),
    (
        "why the data is not to be trusted",
        ["", "", "1 of 5 records are lost\n", "", "sensor missing\n", ""],
    ),
    ("how many lines are missing", ["0\n", "0\n", "0\n", "0\n", "0\n", "1\n"]),
    ("spans that did not end by themselves", ["", "work\n", "", "work\n", "", ""]),
    (
        "spans without those",
        ["load\nwork\n", "load\n", "load\nwork\n", "load\n", "load\nwork\n", "work\n"],
    ),
    ("whether all is there", ["true\n", "false\n", "false\n", "true\n", "false\n", "false\n"]),
];

/// And what is counted in logs and on the console.
const COUNTED: [(&str, [u32; 6]); 4] = [
    ("closed runs in the log", [1, 0, 1, 1, 1, 1]),
    ("lines that say why the data is not to be trusted", [0, 0, 1, 0, 1, 0]),
    ("spans that were cut off by the end of the run", [0, 0, 0, 1, 0, 0]),
    ("lines that say that something is missing", [0, 0, 2, 1, 1, 0]),
];

#[test]
fn every_query_finds_what_it_says_and_our_reader_agrees() {
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let totals = "the totals of the run; nothing if it was not closed";
    let titles: Vec<&str> = queries("sh").into_iter().map(|(title, _)| title).collect();
    let known =
        EXPECTED.iter().map(|(title, _)| title).chain(COUNTED.iter().map(|(title, _)| title));
    assert_eq!(titles.len(), known.clone().count() + 1, "each is asked: {titles:?}");
    for (place, fate) in FATES.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        job(fate, directory.path());
        let log = read::file(directory.path().join("run.jsonl")).unwrap();
        let [only] = log.runs() else { panic!("{fate:?}: {} runs", log.runs().len()) };
        for (title, expected) in EXPECTED {
            let expected = expected[place];
            assert_eq!(sorted(&ours(title, only)), expected, "{fate:?}: {title}");
            if let Some(said) = run(query(title), directory.path()) {
                assert_eq!(sorted(&said), expected, "{fate:?}: {title}");
            }
        }
        let of_run = ours(totals, only);
        assert_eq!(of_run.is_empty(), fate == Fate::Killed, "{of_run}");
        if let Some(said) = run(query(totals), directory.path()) {
            // The file's own attribute comes last; our reader keeps it out.
            let said = said.split(",\"timestamp_msec\"").next().unwrap();
            assert_eq!(said, of_run.trim_end().trim_end_matches('}'), "{fate:?}");
        }
        for (title, expected) in COUNTED {
            if let Some(said) = run(query(title), directory.path()) {
                let log = fs::read_to_string(directory.path().join("job.log")).unwrap();
                assert_eq!(said.trim(), expected[place].to_string(), "{fate:?}: {title}\n{log}");
            }
        }
    }
}
