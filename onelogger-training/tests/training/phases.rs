//! Starts and ends of phases: scopes, refusals, the end of the application.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, MemoryExporter, Records};
use onelogger::recorder::RecordError;
use onelogger::{DefaultRecorder, OneLoggerProvider, Outcome, Record, SpanFilter};
use onelogger_training::{TrainStart, TrainingTelemetry, TrainingTelemetryProvider};

use crate::support::{Job, lenient, small, strict};

fn lenient_job() -> Job {
    Job::of(TrainingTelemetryProvider::new(lenient()).training_config(small()))
}

/// The numbers of the attempts to save that the starts of saves have.
fn attempts(records: &[Record]) -> Vec<i64> {
    let attempt = |record: &Record| match record {
        Record::Start(span) => span.attributes.get_i64("save_checkpoint_attempt_count").unwrap(),
        _ => None,
    };
    records.iter().filter_map(attempt).collect()
}

#[test]
fn scopes_end_their_phases() {
    let job = Job::showing_all(small());
    {
        let telemetry = &job.telemetry;
        let _application = telemetry.application().unwrap();
        drop(telemetry.distributed_init());
        drop(telemetry.model_init());
        drop(telemetry.optimizer_init());
        drop(telemetry.dataloader_init());
        drop(telemetry.checkpoint_load());
        let _training = telemetry.training_loop(TrainStart::default()).unwrap();
        drop(telemetry.training_iteration());
        telemetry.checkpoint_save(1).unwrap().end().unwrap();
        let _validation = telemetry.validation_loop().unwrap();
        drop(telemetry.validation_iteration());
    }
    let recorded = job.finish();
    assert_eq!(
        recorded.stops(),
        [
            "distributed_code_initialization",
            "model_initialization",
            "optimizer_initialization",
            "data_loader_initialization",
            "checkpoint_load",
            "training_single_iteration",
            "checkpoint_save_sync",
            "validation_single_iteration",
            "validation_loop",
            "training_loop",
            "application",
        ]
    );
    assert_eq!(recorded.told("save_checkpoint_success").len(), 1);
    assert_eq!(recorded.data_errors(), 0);
}

#[test]
fn p59_an_iteration_that_fails_is_an_error_and_none_that_was_completed() {
    let job = Job::showing_all(small());
    job.begin();
    job.iterate(100);
    let iteration = job.telemetry.training_iteration().unwrap();
    job.pass(700);
    iteration.fail(&io::Error::other("bad batch")).unwrap();
    let panicking = job.telemetry.clone();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _iteration = panicking.training_iteration().unwrap();
        job.pass(900);
        std::panic::panic_any("out of memory");
    }));
    panicked.unwrap_err();
    job.iterate(300);
    let recorded = job.finish();
    let errors = recorded.told("error");
    let spans: Vec<_> = errors.iter().map(|error| error.span.as_str()).collect();
    assert_eq!(spans, ["training_single_iteration"; 2]);
    assert_eq!(errors[0].attributes.get_str("exception_message"), Ok(Some("bad batch")));
    let outcomes: Vec<_> = recorded
        .0
        .iter()
        .filter_map(|record| match record {
            Record::Stop(span) if span.name == "training_single_iteration" => Some(span.outcome),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Error, Outcome::Panic, Outcome::Ok]);
    let updates = recorded.told("training_metrics_update");
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].int("num_iterations"), Some(2));
    assert_eq!(updates[0].float("max_iteration_time_sec"), Some(0.3));
}

#[test]
fn p59_a_fault_of_telemetry_does_not_hide_the_panic() {
    let job = Job::new(small());
    job.begin();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _iteration = job.telemetry.training_iteration().unwrap();
        // Ended behind its back: the end of the scope is a misuse.
        job.telemetry.on_training_single_iteration_end().unwrap();
        std::panic::panic_any("the application's own");
    }));
    let payload = panicked.unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the application's own"));
}

#[test]
fn a_scope_that_was_refused_does_not_end_what_others_have_begun() {
    let job = lenient_job();
    job.begin();
    let first = job.telemetry.model_init().unwrap();
    job.pass(100);
    drop(job.telemetry.model_init().unwrap());
    job.pass(100);
    assert_eq!(job.telemetry.recorder().refused_calls(), 1);
    first.end().unwrap();
    assert_eq!(job.finish().spans("model_initialization"), [(0, 200)]);
}

#[test]
fn p68_a_start_that_fails_leaves_nothing_behind() {
    let job = Job::showing_all(small());
    job.telemetry.on_app_start().unwrap();
    let refuse = |start: TrainStart| job.telemetry.on_train_start(start).unwrap_err();
    refuse(TrainStart::at_iteration(-1));
    refuse(TrainStart::default().samples_start(-1));
    // Out of the recorder's window, which ends a minute from now.
    let too_late = job.telemetry.at(Job::at(3_600_000));
    too_late.on_train_start(TrainStart::default()).unwrap_err();
    too_late.on_training_single_iteration_start().unwrap_err();
    too_late.on_save_checkpoint_start(1).unwrap_err();
    job.telemetry.on_train_start(TrainStart::default()).unwrap();
    job.iterate(100);
    job.save(1, 100);
    job.iterate(100);
    let recorded = job.finish();
    assert_eq!(recorded.told("training_metrics_update").len(), 1);
    assert_eq!(attempts(&recorded.0), [1]);
}

#[test]
fn p68_an_end_at_an_impossible_time_ends_all_the_same() {
    let job = Job::showing_all(small());
    job.begin();
    job.telemetry.on_training_single_iteration_start().unwrap();
    job.pass(100);
    let too_late = job.telemetry.at(Job::at(3_600_000));
    let error = too_late.on_training_single_iteration_end().unwrap_err();
    assert!(matches!(error, RecordError::Time(_)), "{error}");
    job.iterate(300);
    let recorded = job.finish();
    assert_eq!(recorded.spans("training_single_iteration"), [(0, 100), (100, 400)]);
    let update = &recorded.told("training_metrics_update")[0];
    assert_eq!(update.float("avg_iteration_time_sec"), Some(0.2));
}

#[test]
fn p69_children_end_before_the_application_and_when_it_does() {
    let job = Job::showing_all(small());
    job.begin();
    job.telemetry.on_training_single_iteration_start().unwrap();
    job.pass(5000);
    job.telemetry.at(Job::at(2000)).on_app_end().unwrap();
    let recorded = job.finish();
    let stops = recorded.stops();
    assert_eq!(stops, ["training_single_iteration", "training_loop", "application"]);
    for name in stops {
        assert_eq!(recorded.spans(&name), [(0, 2000)]);
    }
    let errors = recorded.told("error");
    let told: Vec<_> = errors.iter().map(|error| (error.span.as_str(), error.millis)).collect();
    assert_eq!(told, [("training_single_iteration", 2000), ("training_loop", 2000)]);
    // One that was cut off is none that was completed.
    assert!(recorded.told("training_metrics_update").is_empty());
}

#[test]
fn what_the_application_left_open_is_marked() {
    let job = Job::showing_all(small());
    job.begin();
    job.telemetry.on_app_end().unwrap();
    let recorded = job.finish();
    let marked: Vec<_> = recorded
        .0
        .iter()
        .filter_map(|record| match record {
            Record::Stop(span) => {
                Some((span.name.as_str(), span.attributes.get_bool("onelogger.truncated").unwrap()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(marked, [("training_loop", Some(true)), ("application", None)]);
}

#[test]
fn p54_what_is_open_at_the_end_tells_its_last_figures_if_asked_for() {
    for (has_additions, ends_itself) in [(true, true), (true, false), (false, true)] {
        let job = Job::new(small().additions(has_additions));
        job.begin();
        (0..3).for_each(|_| job.iterate(100));
        job.telemetry.on_validation_start().unwrap();
        job.telemetry.on_training_single_iteration_start().unwrap();
        job.pass(100);
        if ends_itself {
            job.telemetry.on_app_end().unwrap();
        }
        let recorded = job.finish();
        let told = |name: &str| -> Vec<_> {
            let told = recorded.told(name).into_iter();
            told.map(|told| (told.int("num_iterations"), told.int("interval"))).collect()
        };
        let expected = |figures: (Option<i64>, i64)| {
            Vec::from_iter(has_additions.then_some((figures.0, Some(figures.1))))
        };
        assert_eq!(told("onelogger.training.final_metrics"), expected((Some(3), 1)));
        assert_eq!(told("validation_metrics_update"), expected((None, 3)));
    }
}

#[test]
fn p103_a_fault_is_handled_once() {
    let job = Job::new(small());
    job.begin();
    job.telemetry.on_validation_end().unwrap_err();
    assert_eq!(job.telemetry.recorder().refused_calls(), 1);
    job.telemetry.on_train_start(TrainStart::default()).unwrap_err();
    assert_eq!(job.telemetry.recorder().refused_calls(), 2);
    assert_eq!(job.finish().data_errors(), 1);
}

#[test]
fn p103_a_scope_that_is_refused_is_one_fault() {
    let job = lenient_job();
    job.telemetry.on_app_start().unwrap();
    let first = job.telemetry.model_init().unwrap();
    drop(job.telemetry.model_init().unwrap());
    assert_eq!(job.telemetry.recorder().refused_calls(), 1);
    drop(first);
    job.telemetry.on_app_end().unwrap();
    drop(job.telemetry.model_init().unwrap());
    assert_eq!(job.telemetry.recorder().refused_calls(), 2);
    drop(job.finish());
}

#[test]
fn under_the_default_strategy_no_call_fails() {
    let job = Job::of(TrainingTelemetryProvider::new(lenient()).export(SpanFilter::all()));
    let telemetry = &job.telemetry;
    // In the wrong order, without a configuration, twice, and after the end.
    telemetry.on_training_single_iteration_end().unwrap();
    telemetry.on_train_start(TrainStart::default()).unwrap();
    telemetry.on_training_single_iteration_start().unwrap();
    telemetry.on_save_checkpoint_start(3).unwrap();
    telemetry.on_save_checkpoint_success(3).unwrap();
    telemetry.on_save_checkpoint_end().unwrap();
    telemetry.on_testing_end().unwrap();
    telemetry.on_app_start().unwrap();
    telemetry.on_app_start().unwrap();
    telemetry.at(Job::at(u64::from(u32::MAX))).on_model_init_start().unwrap();
    telemetry.on_app_end().unwrap();
    telemetry.on_app_end().unwrap();
    telemetry.on_model_init_start().unwrap();
    assert!(telemetry.recorder().refused_calls() > 8);
    assert_eq!(job.finish().stops(), ["application"]);
}

#[test]
fn an_error_of_the_application_is_recorded_also_where_its_phase_is_not() {
    let job = Job::of(
        TrainingTelemetryProvider::new(strict())
            .training_config(small().is_train_iterations_enabled(false)),
    );
    job.begin();
    let iteration = job.telemetry.training_iteration().unwrap();
    iteration.fail(&io::Error::other("bad batch")).unwrap();
    assert_eq!(job.finish().told("error")[0].span, "training_loop");
}

#[test]
fn a_scope_that_ends_after_the_close_is_no_misuse() {
    for has_span in [true, false] {
        let training = small().is_train_iterations_enabled(has_span);
        let job = Job::of(TrainingTelemetryProvider::new(lenient()).training_config(training));
        job.begin();
        let iteration = job.telemetry.training_iteration().unwrap();
        job.telemetry.on_app_end().unwrap();
        drop(iteration);
        assert_eq!(job.telemetry.recorder().refused_calls(), 0, "{has_span}");
        drop(job.finish());
    }
}

#[test]
fn threads_may_meet_in_one_phase_and_each_call_is_counted() {
    let job = lenient_job();
    job.begin();
    let (threads, each) = (4, 500);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..each {
                    let iteration = job.telemetry.training_iteration().unwrap();
                    std::thread::yield_now();
                    iteration.end().unwrap();
                }
            });
        }
    });
    let refused = job.telemetry.recorder().refused_calls();
    job.telemetry.on_train_end().unwrap();
    job.telemetry.on_app_end().unwrap();
    let health = job.telemetry.recorder().health();
    assert!(health.exporters[0].counts.is_balanced());
    let recorded = job.finish();
    let updates = recorded.told("training_metrics_update");
    let completed = updates.last().and_then(|update| update.int("num_iterations")).unwrap();
    let ended = threads * each - refused as i64;
    // An update tells of every second iteration.
    assert!(completed == ended || completed == ended - 1, "{completed} of {ended}");
}

#[test]
fn after_the_end_every_call_is_refused_as_too_late() {
    let job = Job::new(small());
    job.begin();
    job.telemetry.on_app_end().unwrap();
    assert_eq!(job.telemetry.on_train_end(), Err(RecordError::Closed));
    assert_eq!(job.telemetry.report_loss(0.5), Err(RecordError::Closed));
    assert_eq!(job.telemetry.on_model_init_start(), Err(RecordError::Closed));
    assert_eq!(job.telemetry.on_app_end(), Err(RecordError::Closed));
    drop(job.finish());
}

/// An exporter that is instrumented itself.
struct Busy(Arc<OnceLock<TrainingTelemetry>>);

impl Exporter for Busy {
    fn name(&self) -> &str {
        "Busy"
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        if let Some(telemetry) = self.0.get() {
            let opening =
                telemetry.model_init().map_err(|error| ExportError::new(error.to_string()))?;
            assert!(opening.span().is_disabled());
            assert!(telemetry.on_save_checkpoint_start(1).is_ok_and(|span| span.is_disabled()));
        }
        Ok(())
    }
}

#[test]
fn an_exporter_that_records_phases_neither_waits_nor_leaves_anything_behind() {
    for is_synchronous in [true, false] {
        let telemetry = Arc::new(OnceLock::new());
        let own = OneLoggerProvider::new();
        let mut recorder = DefaultRecorder::builder().exporter(Busy(Arc::clone(&telemetry)));
        if is_synchronous {
            recorder = recorder.synchronous();
        }
        let (exporter, records) = MemoryExporter::new();
        let guard = TrainingTelemetryProvider::new(strict())
            .training_config(small())
            .recorder(recorder.exporter(exporter))
            .configure_on(&own)
            .unwrap();
        let of_job = TrainingTelemetry::of(own.recorder());
        let telemetry = telemetry.get_or_init(|| of_job.clone());
        telemetry.on_app_start().unwrap();
        telemetry.on_train_start(TrainStart::default()).unwrap();
        own.recorder().force_flush(Duration::from_secs(60)).unwrap();
        telemetry.on_model_init_start().unwrap();
        telemetry.on_save_checkpoint_start(2).unwrap();
        own.recorder().force_flush(Duration::from_secs(60)).unwrap();
        telemetry.on_save_checkpoint_end().unwrap();
        telemetry.on_model_init_end().unwrap();
        assert_eq!(own.recorder().refused_calls(), 0);
        drop(guard);
        assert_eq!(attempts(&records.take()), [1]);
    }
}
