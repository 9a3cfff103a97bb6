//! Files that cannot be opened or written: the application goes on, the other exporters are
//! complete, and every record that is missing is counted.

#![cfg(unix)]

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use onelogger::exporter::{FilePath, Folding, JsonLinesExporter, MemoryExporter, MemoryRecords};
use onelogger::recorder::{DefaultRecorderBuilder, FlushError};
use onelogger::{
    Counts, DefaultRecorder, DisableRule, ErrorHandlingStrategy, Event, ExporterHealth,
    ExporterState, FileExporter, FullPolicy, LossReason, OneLoggerConfig, OneLoggerProvider,
    Record, RecorderHandle, SpanBuilder, TelemetryDataError,
};
use serde_json::{Value, json};

/// So long that it is only reached if something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of its own for a test. Removed when dropped.
struct Place {
    directory: PathBuf,
    /// A file system that no path leads to any more: it ends with this process, however that ends.
    small: Option<File>,
}

impl Place {
    fn new() -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("broken-files-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Place { directory, small: None }
    }

    /// A file system of 64 KiB; `None`, with a note, where none can be mounted.
    fn small() -> Option<Place> {
        let mut place = Place::new();
        let run = |command: &mut Command| {
            command.arg(&place.directory).output().is_ok_and(|output| output.status.success())
        };
        if !run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "onelogger-test"])) {
            println!("note: no file system can be mounted here; /dev/full has to do");
            return None;
        }
        let small = File::open(&place.directory).unwrap();
        assert!(run(Command::new("umount").arg("--lazy")));
        place.small = Some(small);
        Some(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        match &self.small {
            Some(small) => Path::new("/proc/self/fd").join(small.as_raw_fd().to_string()),
            None => self.directory.clone(),
        }
        .join(name)
    }

    /// Takes all space but so many bytes. A page is the least that a file takes.
    fn fill(&self, but: usize) {
        fs::write(self.path("filler"), vec![b'.'; (64 << 10) - but]).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "filler").collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A provider that writes to a file and keeps the records in memory.
struct Trial {
    path: FilePath,
    memory: MemoryRecords,
    provider: OneLoggerProvider,
    recorder: RecorderHandle,
    recorded: u64,
}

/// What became of the records: for the file, and for the exporter beside it.
struct Outcome {
    file: ExporterHealth,
    records: Vec<Record>,
}

fn config(strategy: ErrorHandlingStrategy) -> OneLoggerConfig {
    let builder = OneLoggerConfig::builder("broken").world_size(1).session_tag("files");
    builder.error_handling_strategy(strategy).build().unwrap()
}

/// Nothing is lost but through the file.
fn builder(file: FileExporter) -> (DefaultRecorderBuilder, FilePath, MemoryRecords) {
    let path = file.path();
    let (exporter, memory) = MemoryExporter::new();
    let builder = DefaultRecorder::builder()
        .lane_policy(FullPolicy::Block(PATIENCE))
        .queue_policy(FullPolicy::Block(PATIENCE));
    (builder.exporter(file).exporter(exporter), path, memory)
}

impl Trial {
    fn new(file: FileExporter) -> Trial {
        Trial::with(file, |builder| builder)
    }

    fn with(
        file: FileExporter,
        settings: impl FnOnce(DefaultRecorderBuilder) -> DefaultRecorderBuilder,
    ) -> Trial {
        let (builder, path, memory) = builder(file);
        let provider = OneLoggerProvider::new();
        let config = config(ErrorHandlingStrategy::default());
        let guard = provider.configure(config, settings(builder).build().unwrap()).unwrap();
        // Closed by `finish`, to see whether that succeeds.
        std::mem::forget(guard);
        let recorder = provider.recorder();
        Trial { path, memory, provider, recorder, recorded: 0 }
    }

    /// A span with an event of its number: three records.
    fn span(&mut self, number: u64) {
        let span = SpanBuilder::new("work").with("number", number);
        let span = self.recorder.start(span).unwrap();
        self.recorder.event(&span, Event::new("tick").with("number", number)).unwrap();
        self.recorder.stop(&span).unwrap();
        self.recorded += 3;
    }

    fn flush(&self) {
        self.recorder.force_flush(PATIENCE).unwrap();
    }

    fn file(&self) -> ExporterHealth {
        self.recorder.health().exporters[0].clone()
    }

    /// Closes the provider, and checks what holds always.
    fn finish(self) -> Outcome {
        self.provider.close(PATIENCE).unwrap();
        let [file, memory] = &self.recorder.health().exporters[..] else { panic!() };
        for exporter in [file, memory] {
            let counts = exporter.counts;
            assert!(counts.is_balanced(), "{}: {counts:?}", exporter.name);
            assert_eq!((counts.recorded, counts.added), (self.recorded, 0), "{}", exporter.name);
        }
        assert_eq!((memory.counts.delivered, memory.state), (self.recorded, ExporterState::Closed));
        let mut records = self.memory.take();
        let closing = records.pop();
        assert!(matches!(closing, Some(Record::Event(event)) if event.name == "onelogger.close"));
        assert_eq!(records.len() as u64, self.recorded);
        // The calls of the application were all in order.
        assert_eq!(self.recorder.refused_calls(), 0);
        Outcome { file: file.clone(), records }
    }
}

/// What stands in one or several files of a run.
#[derive(Default)]
struct Contents {
    lines: Vec<Value>,
    /// Lines that are no JSON.
    torn: usize,
}

impl Contents {
    fn read(path: &Path) -> Contents {
        let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
        let mut contents = Contents::default();
        for line in text.split_inclusive('\n') {
            match serde_json::from_str(line) {
                Ok(line) => contents.lines.push(line),
                Err(_) => contents.torn += 1,
            }
        }
        contents
    }

    /// Records of the application; a `complete` line is two.
    fn records(&self) -> u64 {
        let own = |line: &&Value| {
            let name = line["event"]["name"].as_str().unwrap_or_default();
            line["type"] != "telemetry_data_error" && !name.starts_with("onelogger.")
        };
        let of = |line: &Value| if line["type"] == "complete" { 2 } else { 1 };
        self.lines.iter().filter(own).map(of).sum()
    }

    fn reports(&self) -> Vec<&Value> {
        let reports = self.lines.iter().filter(|line| line["type"] == "telemetry_data_error");
        reports.map(|line| &line["error"]["attributes"]).collect()
    }

    /// A report in the file says how many records are lost for this reason. (Not the last report:
    /// that of the failure itself may have to wait for longer.)
    fn check_said(&self, reason: &str, lost: u64) {
        let name = format!("onelogger.lost.{reason}");
        let says = |report: &&Value| {
            report[&name] == lost
                && report["telemetry_data_error_type"] == "incomplete_telemetry_data"
        };
        assert!(self.reports().iter().any(says), "{lost} {reason}: {:?}", self.reports());
    }

    /// The file agrees with the counts: as many records, and the totals in the closing record.
    fn check(&self, counts: &Counts) {
        assert_eq!(self.records() + counts.delivered_updates, counts.delivered, "{counts:?}");
        let closing = self.lines.last().unwrap();
        assert_eq!(closing["event"]["name"], "onelogger.close");
        let mut expected = json!({
            "onelogger.recorded": counts.recorded,
            "onelogger.added": counts.added,
            "onelogger.delivered": counts.delivered,
            "onelogger.delivered.updates": counts.delivered_updates,
            "onelogger.withheld": counts.withheld,
        });
        for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
            expected[format!("onelogger.lost.{reason}")] = counts.lost(reason).into();
        }
        expected["timestamp_msec"] = closing["event"]["attributes"]["timestamp_msec"].clone();
        assert_eq!(closing["event"]["attributes"], expected);
        let counts: Vec<_> =
            self.lines.iter().map(|line| line["count"].as_u64().unwrap()).collect();
        assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
    }
}

/// A file that cannot be opened: an error where the application wants to know, and else a job that
/// goes on, with everything in the other exporter.
fn check_unusable(file: impl Fn() -> FileExporter, part_of_message: &str) {
    let (builder, _, memory) = builder(file());
    let provider = OneLoggerProvider::new();
    let config = config(ErrorHandlingStrategy::PropagateExceptions);
    let error = provider.configure(config, builder.build().unwrap()).unwrap_err().to_string();
    assert!(error.contains(part_of_message) && error.contains("FileExporter"), "{error}");
    assert!(!provider.is_ready() && provider.recorder().start("span").unwrap().is_disabled());
    // The exporter that could be opened was closed again, and there is nothing to tell.
    assert!(memory.take().iter().all(|record| matches!(record, Record::Event(_))));

    let mut trial = Trial::new(file());
    let health = trial.file();
    assert_eq!((health.state, health.failures), (ExporterState::BackingOff, 1));
    assert!(health.last_error.is_some_and(|error| error.contains(part_of_message)));
    (0..10).for_each(|number| trial.span(number));
    trial.flush();
    (10..20).for_each(|number| trial.span(number));
    let outcome = trial.finish();
    let counts = outcome.file.counts;
    assert_eq!((counts.recorded, counts.delivered), (60, 0));
    assert_eq!(counts.lost(LossReason::ExporterDisabled), 60);
    assert_eq!(outcome.file.state, ExporterState::Closed);
    assert_eq!(outcome.records.len(), 60);
}

#[test]
fn a_path_that_is_a_directory_is_named_in_the_error() {
    let place = Place::new();
    let path = place.path("directory");
    fs::create_dir(&path).unwrap();
    for is_append in [false, true] {
        let file = || {
            let file = FileExporter::new(&path);
            if is_append { file.append() } else { file }
        };
        check_unusable(file, path.to_str().unwrap());
    }
    assert_eq!(place.files(), ["directory"]);
}

#[test]
fn a_path_below_a_file_is_named_in_the_error() {
    let place = Place::new();
    fs::write(place.path("file"), "not ours").unwrap();
    let path = place.path("file/below/run.jsonl");
    check_unusable(|| FileExporter::new(&path), path.to_str().unwrap());
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "not ours");
}

#[test]
fn an_unknown_placeholder_is_named_in_the_error() {
    let place = Place::new();
    let path = place.path("run-{rnak}.jsonl");
    let (builder, _, _) = builder(FileExporter::new(&path));
    let error = builder.build().map(drop).unwrap_err().to_string();
    for part in ["FileExporter", "{rnak}", "expected `{rank}`, `{pid}`"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(place.files().is_empty());
}

#[test]
fn a_device_that_is_always_full_costs_the_others_nothing() {
    if Path::new("/dev/full").exists() {
        check_unusable(|| FileExporter::new("/dev/full"), "/dev/full");
    }
}

#[test]
fn a_path_that_becomes_usable_is_used_at_the_latest_by_the_close() {
    let place = Place::new();
    fs::write(place.path("later"), "").unwrap();
    let mut trial = Trial::new(FileExporter::new(place.path("later/run.jsonl")));
    trial.span(0);
    trial.flush();
    fs::remove_file(place.path("later")).unwrap();
    trial.span(1);
    let path = trial.path.clone();
    let outcome = trial.finish();
    let contents = Contents::read(&path.get().unwrap());
    contents.check(&outcome.file.counts);
    assert_eq!(contents.lines[0]["event"]["name"], "onelogger.open");
    let lost = outcome.file.counts.lost(LossReason::ExporterDisabled);
    assert!(lost >= 3);
    contents.check_said("exporter_disabled", lost);
}

#[test]
fn a_file_that_exists_is_left_alone() {
    let place = Place::new();
    fs::write(place.path("run.jsonl"), "of another run").unwrap();
    for number in 1..4 {
        let mut trial = Trial::new(FileExporter::new(place.path("run.jsonl")));
        trial.span(0);
        let path = trial.path.get().unwrap();
        assert_eq!(path, place.path(&format!("run.{number}.jsonl")));
        let outcome = trial.finish();
        let contents = Contents::read(&path);
        contents.check(&outcome.file.counts);
        assert_eq!((contents.records(), contents.torn), (3, 0));
    }
    assert_eq!(fs::read_to_string(place.path("run.jsonl")).unwrap(), "of another run");
    assert_eq!(place.files().len(), 4);
}

#[test]
fn lines_are_added_after_a_torn_one_and_begin_anew() {
    let place = Place::new();
    for (before, torn) in
        [("{\"type\":\"event\"}\n{\"to", 1), ("{\"to", 1), ("{\"a\":1}\n", 0), ("", 0)]
    {
        let path = place.path("run.jsonl");
        fs::write(&path, before).unwrap();
        let mut trial = Trial::new(FileExporter::new(&path).append());
        trial.span(0);
        let outcome = trial.finish();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(before) && text.ends_with('\n'));
        let whole_before = before.matches('\n').count();
        let mut contents = Contents::read(&path);
        assert_eq!(contents.torn, torn, "{text}");
        contents.lines.drain(..whole_before);
        contents.check(&outcome.file.counts);
        assert_eq!(contents.lines[0]["event"]["name"], "onelogger.open");
        assert_eq!(contents.records(), 3);
        assert_eq!(place.files(), ["run.jsonl"]);
    }
}

#[test]
fn two_runs_may_follow_each_other_in_one_file() {
    let place = Place::new();
    let path = place.path("run.jsonl");
    for _ in 0..3 {
        let mut trial = Trial::new(FileExporter::new(&path).append());
        (0..5).for_each(|number| trial.span(number));
        trial.finish();
    }
    let contents = Contents::read(&path);
    assert_eq!((contents.records(), contents.torn), (45, 0));
    let opened = contents.lines.iter().filter(|line| line["event"]["name"] == "onelogger.open");
    assert!(opened.map(|line| &line["count"]).eq([1, 1, 1].iter()));
}

#[test]
fn rotated_files_are_one_run_of_whole_lines() {
    let place = Place::new();
    // A name in the way is passed over.
    fs::write(place.path("run.2.jsonl"), "in the way").unwrap();
    let limit = 4_000;
    let mut trial = Trial::new(FileExporter::new(place.path("run.jsonl")).rotate_at(limit));
    for number in 0..200 {
        trial.span(number);
        if number % 5 == 0 {
            trial.flush();
        }
    }
    let last = trial.path.clone();
    let outcome = trial.finish();
    let names = place.files();
    assert_eq!(fs::read_to_string(place.path("run.2.jsonl")).unwrap(), "in the way");
    let mut all = Contents::default();
    let mut number = 0;
    let mut files = 0;
    while number < names.len() {
        let name = if number == 0 { "run.jsonl".to_owned() } else { format!("run.{number}.jsonl") };
        number += 1;
        assert!(names.contains(&name), "{name} is missing of {names:?}");
        if name == "run.2.jsonl" {
            continue;
        }
        let contents = Contents::read(&place.path(&name));
        assert_eq!(contents.torn, 0, "{name}");
        // Each but the last has reached the limit.
        let bytes = fs::metadata(place.path(&name)).unwrap().len();
        assert!(bytes >= limit || number == names.len(), "{name} has {bytes} bytes");
        all.lines.extend(contents.lines);
        files += 1;
    }
    assert!(files > 5, "{names:?}");
    assert_eq!(
        last.get().unwrap().file_name().unwrap(),
        &*format!("run.{}.jsonl", names.len() - 1)
    );
    all.check(&outcome.file.counts);
    assert!(all.lines.iter().enumerate().all(|(place, line)| line["count"] == place + 1));
    assert_eq!((all.records(), outcome.file.counts.lost_total()), (600, 0));
}

#[test]
fn a_disk_that_was_full_for_a_while_costs_what_was_recorded_meanwhile_and_says_so() {
    let Some(place) = Place::small() else { return };
    // The exporter is never switched off, so that nothing here depends on the time.
    let mut trial = Trial::with(FileExporter::new(place.path("run.jsonl")), |builder| {
        builder.disable_rule(DisableRule::AfterConsecutive(u32::MAX))
    });
    (0..5).for_each(|number| trial.span(number));
    trial.flush();
    assert_eq!(trial.file().counts.delivered, 15);
    place.fill(8 << 10);
    (5..200).for_each(|number| trial.span(number));
    trial.flush();
    let full = trial.file();
    let lost = full.counts.lost(LossReason::ExportFailed);
    assert!(full.counts.is_balanced() && lost > 0, "{full:?}");
    assert!(full.counts.delivered > 15 && full.last_error.is_some(), "{full:?}");
    place.free();
    (200..210).for_each(|number| trial.span(number));
    trial.flush();
    let after = trial.file();
    assert_eq!(after.counts.lost_total(), lost);
    assert_eq!(after.counts.delivered, full.counts.delivered + 30);
    let path = trial.path.get().unwrap();
    // Already now, and not with the close only: the job may be killed.
    assert!(!Contents::read(&path).reports().is_empty());
    let outcome = trial.finish();
    println!("full for a while: {:?}", outcome.file.counts);
    let contents = Contents::read(&path);
    contents.check(&outcome.file.counts);
    assert_eq!(contents.torn, 0);
    contents.check_said("export_failed", lost);
    for number in (0..5).chain(200..210) {
        let events =
            contents.lines.iter().filter(|line| line["event"]["attributes"]["number"] == number);
        assert_eq!(events.count(), 1, "{number}");
    }
    assert_eq!(place.files(), ["run.jsonl"]);
}

#[test]
fn an_exporter_that_backed_off_from_a_full_disk_comes_back_when_there_is_space() {
    let Some(place) = Place::small() else { return };
    let mut trial = Trial::new(FileExporter::new(place.path("run.jsonl")));
    place.fill(4 << 10);
    // Room for a dozen lines; then five failures in a row.
    let mut number = 0;
    while trial.file().state == ExporterState::Ready && number < 100 {
        trial.span(number);
        trial.flush();
        number += 1;
    }
    assert_eq!(trial.file().state, ExporterState::BackingOff, "{:?}", trial.file());
    place.free();
    // The back-off takes a second of real time, in which what is recorded is lost and counted.
    let begin = Instant::now();
    while trial.file().state != ExporterState::Ready && begin.elapsed() < PATIENCE {
        trial.span(number);
        trial.flush();
        number += 1;
    }
    let delivered = trial.file().counts.delivered;
    (0..5).for_each(|one| trial.span(number + one));
    trial.flush();
    assert_eq!(trial.file().counts.delivered, delivered + 15);
    let path = trial.path.get().unwrap();
    let outcome = trial.finish();
    println!("backed off: {:?}", outcome.file.counts);
    let contents = Contents::read(&path);
    contents.check(&outcome.file.counts);
    assert_eq!(contents.torn, 0);
    let counts = outcome.file.counts;
    assert!(counts.lost(LossReason::ExportFailed) > 0);
    assert!(counts.lost(LossReason::ExporterDisabled) > 0);
    contents.check_said("exporter_disabled", counts.lost(LossReason::ExporterDisabled));
}

#[test]
fn a_disk_that_stays_full_harms_nobody_else() {
    let Some(place) = Place::small() else { return };
    let mut trial = Trial::new(FileExporter::new(place.path("run.jsonl")));
    place.fill(16 << 10);
    for number in 0..500 {
        trial.span(number);
    }
    let path = trial.path.get().unwrap();
    let outcome = trial.finish();
    println!("stays full: {:?}", outcome.file.counts);
    assert!(outcome.file.counts.lost_total() > 0);
    assert_eq!(outcome.records.len(), 1_500);
    // There was no room for the closing record. What is there is whole.
    let contents = Contents::read(&path);
    assert_eq!(contents.torn, 0);
    assert_eq!(contents.records(), outcome.file.counts.delivered);
}

#[test]
fn a_disk_that_is_full_from_the_start_is_not_littered_with_empty_files() {
    let Some(place) = Place::small() else { return };
    place.fill(0);
    let mut trial = Trial::new(FileExporter::new(place.path("run.jsonl")));
    trial.span(0);
    trial.flush();
    assert_eq!(trial.file().state, ExporterState::BackingOff);
    place.free();
    trial.span(1);
    let path = trial.path.clone();
    // The close tries once more.
    let outcome = trial.finish();
    let contents = Contents::read(&path.get().unwrap());
    contents.check(&outcome.file.counts);
    assert_eq!(contents.lines[0]["event"]["name"], "onelogger.open");
    assert_eq!(place.files(), ["run.jsonl"]);
}

#[test]
fn the_line_that_does_not_fit_is_taken_back_wherever_the_disk_ends() {
    let Some(place) = Place::small() else { return };
    // A tmpfs gives space by the page. What was there before decides where in a line it ends.
    for before in (0..4_096).step_by(97) {
        let path = place.path("run.jsonl");
        fs::write(&path, " ".repeat(before)).unwrap();
        let mut trial = Trial::with(FileExporter::new(&path).append(), |builder| {
            builder.disable_rule(DisableRule::AfterConsecutive(u32::MAX))
        });
        place.fill(8 << 10);
        (0..10).for_each(|number| trial.span(number));
        trial.flush();
        assert!(trial.file().counts.lost(LossReason::ExportFailed) > 0, "{before}");
        place.free();
        (10..12).for_each(|number| trial.span(number));
        let outcome = trial.finish();
        let contents = Contents::read(&path);
        // The first line of the file is what was there before.
        assert_eq!(contents.torn, usize::from(before > 0), "{before}");
        contents.check(&outcome.file.counts);
        fs::remove_file(&path).unwrap();
    }
}

/// A writer that refuses one write, and then none.
struct Refusing {
    path: PathBuf,
    refuse: u32,
    writes: u32,
}

impl std::io::Write for Refusing {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        // One line at a time, so that each can be refused.
        let end = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| at + 1);
        self.writes += 1;
        if self.writes == self.refuse {
            return Err(std::io::Error::other("as the test wants"));
        }
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
        std::io::Write::write_all(&mut file, &text[..end])?;
        Ok(end)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Records, with an exporter of which one write is refused, and compares what was written with the
/// counts. While the start of a span waits for what follows, the application reports, or is told
/// off by a report of the library.
fn check_refusal(folding: Folding, is_synchronous: bool, is_misuse: bool, refuse: u32) {
    let place = Place::new();
    let path = place.path("run.jsonl");
    let writer = Refusing { path: path.clone(), refuse, writes: 0 };
    let exporter = JsonLinesExporter::new(writer).folding(folding);
    let mut builder = DefaultRecorder::builder().exporter(exporter);
    if is_synchronous {
        builder = builder.synchronous();
    }
    let provider = OneLoggerProvider::new();
    let config = config(ErrorHandlingStrategy::default());
    let guard = provider.configure(config, builder.build().unwrap()).unwrap();
    let recorder = provider.recorder();
    let stopped = recorder.start("stopped").unwrap();
    recorder.stop(&stopped).unwrap();
    let outer = recorder.start("outer").unwrap();
    recorder.set_attributes(&outer, [("a", 1)]).unwrap();
    let mut recorded = 12;
    if is_misuse {
        recorder.stop(&stopped).unwrap();
    } else {
        recorder.telemetry_data_error(TelemetryDataError::new("mine")).unwrap();
        recorded += 1;
    }
    let inner = recorder.start("inner").unwrap();
    let leaf = recorder.start("leaf").unwrap();
    recorder.stop(&leaf).unwrap();
    recorder.event(&inner, "event").unwrap();
    recorder.stop(&inner).unwrap();
    recorder.start("left open").unwrap();
    drop(guard.close_timeout(PATIENCE));
    assert_eq!(recorder.force_flush(PATIENCE), Err(FlushError::NotOpen));

    let context = format!("{folding:?}, {is_synchronous}, {is_misuse}, write {refuse}");
    let counts = recorder.health().exporters[0].counts;
    assert!(counts.is_balanced(), "{context}: {counts:?}");
    // Five starts with their stops, an event, an addition of attributes, perhaps a report.
    assert_eq!(counts.recorded, recorded, "{context}: {counts:?}");
    let contents = Contents::read(&path);
    let mine = contents.reports();
    let mine = mine.iter().filter(|report| report["error_message"] == "mine").count();
    let written = contents.records() + mine as u64 + counts.delivered_updates;
    assert_eq!(written, counts.delivered, "{context}: {counts:?}\n{:#?}", contents.lines);
}

#[test]
fn whichever_line_is_refused_the_file_has_what_the_counts_say() {
    for folding in [Folding::Never, Folding::WithinASecond, Folding::Always] {
        for is_synchronous in [false, true] {
            for is_misuse in [false, true] {
                // The first is that of the opening.
                (2..16).for_each(|refuse| {
                    check_refusal(folding, is_synchronous, is_misuse, refuse);
                });
            }
        }
    }
}
