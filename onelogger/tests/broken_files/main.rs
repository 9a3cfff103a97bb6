//! Files that cannot be opened or written: the application goes on, the other exporters are
//! complete, and every record that is missing is counted.

#![cfg(unix)]

mod trial;

use std::fs::{self};
use std::path::{Path, PathBuf};
use std::time::Instant;

use onelogger::exporter::{Folding, JsonLinesExporter};
use onelogger::recorder::FlushError;
use onelogger::{
    DefaultRecorder, DisableRule, ErrorHandlingStrategy, ExporterState, FileExporter, LossReason,
    OneLoggerProvider, Record, TelemetryDataError,
};

use crate::trial::*;

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
fn p14_a_file_that_exists_is_left_alone() {
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
fn p11_a_disk_that_was_full_for_a_while_costs_what_was_recorded_meanwhile_and_says_so() {
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
