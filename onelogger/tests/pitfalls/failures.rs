//! Misuse, exporters that fail, the close.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use onelogger::exporter::{
    ExportError, Exporter, FileExporter, MemoryRecords, RecordKind, Records, Run,
};
use onelogger::{
    DefaultRecorder, DisableRule, ErrorHandlingStrategy, ExporterState, MemoryExporter,
    OneLoggerProvider, Record, TelemetryDataError,
};

use crate::{Job, PATIENCE, config, reports, stop_of, stops};

const QUIET: ErrorHandlingStrategy = ErrorHandlingStrategy::DisableQuietlyAndReportMetricError;
const LENIENT: ErrorHandlingStrategy = ErrorHandlingStrategy::ReportAndContinue;

fn has_closing_record(records: &[Record]) -> bool {
    matches!(records.last(), Some(Record::Event(event)) if event.name == "onelogger.close")
}

#[test]
fn p05_a_call_after_the_close_is_refused_and_ends_there() {
    for strategy in [QUIET, LENIENT, ErrorHandlingStrategy::PropagateExceptions] {
        let job = Job::new(strategy);
        job.provider.close(PATIENCE).unwrap();
        let before = job.records.to_vec();
        let result = job.recorder.event(None, "late");
        assert_eq!(result.is_err(), strategy == ErrorHandlingStrategy::PropagateExceptions);
        assert_eq!(job.recorder.refused_calls(), 1, "the report of a refusal is none itself");
        assert_eq!(job.records.take().len(), before.len());
    }
}

#[test]
fn p07_a_harmless_misuse_costs_one_call_and_is_told() {
    let job = Job::new(LENIENT);
    let span = job.recorder.start("span").unwrap();
    job.recorder.stop(&span).unwrap();
    job.recorder.stop(&span).unwrap();
    job.recorder.event(&span, "too late").unwrap();
    let next = job.recorder.start("next").unwrap();
    job.recorder.stop(&next).unwrap();
    assert_eq!(job.recorder.refused_calls(), 2);
    let records = job.close();
    stop_of(&records, "next");
    assert_eq!(reports(&records).len(), 1, "{records:?}");
}

#[test]
fn p08_what_was_switched_off_is_closed_all_the_same() {
    let switch_off: [fn(&Job); 2] = [
        |job| job.provider.force_disable_logging(),
        |job| {
            let span = job.recorder.start("span").unwrap();
            job.recorder.stop(&span).unwrap();
            job.recorder.stop(&span).unwrap();
        },
    ];
    for switch_off in switch_off {
        let job = Job::new(QUIET);
        let _open = job.recorder.start("open").unwrap();
        switch_off(&job);
        assert!(!job.provider.is_enabled());
        let recorder = job.recorder.clone();
        let records = job.close();
        let open = stop_of(&records, "open");
        assert_eq!(open.attributes.get_bool("onelogger.truncated"), Ok(Some(true)));
        assert!(has_closing_record(&records));
        assert_eq!(recorder.health().exporters[0].state, ExporterState::Closed);
    }
}

/// Waits in each call until it is let go.
struct Hangs(mpsc::Receiver<()>);

impl Exporter for Hangs {
    fn name(&self) -> &str {
        "Hangs"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        let _ = self.0.recv();
        Ok(())
    }
}

#[test]
fn p06_recording_waits_for_no_exporter() {
    let ((let_go, gate), (memory, records)) = (mpsc::channel(), MemoryExporter::new());
    let recorder = DefaultRecorder::builder().exporter(Hangs(gate)).exporter(memory);
    let provider = OneLoggerProvider::new();
    let guard = provider.configure(config(LENIENT), recorder.build().unwrap()).unwrap();
    let recorder = provider.recorder();
    for _ in 0..1_000 {
        recorder.event(None, "event").unwrap();
    }
    // Neither does the other exporter.
    let deadline = std::time::Instant::now() + PATIENCE;
    while records.to_vec().len() < 1_000 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    drop(let_go);
    drop(guard);
}

/// Fails where it is told to; notes its end.
struct Faulty {
    fails_to_open: bool,
    panics_at_close: bool,
    is_closed: Arc<Mutex<bool>>,
}

impl Exporter for Faulty {
    fn name(&self) -> &str {
        "Faulty"
    }

    fn open(&mut self, _: &Run) -> Result<(), ExportError> {
        if self.fails_to_open { Err(ExportError::new("cannot be opened")) } else { Ok(()) }
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), ExportError> {
        *self.is_closed.lock().unwrap() = true;
        if self.panics_at_close {
            std::panic::resume_unwind(Box::new("as the test wants"));
        }
        Ok(())
    }
}

fn faulty(fails_to_open: bool, panics_at_close: bool) -> (Faulty, Arc<Mutex<bool>>) {
    let is_closed = Arc::default();
    let faulty = Faulty { fails_to_open, panics_at_close, is_closed: Arc::clone(&is_closed) };
    (faulty, is_closed)
}

#[test]
fn p12_an_exporter_that_cannot_be_opened_costs_the_others_nothing_and_nothing_leaks() {
    // The application wants to know: then what could be opened is closed again.
    let (good, is_closed) = faulty(false, false);
    let recorder = DefaultRecorder::builder().exporter(good).exporter(faulty(true, false).0);
    let provider = OneLoggerProvider::new();
    let strict = config(ErrorHandlingStrategy::PropagateExceptions);
    assert!(provider.configure(strict, recorder.build().unwrap()).is_err());
    assert!(*is_closed.lock().unwrap());
    // Or it goes on without.
    let job = Job::with(LENIENT, |builder| builder.exporter(faulty(true, false).0));
    job.recorder.event(None, "event").unwrap();
    let states: Vec<_> = job.recorder.health().exporters.iter().map(|it| it.state).collect();
    assert_eq!(states, [ExporterState::BackingOff, ExporterState::Ready]);
    assert!(has_closing_record(&job.close()));
}

#[test]
fn p13_a_close_goes_on_past_what_fails_in_it() {
    let (after, is_closed) = faulty(false, false);
    let job = Job::with(LENIENT, |builder| builder.exporter(faulty(false, true).0).exporter(after));
    let _open = job.recorder.start("open").unwrap();
    let recorder = job.recorder.clone();
    let records = job.close();
    assert_eq!(stops(&records).len(), 1);
    assert!(has_closing_record(&records) && *is_closed.lock().unwrap());
    let health = recorder.health();
    assert!(health.exporters.iter().all(|exporter| exporter.state == ExporterState::Closed));
    assert!(
        health.exporters[0].last_error.as_ref().is_some_and(|error| error.contains("panicked"))
    );
}

/// Refuses what it is told to, and keeps the rest.
struct Picky {
    refuses: Arc<Mutex<Vec<RecordKind>>>,
    kept: MemoryExporter,
}

impl Exporter for Picky {
    fn name(&self) -> &str {
        "Picky"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let refuses = self.refuses.lock().unwrap();
        match records.iter().any(|record| refuses.contains(&record.kind())) {
            true => Err(ExportError::new("refused").with_refused(records.len())),
            false => self.kept.export_batch(records),
        }
    }
}

fn picky(refuses: Vec<RecordKind>) -> (Picky, Arc<Mutex<Vec<RecordKind>>>, MemoryRecords) {
    let (refuses, (kept, records)) = (Arc::new(Mutex::new(refuses)), MemoryExporter::new());
    (Picky { refuses: Arc::clone(&refuses), kept }, refuses, records)
}

#[test]
fn p27_a_report_that_does_not_get_through_is_repeated_until_it_does() {
    let all = vec![RecordKind::Event, RecordKind::TelemetryDataError];
    for waits_for_the_close in [false, true] {
        let (exporter, refuses, kept) = picky(all.clone());
        let rule = DisableRule::AfterConsecutive(100);
        let job = Job::with(LENIENT, |builder| builder.exporter(exporter).disable_rule(rule));
        for _ in 0..3 {
            job.recorder.event(None, "event").unwrap();
        }
        assert_eq!(kept.to_vec().len(), 0);
        refuses.lock().unwrap().clear();
        if !waits_for_the_close {
            job.recorder.event(None, "event").unwrap();
            assert_eq!(reports(&kept.to_vec()).len(), 2, "of the failure, and of the losses");
        }
        job.close();
        let reports = reports(&kept.take());
        let of_failure = reports.iter().filter(|report| report.contains("refused")).count();
        let of_losses = reports.iter().filter(|report| report.contains("are lost")).count();
        assert_eq!((of_failure, of_losses), (1, 1), "{reports:?}");
    }
}

#[test]
fn p28_a_telemetry_data_error_comes_after_the_start_of_the_span_that_is_open() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("p28.jsonl");
    let _ = std::fs::remove_file(&path);
    let job = Job::with(LENIENT, |builder| builder.exporter(FileExporter::new(&path)));
    let span = job.recorder.start("span").unwrap();
    job.recorder.telemetry_data_error(TelemetryDataError::new("sensor missing")).unwrap();
    job.recorder.stop(&span).unwrap();
    job.close();
    let log = onelogger::read::file(&path).unwrap();
    let kinds: Vec<_> = log.runs()[0].lines().iter().map(|line| line.kind).collect();
    use onelogger::read::LineKind::{Event, Start, Stop, TelemetryDataError as Report};
    assert_eq!(kinds, [Event, Start, Report, Stop, Event]);
    std::fs::remove_file(&path).unwrap();
}
