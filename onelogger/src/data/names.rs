//! The standard names that appear in the output.
//!
//! They are part of the public interface: renaming one is a breaking change. Names that begin with
//! `onelogger.` are this library's own; the others are those of the Python library nv-one-logger.

/// Names of spans.
pub mod span {
    /// The whole run of an application.
    pub const APPLICATION: &str = "application";
}

/// Names of events.
pub mod event {
    /// The start of a span.
    pub const SPAN_START: &str = "span_start";
    /// The end of a span.
    pub const SPAN_STOP: &str = "span_stop";
    /// An error of the application.
    pub const ERROR: &str = "error";
    /// The telemetry itself is faulty or incomplete.
    pub const TELEMETRY_DATA_ERROR: &str = "telemetry_data_error";
    /// The first record of a run: which application, session and rank it belongs to.
    pub const OPEN: &str = "onelogger.open";
    /// The last record of a run: the totals by which a reader checks for completeness.
    pub const CLOSE: &str = "onelogger.close";
    /// What [`EventStatistics`](crate::processor::EventStatistics) adds.
    pub const STATISTICS: &str = "onelogger.statistics";
}

/// Names of attributes.
pub mod attribute {
    /// Of every event: milliseconds since 1970, an integer.
    pub const TIMESTAMP_MSEC: &str = "timestamp_msec";
    /// Of a finished span: its duration in milliseconds, an integer.
    pub const DURATION_MSEC: &str = "duration_msec";
    /// Of `error` and `telemetry_data_error`: what went wrong.
    pub const ERROR_MESSAGE: &str = "error_message";
    /// Of `error`: the type of the error value.
    pub const EXCEPTION_TYPE: &str = "exception_type";
    /// Of `error`: the text of the error value.
    pub const EXCEPTION_MESSAGE: &str = "exception_message";
    /// Of `error`: the backtrace, if there is one.
    pub const EXCEPTION_TRACEBACK: &str = "exception_traceback";
    /// Of `error`: the texts of the error's sources, the nearest first.
    pub const EXCEPTION_SOURCES: &str = "onelogger.exception.sources";
    /// Of `telemetry_data_error`: `no_telemetry_data` or `incomplete_telemetry_data`.
    pub const TELEMETRY_DATA_ERROR_TYPE: &str = "telemetry_data_error_type";
    /// Of a span: the color that a profiler should give it.
    pub const NVTX_COLOR: &str = "nvtx_color";

    /// Of a span that the library had to stop, because it was still open at the end: `true`.
    pub const TRUNCATED: &str = "onelogger.truncated";
    /// Of a stop that was reported to lie before its start: by how many nanoseconds. Its duration
    /// is given as 0.
    pub const CLAMPED_NANOS: &str = "onelogger.clamped_nanos";

    /// Of the closing record: records that the application made.
    pub const RECORDED: &str = "onelogger.recorded";
    /// Of the closing record: records that processors made.
    pub const ADDED: &str = "onelogger.added";
    /// Of the closing record: records that this exporter delivered.
    pub const DELIVERED: &str = "onelogger.delivered";
    /// Of the closing record: of the delivered records, additions of attributes. A file shows them
    /// in the stop of their span and has no line for them.
    pub const DELIVERED_UPDATES: &str = "onelogger.delivered.updates";
    /// Of the closing record: records held back on purpose (filter, sampler, processor).
    pub const WITHHELD: &str = "onelogger.withheld";
    /// What the names of the loss counters begin with; the reason follows.
    pub const LOST_PREFIX: &str = "onelogger.lost.";

    /// Of statistics: the name of the events.
    pub const STATISTICS_EVENT: &str = "onelogger.statistics.event";
    /// Of statistics: the attribute whose values they are about.
    pub const STATISTICS_ATTRIBUTE: &str = "onelogger.statistics.attribute";
    /// Of statistics: how many values there were.
    pub const STATISTICS_COUNT: &str = "onelogger.statistics.count";
    /// Of statistics: events without such a number.
    pub const STATISTICS_IGNORED: &str = "onelogger.statistics.ignored";
    /// Of statistics: the smallest value.
    pub const STATISTICS_MIN: &str = "onelogger.statistics.min";
    /// Of statistics: the largest value.
    pub const STATISTICS_MAX: &str = "onelogger.statistics.max";
    /// Of statistics: the arithmetic mean.
    pub const STATISTICS_AVERAGE: &str = "onelogger.statistics.average";
    /// Of statistics: the median, to within 1 %.
    pub const STATISTICS_P50: &str = "onelogger.statistics.p50";
    /// Of statistics: what 90 % of the values do not exceed, to within 1 %.
    pub const STATISTICS_P90: &str = "onelogger.statistics.p90";
    /// Of statistics: what 95 % of the values do not exceed, to within 1 %.
    pub const STATISTICS_P95: &str = "onelogger.statistics.p95";
    /// Of statistics: what 99 % of the values do not exceed, to within 1 %.
    pub const STATISTICS_P99: &str = "onelogger.statistics.p99";

    /// Of the opening record: the application's name.
    pub const APPLICATION_NAME: &str = "application_name";
    /// Of the opening record: what kind of job the application is.
    pub const APP_TYPE: &str = "app_type";
    /// Of the opening record: the session tag.
    pub const SESSION_TAG: &str = "session_tag";
    /// Of the opening record: the number of ranks.
    pub const WORLD_SIZE: &str = "world_size";
    /// Of the opening record: the rank of this process, if the environment names one.
    pub const RANK: &str = "rank";
    /// Of the opening record: whether this is a baseline run.
    pub const IS_BASELINE_RUN: &str = "is_baseline_run";
    /// Of the opening record: version of the schema of summary data.
    pub const SUMMARY_DATA_SCHEMA_VERSION: &str = "summary_data_schema_version";
    /// Of the opening record: version of this library.
    pub const LIBRARY_VERSION: &str = "onelogger.version";
}
