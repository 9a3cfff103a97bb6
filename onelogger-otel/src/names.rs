//! The names of our own that appear in what is sent.
//!
//! They are part of the public interface: renaming one is a breaking change.

/// Names of events.
pub mod event {
    /// A span is open for some time: it has started, and ends later or never.
    pub const SPAN_OPEN: &str = "onelogger.span.open";
    /// Attributes were added to a span of which nothing is remembered.
    pub const SPAN_UPDATE: &str = "onelogger.span.update";
    /// Sent by [`OtelGuard::verify`](crate::OtelGuard::verify): a span, a log record, a metric.
    pub const VERIFY: &str = "onelogger.verify";
    /// Data points of metrics were lost.
    pub const METRICS_LOST: &str = "onelogger.metrics.lost";
}

/// Names of attributes.
pub mod attribute {
    /// Of a span: `panic` or `cancelled`, where the status alone does not tell.
    pub const OUTCOME: &str = "onelogger.outcome";
    /// Of `onelogger.span.open`: the name of the span.
    pub const SPAN_NAME: &str = "onelogger.span.name";
    /// Of `onelogger.metrics.lost`: how many.
    pub const LOST_DATA_POINTS: &str = "onelogger.metrics.lost_data_points";
    /// Of `onelogger.metrics.lost`: why, the last time.
    pub const REASON: &str = "onelogger.metrics.reason";
}

/// Names of attributes of the resource.
pub mod resource {
    /// What kind of job the application is.
    pub const APP_TYPE: &str = "onelogger.app_type";
    /// What groups the runs that belong together.
    pub const SESSION_TAG: &str = "onelogger.session_tag";
    /// The number of ranks.
    pub const WORLD_SIZE: &str = "onelogger.world_size";
    /// The rank of this process.
    pub const RANK: &str = "onelogger.rank";
    /// Whether other runs are compared with this one.
    pub const IS_BASELINE_RUN: &str = "onelogger.is_baseline_run";
    /// The version of the schema of summary data.
    pub const SUMMARY_DATA_SCHEMA_VERSION: &str = "onelogger.summary_data_schema_version";
}

/// OpenTelemetry's own names that are needed here.
pub(crate) mod semantic {
    pub(crate) const SERVICE_NAME: &str = "service.name";
    pub(crate) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
    pub(crate) const ENVIRONMENT_NAME: &str = "deployment.environment.name";
    pub(crate) const SDK_NAME: &str = "telemetry.sdk.name";
    pub(crate) const SDK_LANGUAGE: &str = "telemetry.sdk.language";
    pub(crate) const SDK_VERSION: &str = "telemetry.sdk.version";
    pub(crate) const EXCEPTION: &str = "exception";
    pub(crate) const EXCEPTION_TYPE: &str = "exception.type";
    pub(crate) const EXCEPTION_MESSAGE: &str = "exception.message";
    pub(crate) const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";
    pub(crate) const ERROR_TYPE: &str = "error.type";
}
