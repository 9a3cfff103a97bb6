//! What was written can be read back, and whatever else a file holds is reported.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use onelogger::exporter::Folding;
use onelogger::read::{
    self, DamageReason, Entry, Finding, LineKind, Log, ParentId, Statistics, Verdict,
};
use onelogger::{
    Attributes, DefaultRecorder, ErrorEvent, Event, FileExporter, ManualClock, OneLoggerConfig,
    OneLoggerProvider, Outcome, RecorderHandle, SpanBuilder, SpanContext, SpanFilter, SpanId,
    SpanStop, TraceFlags, TraceId, Value,
};
use proptest::prelude::*;

/// A directory of one test's own, which goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let name = format!("onelogger-read-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Records with a provider of its own, from a clock that stands at a second, and closes it.
fn record(exporter: FileExporter, work: impl FnOnce(&RecorderHandle, &ManualClock)) {
    let clock = ManualClock::new(1_000_000_000);
    let recorder = DefaultRecorder::builder()
        .exporter(exporter.folding(Folding::Always))
        .manual_clock(clock.clone())
        .filter(SpanFilter::except(["hidden"]))
        .synchronous()
        .build()
        .unwrap();
    let config = OneLoggerConfig::builder("reader").world_size(1).session_tag("s").build().unwrap();
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config, recorder).unwrap();
    let attached = provider.attach();
    work(&provider.recorder(), &clock);
    drop(attached);
    drop(guard);
}

/// A job with a bit of everything.
fn job(recorder: &RecorderHandle, clock: &ManualClock) {
    let step = || clock.advance(Duration::from_micros(1_500));
    let outer = recorder.start(SpanBuilder::new("outer").with("path", "a b")).unwrap();
    step();
    recorder.event(&outer, Event::new("progress").with("done", 3)).unwrap();
    for index in 0..3 {
        let inner = recorder.start(SpanBuilder::new("inner").with("index", index)).unwrap();
        step();
        recorder.stop_with(&inner, SpanStop::new().with("rows", 128)).unwrap();
    }
    let failing = recorder.start("failing").unwrap();
    let failure = "x".parse::<u32>().unwrap_err();
    recorder.error(&failing, ErrorEvent::new("bad count").caused_by(&failure)).unwrap();
    recorder.stop_with(&failing, SpanStop::new().outcome(Outcome::Error)).unwrap();
    recorder.set_attributes(&outer, [("path", "c")]).unwrap();
    recorder.stop(&outer).unwrap();
    recorder.event(None, "loose").unwrap();
}

fn only_run(log: &Log) -> &read::Run {
    assert!(log.damage().is_empty(), "{:?}", log.damage());
    assert_eq!(log.runs().len(), 1);
    &log.runs()[0]
}

#[test]
fn p18_p35_what_a_recorder_has_written_is_read_back_with_its_tree() {
    let directory = Directory::new("written");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), job);
    let log = read::file(&path).unwrap();
    assert_eq!(log.paths(), [path]);
    let run = only_run(&log);
    assert_eq!(run.opening().unwrap().get_str("application_name"), Ok(Some("reader")));
    assert_eq!(run.pid(), Some(std::process::id()));
    assert_eq!(
        run.tree().to_string(),
        "\
outer  6.0 ms  path=c
  - progress  +1.5 ms  done=3
  inner  1.5 ms  index=0
  inner  1.5 ms  index=1
  inner  1.5 ms  index=2
  failing  0 ns (error)
    ! error: bad count (ParseIntError: invalid digit found in string)  +0 ns
outside of these spans:
  - loose
"
    );
    assert_eq!(
        run.statistics().to_string(),
        "\
span     count  open  truncated  errors   total     min    mean     p50     p95     max
outer        1     0          0       0  6.0 ms  6.0 ms  6.0 ms  6.0 ms  6.0 ms  6.0 ms
inner        3     0          0       0  4.5 ms  1.5 ms  1.5 ms  1.5 ms  1.5 ms  1.5 ms
failing      1     0          0       1    0 ns    0 ns    0 ns    0 ns    0 ns    0 ns
"
    );
    let completeness = run.completeness();
    assert_eq!(completeness.to_string(), "complete: 13 records, none missing");
    assert_eq!(completeness.totals.unwrap().delivered, 14);

    let spans = run.spans();
    let inner = spans.iter().nth(1).unwrap();
    let outer = spans.iter().next().unwrap();
    assert_eq!(inner.parent(), Some(ParentId::Local(outer.id())));
    assert_eq!(inner.trace_id(), outer.trace_id());
    assert_eq!(inner.start_time_unix_nanos(), 1_001_500_000);
    assert_eq!(inner.stop_time_unix_nanos(), Some(1_003_000_000));
    assert_eq!(inner.stop_attributes(), &Attributes::from([("rows", 128)]));
    assert_eq!((run.events().count(), run.errors().count()), (2, 1));
}

#[test]
fn a_tree_can_be_laid_out_by_its_entries() {
    let directory = Directory::new("entries");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), |recorder, clock| {
        recorder.event(None, "early").unwrap();
        clock.advance(Duration::from_millis(1));
        job(recorder, clock);
    });
    let log = read::file(&path).unwrap();
    let tree = only_run(&log).tree();
    let lines = |entries: Vec<Entry<'_>>| -> Vec<String> {
        entries.iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines(tree.entries()), ["- early", "outer  6.0 ms  path=c", "- loose"]);
    let outer = tree.roots().next().unwrap();
    let below = lines(outer.entries());
    assert_eq!(below[..2], ["- progress  +1.5 ms  done=3", "inner  1.5 ms  index=0"]);
    assert_eq!((below.len(), outer.children().count(), outer.walk().count()), (5, 4, 5));
    let failing = outer.children().last().unwrap();
    let [Entry::Record { line, since_start, .. }] = failing.entries()[..] else { panic!() };
    assert_eq!((line.kind, since_start), (LineKind::Error, Some(Duration::ZERO)));

    let statistics = Statistics::of(failing.walk().map(|node| node.span()));
    let names: Vec<_> =
        statistics.iter().map(|names| (names.name.as_str(), names.errors)).collect();
    assert_eq!(names, [("failing", 1)]);
}

#[test]
fn an_error_is_shown_with_its_sources() {
    let directory = Directory::new("sources");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), |recorder, _| {
        let mut error = ErrorEvent::new("x".repeat(300)).exception("LoadError", "no config");
        error.sources = vec!["bad line".into(), "two\nlines".into()];
        recorder.error(None, error.with("line", 7)).unwrap();
    });
    let log = read::file(&path).unwrap();
    let error = only_run(&log).errors().next().unwrap();
    let expected = format!(
        "! error: {}… (LoadError: no config), caused by: bad line, caused by: two\\nlines  line=7",
        "x".repeat(200)
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn spans_that_are_open_at_the_end_are_marked() {
    let directory = Directory::new("truncated");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), |recorder, clock| {
        let remote = SpanContext::remote(TraceId::from_u128(5), SpanId::from_u64(6));
        recorder.start(SpanBuilder::new("served").remote_parent(remote).with("k", 1)).unwrap();
        recorder.start("hidden").unwrap();
        clock.advance(Duration::from_secs(61));
    });
    let log = read::file(&path).unwrap();
    let run = only_run(&log);
    let expected = "served  1 min 01 s (truncated) (under the remote span 0000000000000006)  k=1\n";
    assert_eq!(run.tree().to_string(), expected);
    let statistics = run.statistics();
    let served = statistics.get("served").unwrap();
    assert_eq!((served.count, served.open, served.truncated), (1, 0, 1));
    assert_eq!(served.durations, None);
    assert!(run.completeness().is_complete());
    assert_eq!(run.completeness().totals.unwrap().withheld, 1);
}

#[test]
fn the_flags_of_a_link_are_written_where_they_say_something() {
    let directory = Directory::new("links");
    let path = directory.file("run.jsonl");
    let sampled = SpanContext::remote(TraceId::from_u128(5), SpanId::from_u64(6));
    let unsampled = SpanContext { trace_flags: TraceFlags::NONE, ..sampled };
    record(FileExporter::new(&path), |recorder, _| {
        let span = SpanBuilder::new("served").link(sampled, Attributes::new());
        recorder.start(span.link(unsampled, Attributes::new())).unwrap();
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("trace_flags").count(), 1, "{text}");
    let log = read::file(&path).unwrap();
    let spans = only_run(&log).spans();
    let links = spans.iter().next().unwrap().links();
    assert!(links.iter().map(|link| link.context).eq([sampled, unsampled]));
}

#[test]
fn a_killed_run_is_read_up_to_its_last_line() {
    let directory = Directory::new("killed");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), job);
    let whole = std::fs::read(&path).unwrap();
    let all = read::from_reader(&whole[..]).unwrap();
    for length in 0..whole.len() - 1 {
        let log = read::from_reader(&whole[..length]).unwrap();
        let run = log.runs().first();
        let lines = run.map_or(&[][..], |run| run.lines());
        assert_eq!(lines, &all.runs()[0].lines()[..lines.len()], "{length}");
        let whole_lines = whole[..=length].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(lines.len(), whole_lines, "{length}");
        let is_torn = length > 0 && whole[length - 1] != b'\n' && whole[length] != b'\n';
        assert_eq!(log.damage().len(), is_torn as usize, "{length}");
        assert!(log.damage().iter().all(|damage| damage.reason == DamageReason::Torn));
        if let Some(run) = run {
            let findings = run.completeness().findings;
            assert!(matches!(findings[0], Finding::NotClosed { .. }), "{findings:?}");
        }
    }
}

#[test]
fn runs_in_one_file_are_told_apart() {
    let directory = Directory::new("appended");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path).append(), job);
    // The second is killed in the middle of a line.
    let first = std::fs::read_to_string(&path).unwrap();
    let half: usize = first.split_inclusive('\n').take(4).map(str::len).sum();
    std::fs::write(&path, first.clone() + &first[..half + 20]).unwrap();
    record(FileExporter::new(&path).append(), job);
    let log = read::file(&path).unwrap();
    let lines: Vec<_> = log.runs().iter().map(|run| run.lines().len()).collect();
    assert_eq!(lines, [12, 4, 12]);
    let verdicts: Vec<_> = log.runs().iter().map(|run| run.completeness().verdict).collect();
    assert_eq!(verdicts, [Verdict::Complete, Verdict::Incomplete, Verdict::Complete]);
    assert_eq!(log.runs()[1].damage(), log.damage());
}

#[test]
fn rotated_files_are_read_as_one_run() {
    let directory = Directory::new("rotated");
    let exporter = FileExporter::new(directory.file("run.jsonl")).rotate_at(1_000);
    record(exporter, job);
    let names = (0..).map(|number| match number {
        0 => directory.file("run.jsonl"),
        _ => directory.file(&format!("run.{number}.jsonl")),
    });
    let paths: Vec<PathBuf> = names.take_while(|path| path.exists()).collect();
    assert!(paths.len() > 2);
    let log = read::files(&paths).unwrap();
    assert_eq!(log.paths(), paths);
    let run = only_run(&log);
    assert!(run.completeness().is_complete(), "{}", run.completeness());
    let files: BTreeSet<_> = run.lines().iter().map(|line| line.file).collect();
    assert_eq!(files, (0..files.len()).collect());
    let first_lines = run.lines().iter().filter(|line| line.number == 1);
    assert_eq!(first_lines.count(), files.len());

    let later = read::files(&paths[1..]).unwrap();
    let findings = only_run(&later).completeness().findings;
    assert!(matches!(&findings[0], Finding::Gap { counts } if *counts.start() == 1));
}

#[test]
fn a_loss_is_found() {
    let directory = Directory::new("lost");
    let path = directory.file("run.jsonl");
    record(FileExporter::new(&path), |recorder, clock| {
        let long = "x".repeat(2 << 20);
        recorder.event(None, Event::new("long").with("text", long)).unwrap();
        job(recorder, clock);
    });
    let log = read::file(&path).unwrap();
    let completeness = only_run(&log).completeness();
    let lost = Finding::Lost { reason: "record_too_large".into(), records: 1 };
    assert_eq!(completeness.findings, [lost]);
}

#[test]
fn values_without_a_json_number_are_read_back() {
    let directory = Directory::new("values");
    let path = directory.file("run.jsonl");
    let list = Value::from([0.5, f64::NAN, f64::NEG_INFINITY]);
    record(FileExporter::new(&path), |recorder, _| {
        let event = Event::new("e").with("list", list.clone()).with("one", f64::NAN);
        recorder.event(None, event.with("big", u64::MAX).with("float", 1.0)).unwrap();
    });
    let log = read::file(&path).unwrap();
    let event = only_run(&log).events().next().unwrap();
    let expected = Attributes::new()
        .with("list", list)
        .with("one", "NaN")
        .with("big", u64::MAX.to_string())
        .with("float", 1.0);
    assert_eq!(event.attributes, expected);
}

#[test]
fn a_hundred_thousand_nested_spans_overflow_no_stack() {
    const SPANS: u64 = 100_000;
    let mut text = String::new();
    let id = |number: u64| format!("00000000-0000-8000-8000-{number:012}");
    for number in 1..=SPANS {
        text += &format!(
            "{{\"type\":\"start\",\"id\":\"{}\",\"name\":\"s\",\"count\":{number},\
             \"parent_id\":\"{}\",\"time_unix_nano\":{number}}}\n",
            id(number),
            id(number - 1)
        );
    }
    let log = read::from_str(&text);
    let tree = only_run(&log).tree();
    assert_eq!(tree.roots().count(), 1);
    assert_eq!(tree.walk().last().unwrap().depth(), SPANS as usize - 1);
    let shown = tree.to_string();
    assert_eq!(shown.lines().count(), SPANS as usize);
    assert!(shown.len() < 20 << 20);
    assert_eq!(only_run(&log).statistics().get("s").unwrap().open, SPANS);
}

#[test]
fn garbage_between_lines_is_reported_and_passed_over() {
    let event = "{\"type\":\"event\",\"event\":{\"name\":\"e\"},\"time_unix_nano\":1,\"count\":";
    let mut bytes = format!("{event}1}}\n").into_bytes();
    bytes.extend_from_slice(b"{\"type\":\"ev\xff\xfe\"}\n\n[1,2]\nnot json\n{\"type\":1}\n");
    bytes.extend_from_slice(&[0; 4096]);
    bytes.extend_from_slice(format!("\n{}\n", "[".repeat(1 << 20)).as_bytes());
    bytes.extend_from_slice(format!("{event}2,\"x\":{}", "{\"a\":".repeat(1 << 20)).as_bytes());
    bytes.extend_from_slice(format!("\n{event}3}}\r\n").as_bytes());
    let log = read::from_reader(&bytes[..]).unwrap();
    let numbers: Vec<_> = log.damage().iter().map(|damage| damage.number).collect();
    assert_eq!(numbers, [2, 4, 5, 6, 7, 8, 9]);
    let run = &log.runs()[0];
    let counts: Vec<_> = run.lines().iter().filter_map(|line| line.count).collect();
    assert_eq!((log.runs().len(), counts), (1, vec![1, 3]));
    assert_eq!(
        run.completeness().findings,
        [Finding::Gap { counts: 2..=2 }, Finding::Damaged { lines: 7 }]
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let error = read::file("no/such/file.jsonl").unwrap_err();
    assert!(error.to_string().contains("no/such/file.jsonl"), "{error}");
}

fn files_below(directory: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(directory);
    let mut files: Vec<_> = path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn every_file_of_the_python_library_is_read() {
    for path in files_below("golden").into_iter().chain(files_below("conformance/expected")) {
        let log = read::file(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".jsonl") || name.starts_with("wandb") {
            // No records: other formats, and prose.
            assert!(log.runs().is_empty() && !log.damage().is_empty(), "{name}");
            continue;
        }
        assert!(log.damage().is_empty(), "{name}: {:?}", log.damage());
        let text = std::fs::read_to_string(&path).unwrap();
        let [run] = log.runs() else { panic!("{name}: {} runs", log.runs().len()) };
        assert_eq!(run.lines().len(), text.lines().count(), "{name}");
        assert!(run.opening().is_none() && run.closing().is_none(), "{name}");
        // The lines agree with a plain reading of the JSON.
        for (line, text) in run.lines().iter().zip(text.lines()) {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            let body = ["event", "error"].into_iter().find(|body| json.get(body).is_some());
            let of_event = body.map_or(&json, |body| &json[body]);
            assert_eq!(of_event["name"], line.name.as_str(), "{name}");
            let given = of_event["attributes"].as_object().map_or(0, serde_json::Map::len);
            let taken = usize::from(line.kind != LineKind::Start).min(given);
            assert_eq!(line.attributes.len(), given - taken, "{name}: {text}");
            for (key, value) in line.attributes.iter() {
                let value = serde_json::to_value(value).unwrap();
                assert_eq!(of_event["attributes"][key.as_str()], value, "{name}");
            }
            assert_eq!(line.time_unix_nanos % 125_000_000, 0, "{name}");
        }
        let completeness = run.completeness();
        assert_ne!(completeness.verdict, Verdict::Complete, "{name}");
        let is_reported = text.contains("\"telemetry_data_error\"");
        let is_incomplete = completeness.verdict == Verdict::Incomplete;
        assert_eq!(is_incomplete, is_reported, "{name}: {completeness}");
    }
}

#[test]
fn a_file_of_the_python_library_gives_a_table_of_spans() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let log = read::file(path.join("03_error_via_exception.jsonl")).unwrap();
    let run = only_run(&log);
    assert_eq!(
        run.tree().to_string(),
        "\
application  4.000 s
  ! error: plain message  +3.000 s
  ! error: lookup failed (KeyError: 'k1')  +3.500 s
risky  500.0 ms  attempt=1
  ! error: Error in risky:  (ValueError: bad input)  +500.0 ms
fine  250.0 ms
"
    );
    assert_eq!(run.statistics().iter().map(|names| names.errors).sum::<u64>(), 2);
    assert_eq!(run.completeness().records, 9);

    let log = read::file(path.join("09b_telemetry_data_error_incomplete.jsonl")).unwrap();
    let findings = only_run(&log).completeness().findings;
    assert!(matches!(&findings[..], [Finding::TelemetryDataError { .. }]), "{findings:?}");
}

/// Asks everything there is to ask.
fn look_at(log: &Log) {
    for run in log.runs() {
        let tree = run.tree();
        assert_eq!(tree.walk().count(), run.spans().len());
        assert!(!format!("{tree}{}{}", run.statistics(), run.completeness()).is_empty());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        look_at(&read::from_reader(&bytes[..]).unwrap());
    }

    /// Bytes of a good file are replaced, so that most lines are still lines.
    #[test]
    fn no_damage_makes_the_reader_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/02_events.jsonl");
        let mut bytes = std::fs::read(path).unwrap();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let log = read::from_reader(&bytes[..]).unwrap();
        let lines: usize = log.runs().iter().map(|run| run.lines().len()).sum();
        prop_assert!(lines + log.damage().len() > 0);
        look_at(&log);
    }
}
