//! What a configuration says of the run itself: a [`OneLoggerConfig`].

use super::settings::Settings;
use crate::data::ApplicationType;
use crate::diagnostics::{LogLevel, LoggerConfig};
use crate::recorder::ErrorHandlingStrategy;
use crate::setup::{OneLoggerConfig, TelemetryConfig};

/// Whether this rank records; read before all the rest, because a rank that does not is silent.
pub(super) fn is_enabled(settings: &mut Settings<'_>) -> bool {
    settings.bool("enable_for_current_rank").unwrap_or(true)
}

/// Reads the fields; `None` if one of them is wrong.
pub(super) fn read(settings: &mut Settings<'_>, is_enabled: bool) -> Option<OneLoggerConfig> {
    for key in ["application_name", "world_size", "session_tag"] {
        if !settings.is_set(key) {
            let variable = key.to_uppercase();
            let places = format!("in the file, as `ONELOGGER_{variable}`, or in code");
            settings.problem(key, format!("is required; set it {places}"));
        }
    }
    // What is missing or wrong has been said; these stand for it until all the rest is read.
    let name = settings.text("application_name").unwrap_or_else(|| "missing".to_owned());
    let mut builder = OneLoggerConfig::builder(name)
        .world_size(settings.integer("world_size").unwrap_or(1))
        .session_tag(settings.text("session_tag").unwrap_or_default())
        .enable_for_current_rank(is_enabled);
    if let Some(rank) = settings.integer("rank") {
        builder = builder.rank(rank);
    }
    if let Some(is_baseline_run) = settings.bool("is_baseline_run") {
        builder = builder.is_baseline_run(is_baseline_run);
    }
    if let Some(metadata) = settings.attributes("custom_metadata") {
        builder = builder.custom_metadata(metadata);
    }
    if let Some(strategy) = settings.choice("error_handling_strategy", STRATEGIES) {
        builder = builder.error_handling_strategy(strategy);
    }
    if let Some(version) = settings.text("summary_data_schema_version") {
        builder = builder.summary_data_schema_version(version);
    }
    if let Some(config) = settings.table("logger_config", logger_config) {
        builder = builder.logger_config(config);
    }
    if let Some(config) = settings.table("telemetry_config", telemetry_config).flatten() {
        builder = builder.telemetry_config(config);
    }
    let error = match builder.build() {
        Ok(config) => return Some(config),
        Err(error) => error,
    };
    for problem in error.problems {
        let (field, message) = problem.split_once(": ").unwrap_or(("", &problem));
        settings.problem(field, message);
    }
    None
}

const STRATEGIES: &[(&str, ErrorHandlingStrategy)] = &[
    (ErrorHandlingStrategy::ReportAndContinue.as_str(), ErrorHandlingStrategy::ReportAndContinue),
    (
        ErrorHandlingStrategy::PropagateExceptions.as_str(),
        ErrorHandlingStrategy::PropagateExceptions,
    ),
    (
        ErrorHandlingStrategy::DisableQuietlyAndReportMetricError.as_str(),
        ErrorHandlingStrategy::DisableQuietlyAndReportMetricError,
    ),
];

const LOG_LEVELS: &[(&str, LogLevel)] = &[
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

fn logger_config(settings: &mut Settings<'_>) -> LoggerConfig {
    LoggerConfig {
        log_level: settings.choice("log_level", LOG_LEVELS).unwrap_or_default(),
        log_format: settings.text("log_format").unwrap_or_default(),
        log_file_path_for_info: settings.path("log_file_path_for_info"),
        log_file_path_for_err: settings.path("log_file_path_for_err"),
    }
}

const APPLICATION_TYPES: &[(&str, ApplicationType)] = &[
    (ApplicationType::Training.as_str(), ApplicationType::Training),
    (ApplicationType::Validation.as_str(), ApplicationType::Validation),
    (ApplicationType::BatchInference.as_str(), ApplicationType::BatchInference),
    (ApplicationType::OnlineInference.as_str(), ApplicationType::OnlineInference),
    (ApplicationType::DataProcessing.as_str(), ApplicationType::DataProcessing),
];

fn telemetry_config(settings: &mut Settings<'_>) -> Option<TelemetryConfig> {
    settings.require("app_type");
    let app_type = settings.choice("app_type", APPLICATION_TYPES);
    let mut is_on = |key| settings.bool(key).unwrap_or(true);
    let [train, validation, test, checkpoint] = [
        is_on("is_train_iterations_enabled"),
        is_on("is_validation_iterations_enabled"),
        is_on("is_test_iterations_enabled"),
        is_on("is_save_checkpoint_enabled"),
    ];
    Some(TelemetryConfig {
        custom_metadata: settings.attributes("custom_metadata").unwrap_or_default(),
        app_type: app_type?,
        is_train_iterations_enabled: train,
        is_validation_iterations_enabled: validation,
        is_test_iterations_enabled: test,
        is_save_checkpoint_enabled: checkpoint,
    })
}
