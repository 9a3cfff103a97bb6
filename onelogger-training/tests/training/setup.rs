//! Configuration, provider and overrides.

use onelogger::exporter::{ExportError, Exporter, MemoryExporter, Records, Run};
use onelogger::{DefaultRecorder, FileExporter, OneLoggerProvider, SpanFilter, Value};
use onelogger_training::{
    ConfigOverride, Ranks, RecordingRanks, SetupError, TrainingConfig, TrainingTelemetry,
    TrainingTelemetryProvider,
};

use crate::support::{Job, small, strict};

fn change(json: &str) -> ConfigOverride {
    serde_json::from_str(json).unwrap()
}

#[test]
fn p60_a_configuration_that_comes_before_the_application_is_told_with_it() {
    let job = Job::of(TrainingTelemetryProvider::new(strict()));
    job.telemetry.set_training_config(small().build().unwrap()).unwrap();
    assert!(job.so_far().told("update_training_telemetry_config").is_empty());
    job.telemetry.on_app_start().unwrap();
    let error = job.telemetry.set_training_config(small().build().unwrap()).unwrap_err();
    assert!(error.to_string().contains("set already"), "{error}");
    let recorded = job.finish();
    let told = recorded.told("update_training_telemetry_config");
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].int("global_batch_size"), told[0].span.as_str()), (Some(8), "application"));
}

#[test]
fn p60_a_configuration_that_comes_later_is_told_at_once() {
    let job = Job::of(TrainingTelemetryProvider::new(strict()));
    job.telemetry.on_app_start().unwrap();
    job.pass(250);
    job.telemetry.set_training_config(small().build().unwrap()).unwrap();
    assert_eq!(job.finish().told("update_training_telemetry_config")[0].millis, 250);
}

#[test]
fn p61_all_have_the_one_configuration_which_nobody_can_change() {
    let job = Job::new(small());
    let mine = job.telemetry.training_config().unwrap();
    let others = onelogger_training::telemetry().training_config().unwrap();
    assert!(std::sync::Arc::ptr_eq(&mine, &others));
    job.telemetry.set_training_config(small().global_batch_size(9).build().unwrap()).unwrap_err();
    assert_eq!(job.telemetry.training_config(), Some(mine));
    drop(job.finish());
}

#[test]
fn p62_all_spans_only_some_and_all_but_some_can_be_exported() {
    let spans = |filter: Option<SpanFilter>| {
        let provider = TrainingTelemetryProvider::new(strict()).training_config(small());
        let job = Job::of(filter.into_iter().fold(provider, TrainingTelemetryProvider::export));
        job.begin();
        job.iterate(100);
        job.telemetry.on_train_end().unwrap();
        job.telemetry.on_app_end().unwrap();
        job.finish().stops()
    };
    let all = ["training_single_iteration", "training_loop", "application"];
    assert_eq!(spans(None), all[1..]);
    assert_eq!(spans(Some(SpanFilter::all())), all);
    assert_eq!(spans(Some(SpanFilter::only(["training_loop"]))), all[1..2]);
    assert_eq!(spans(Some(SpanFilter::except(["training_loop"]))), [all[0], all[2]]);
}

#[test]
fn p63_overrides_are_layers() {
    let job = Job::of(
        TrainingTelemetryProvider::new(strict().metadata("team", "speech").metadata("tier", 2))
            .training_config(small().metadata("cluster", "a"))
            .config_override(change(
                r#"{"session_tag": "night", "custom_metadata": {"tier": 3},
                    "training": {"perf_tag": ["x", "y"], "custom_metadata": {"nodes": 4}}}"#,
            ))
            .config_override(change(
                r#"{"world_size": 16, "training": {"log_every_n_train_iterations": 5}}"#,
            )),
    );
    job.telemetry.on_app_start().unwrap();
    let recorded = job.finish();
    let run = &recorded.told("one_logger_initialization")[0];
    assert_eq!(run.int("world_size"), Some(16));
    assert_eq!(run.attributes.get_str("session_tag"), Ok(Some("night")));
    let metadata = run.attributes.get("custom_metadata");
    assert_eq!(metadata, Some(&Value::from(["team:speech", "tier:3"])));
    let training = &recorded.told("update_training_telemetry_config")[0];
    assert_eq!(training.attributes.get("perf_tag"), Some(&Value::from(["x", "y"])));
    assert_eq!(training.int("log_every_n_train_iterations"), Some(5));
    assert_eq!(training.int("global_batch_size"), Some(8));
    let metadata = training.attributes.get("custom_metadata");
    assert_eq!(metadata, Some(&Value::from(["cluster:a", "nodes:4"])));
}

#[test]
fn p63_an_override_may_bring_the_training_and_is_checked_as_a_whole() {
    let configure = |json: &str| {
        let provider = TrainingTelemetryProvider::new(strict()).config_override(change(json));
        provider.configure_on(&OneLoggerProvider::new())
    };
    drop(configure(r#"{"training": {"perf_tag": "p", "global_batch_size": 8}}"#).unwrap());
    let Err(SetupError::Config(error)) = configure(r#"{"training": {"seq_length": 8}}"#) else {
        panic!("a training without a batch size was accepted");
    };
    assert_eq!(error.problems.len(), 2, "{error}");
    let Err(SetupError::Config(error)) = configure(r#"{"world_size": 0}"#) else {
        panic!("no ranks were accepted");
    };
    assert!(error.to_string().contains("world_size"), "{error}");
}

/// One that must never be opened.
struct Unopened;

impl Exporter for Unopened {
    fn name(&self) -> &str {
        "Unopened"
    }

    fn open(&mut self, _: &Run) -> Result<(), ExportError> {
        unreachable!("an exporter of a disabled rank was opened")
    }

    fn export_batch(&mut self, _: Records<'_>) -> Result<(), ExportError> {
        unreachable!("a disabled rank has exported")
    }
}

#[test]
fn p63_p102_an_override_may_disable_the_rank_which_is_silent_then() {
    let own = OneLoggerProvider::new();
    let _guard = TrainingTelemetryProvider::new(strict())
        .training_config(small())
        .config_override(change(r#"{"enable_for_current_rank": false}"#))
        .exporter(Unopened)
        .configure_on(&own)
        .unwrap();
    let telemetry = TrainingTelemetry::of(own.recorder());
    // Nothing is refused, not even what makes no sense.
    telemetry.on_train_end().unwrap();
    assert!(telemetry.on_app_start().unwrap().is_disabled());
    let iteration = telemetry.training_iteration().unwrap();
    iteration.end().unwrap();
    telemetry.on_save_checkpoint_success(1).unwrap();
    telemetry.on_app_end().unwrap();
}

#[test]
fn p64_spans_of_other_names_are_spans_like_any() {
    let job = Job::new(small());
    job.begin();
    let recorder = job.telemetry.recorder();
    let span = recorder.start("tokenize").unwrap();
    // Of these there may be several at a time.
    let second = recorder.start("tokenize").unwrap();
    job.pass(10);
    recorder.stop(&second).unwrap();
    recorder.stop(&span).unwrap();
    assert_eq!(job.finish().spans("tokenize"), [(0, 10); 2]);
}

#[test]
fn a_recorder_of_another_kind_refuses_callbacks() {
    let capture = onelogger::testing::capture();
    let telemetry = onelogger_training::telemetry();
    let error = telemetry.on_train_end().unwrap_err();
    assert!(error.to_string().contains("training provider"), "{error}");
    telemetry.on_app_start().unwrap_err();
    drop(capture);
}

#[test]
fn targets_are_required_where_throughput_is_logged() {
    let training = small().is_log_throughput_enabled(true).flops_per_sample(1);
    let job = Job::new(training);
    job.telemetry.on_app_start().unwrap();
    let start = onelogger_training::TrainStart::default();
    let error = job.telemetry.on_train_start(start.samples_target(8)).unwrap_err();
    assert!(error.to_string().contains("targets"), "{error}");
    job.telemetry.on_train_start(start.samples_target(8).iterations_target(1)).unwrap();
    drop(job.finish());
}

#[test]
fn training_does_not_start_without_its_configuration() {
    let job = Job::of(TrainingTelemetryProvider::new(strict()));
    job.telemetry.on_app_start().unwrap();
    let start = onelogger_training::TrainStart::default();
    job.telemetry.on_train_start(start).unwrap_err();
    job.telemetry.on_training_single_iteration_start().unwrap_err();
    job.telemetry.on_save_checkpoint_start(1).unwrap_err();
    let config = TrainingConfig::builder().perf_tag("p").global_batch_size(1).build().unwrap();
    job.telemetry.set_training_config(config).unwrap();
    job.telemetry.on_train_start(start).unwrap();
    drop(job.finish());
}

#[test]
fn ranks_are_told_and_decide_who_records() {
    let ranks = Ranks { rank: 9, world_size: 16, local_rank: Some(1), node_rank: Some(1) };
    let provider = || TrainingTelemetryProvider::new(strict()).training_config(small());
    let job = Job::of(provider().ranks(ranks, RecordingRanks::All));
    job.telemetry.on_app_start().unwrap();
    let recorded = job.finish();
    let run = &recorded.told("one_logger_initialization")[0];
    assert_eq!((run.int("rank"), run.int("world_size")), (Some(9), Some(16)));
    assert_eq!(run.int("onelogger.training.local_rank"), Some(1));
    assert_eq!(run.int("onelogger.training.node_rank"), Some(1));
    for silent in [RecordingRanks::First, RecordingRanks::chosen_by(|ranks| ranks.rank % 2 == 0)] {
        let job = Job::of(provider().ranks(ranks, silent));
        assert!(job.telemetry.on_app_start().unwrap().is_disabled());
        assert!(job.finish().0.is_empty());
    }
}

#[test]
fn p38_a_world_of_no_ranks_is_refused_by_the_configuration_and_not_by_a_panic() {
    for recording in [RecordingRanks::Last, RecordingRanks::Sample(2)] {
        let nowhere = Ranks { rank: u32::MAX, world_size: 0, local_rank: None, node_rank: None };
        let provider = TrainingTelemetryProvider::new(strict()).ranks(nowhere, recording);
        let Err(SetupError::Config(error)) = provider.configure_on(&OneLoggerProvider::new())
        else {
            panic!("no ranks were accepted");
        };
        assert!(error.to_string().contains("world_size"), "{error}");
    }
}

#[test]
fn p36_a_file_says_at_its_beginning_that_it_is_of_a_training() {
    let directory = tempfile::tempdir().unwrap();
    for (name, training) in [("known", Some(small().metadata("nodes", 4))), ("later", None)] {
        let path = directory.path().join(name);
        let mut provider =
            TrainingTelemetryProvider::new(strict()).exporter(FileExporter::new(&path));
        if let Some(training) = training {
            provider = provider.training_config(training);
        }
        drop(provider.configure_on(&OneLoggerProvider::new()).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        let opening: serde_json::Value =
            serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let attributes = &opening["event"]["attributes"];
        assert_eq!(attributes["application_name"], "test");
        assert_eq!(attributes["app_type"], "training");
        assert_eq!(attributes["nodes"].is_number(), name == "known");
    }
}

#[test]
fn exporters_stay_whenever_the_settings_of_the_recorder_come() {
    let (exporter, records) = MemoryExporter::new();
    let provider = TrainingTelemetryProvider::new(strict()).exporter(exporter);
    let own = OneLoggerProvider::new();
    drop(provider.recorder(DefaultRecorder::builder().synchronous()).configure_on(&own).unwrap());
    assert!(!records.take().is_empty());
}
