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
    /// An event that is a log record from elsewhere, and has no name there: it is sent without one,
    /// if it has an attribute of [`attribute::LOG_BODY`](super::attribute::LOG_BODY)'s kind.
    pub const LOG: &str = "log";
    /// A link that was added to a span of another library after its start.
    pub const LINK: &str = "link";
}

/// Names of the metrics in which the library tells of itself: OpenTelemetry's for the telemetry of an SDK,
/// and ours where it has none.
pub mod metric {
    /// Spans that have started.
    pub const SPANS_STARTED: &str = "otel.sdk.span.started";
    /// Spans that have started and not ended.
    pub const SPANS_LIVE: &str = "otel.sdk.span.live";
    /// Spans that the collector has taken or, with `error.type`, has not.
    pub const SPANS_EXPORTED: &str = "otel.sdk.exporter.span.exported";
    /// Spans that are on their way.
    pub const SPANS_IN_FLIGHT: &str = "otel.sdk.exporter.span.inflight";
    /// Log records that the collector has taken or, with `error.type`, has not.
    pub const LOGS_EXPORTED: &str = "otel.sdk.exporter.log.exported";
    /// Log records that are on their way.
    pub const LOGS_IN_FLIGHT: &str = "otel.sdk.exporter.log.inflight";
    /// Data points that the collector has taken or, with `error.type`, has not.
    pub const DATA_POINTS_EXPORTED: &str = "otel.sdk.exporter.metric_data_point.exported";

    /// Records by exporter and by what became of them; a record is counted once for each exporter.
    pub const RECORDS: &str = "onelogger.exporter.records";
    /// Calls of an exporter that failed.
    pub const FAILURES: &str = "onelogger.exporter.failures";
    /// Whether records go through an exporter: 1 or 0.
    pub const READY: &str = "onelogger.exporter.ready";
    /// Bytes in the queue in front of an exporter.
    pub const QUEUE_SIZE: &str = "onelogger.exporter.queue.size";
    /// Bytes that the queue may hold.
    pub const QUEUE_CAPACITY: &str = "onelogger.exporter.queue.capacity";
    /// Calls that were refused because they were misuse.
    pub const REFUSED_CALLS: &str = "onelogger.refused_calls";

    /// Their attributes.
    pub mod attribute {
        /// Of [`RECORDS`](super::RECORDS): `delivered`, `withheld` or `lost`; then `error.type` says why.
        pub const FATE: &str = "onelogger.record.fate";

        pub(crate) const SAMPLING_RESULT: &str = "otel.span.sampling_result";
        pub(crate) const COMPONENT_NAME: &str = "otel.component.name";
        pub(crate) const COMPONENT_TYPE: &str = "otel.component.type";
        pub(crate) const SERVER_ADDRESS: &str = "server.address";
        pub(crate) const SERVER_PORT: &str = "server.port";
    }
}

/// Names of attributes.
pub mod attribute {
    /// Of a span: `panic` or `cancelled`, where the status alone does not tell.
    pub const OUTCOME: &str = "onelogger.outcome";
    /// Of `onelogger.span.open`: the name of the span.
    pub const SPAN_NAME: &str = "onelogger.span.name";

    /// Of `link`: the trace that is linked to, 32 hexadecimal digits.
    pub const LINK_TRACE_ID: &str = "onelogger.link.trace_id";
    /// Of `link`: the span that is linked to, 16 hexadecimal digits.
    pub const LINK_SPAN_ID: &str = "onelogger.link.span_id";
    /// Of a span, where all is shown as the Python library does it: the id under which JSON Lines
    /// know the span, a UUID as text.
    pub const ONE_LOGGER_SPAN_ID: &str = "one_logger_span_id";
    /// Of `onelogger.metrics.lost`: how many.
    pub const LOST_DATA_POINTS: &str = "onelogger.metrics.lost_data_points";
    /// Of `onelogger.metrics.lost`: why, the last time.
    pub const REASON: &str = "onelogger.metrics.reason";

    /// Of a span: `OK` becomes the status Ok, whatever errors were reported in the span, and is not
    /// sent as an attribute.
    pub const STATUS_CODE: &str = "otel.status_code";
    /// Of a span: a text that becomes its name. The last one counts; none is sent as an attribute.
    pub const NEW_SPAN_NAME: &str = "onelogger.otel.span_name";

    /// What the names of the following have in common. An event with one of them is a log record
    /// whatever [`EventMode`](crate::EventMode) says.
    pub(crate) const LOG_PREFIX: &str = "onelogger.log.";
    /// Of an event: any value, which becomes the body of the log record and is not sent as an
    /// attribute.
    pub const LOG_BODY: &str = "onelogger.log.body";
    /// Of an event: a whole number from 1 to 24, which becomes the severity number of the log record,
    /// and is not sent as an attribute.
    pub const LOG_SEVERITY_NUMBER: &str = "onelogger.log.severity_number";
    /// Of an event: a text that becomes the severity text of the log record, and is not sent as an
    /// attribute.
    pub const LOG_SEVERITY_TEXT: &str = "onelogger.log.severity_text";
}

/// Names of attributes of the resource.
pub mod resource {
    /// What the application is called in its configuration, whatever the service is called.
    pub const APPLICATION_NAME: &str = "onelogger.application_name";
    /// What kind of job the application is.
    pub const APP_TYPE: &str = "onelogger.app_type";
    /// What groups the runs that belong together.
    pub const SESSION_TAG: &str = "onelogger.session_tag";
    /// The number of ranks: of the processes of the job.
    pub const WORLD_SIZE: &str = "onelogger.world_size";
    /// The rank of this process, from 0.
    pub const RANK: &str = "onelogger.rank";
    /// Whether other runs are compared with this one.
    pub const IS_BASELINE_RUN: &str = "onelogger.is_baseline_run";
    /// The version of the schema of summary data.
    pub const SUMMARY_DATA_SCHEMA_VERSION: &str = "onelogger.summary_data_schema_version";
    /// Which of the processes of its node this is, from 0.
    pub const LOCAL_RANK: &str = "onelogger.local_rank";
    /// How many processes its node has.
    pub const LOCAL_WORLD_SIZE: &str = "onelogger.local_world_size";
    /// Which of the nodes of the job this is, from 0.
    pub const NODE_RANK: &str = "onelogger.node_rank";
    /// How many nodes the job has.
    pub const NODE_COUNT: &str = "onelogger.node_count";
    /// The id of the job of Slurm, a text.
    pub const SLURM_JOB_ID: &str = "onelogger.slurm.job_id";
    /// The name of the job.
    pub const SLURM_JOB_NAME: &str = "onelogger.slurm.job_name";
    /// The id of the step of the job, a text.
    pub const SLURM_STEP_ID: &str = "onelogger.slurm.step_id";
    /// The id of the array that the job belongs to, a text.
    pub const SLURM_ARRAY_JOB_ID: &str = "onelogger.slurm.array_job_id";
    /// Which of the array's jobs it is, a text.
    pub const SLURM_ARRAY_TASK_ID: &str = "onelogger.slurm.array_task_id";
    /// The name of the cluster.
    pub const SLURM_CLUSTER_NAME: &str = "onelogger.slurm.cluster_name";
    /// The partition that the job runs in.
    pub const SLURM_PARTITION: &str = "onelogger.slurm.partition";
    /// What Slurm calls the node.
    pub const SLURM_NODE_NAME: &str = "onelogger.slurm.node_name";
    /// How often Slurm has started the job anew.
    pub const SLURM_RESTART_COUNT: &str = "onelogger.slurm.restart_count";
    /// The id of the run of torchrun.
    pub const TORCHRUN_RUN_ID: &str = "onelogger.torchrun.run_id";
    /// How often torchrun has started the processes anew.
    pub const TORCHRUN_RESTART_COUNT: &str = "onelogger.torchrun.restart_count";
}

/// OpenTelemetry's own names that are needed here.
pub(crate) mod semantic {
    /// The version of the semantic conventions that these, and what detectors find, are names of.
    pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.40.0";
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
    pub(crate) const PROCESS_PID: &str = "process.pid";
    pub(crate) const PROCESS_PARENT_PID: &str = "process.parent_pid";
    pub(crate) const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";
    pub(crate) const PROCESS_EXECUTABLE_PATH: &str = "process.executable.path";
    pub(crate) const PROCESS_COMMAND: &str = "process.command";
    pub(crate) const PROCESS_COMMAND_ARGS: &str = "process.command_args";
    pub(crate) const PROCESS_OWNER: &str = "process.owner";
    pub(crate) const PROCESS_RUNTIME_NAME: &str = "process.runtime.name";
    pub(crate) const PROCESS_RUNTIME_VERSION: &str = "process.runtime.version";
    pub(crate) const HOST_NAME: &str = "host.name";
    pub(crate) const HOST_ARCH: &str = "host.arch";
    pub(crate) const HOST_ID: &str = "host.id";
    pub(crate) const OS_TYPE: &str = "os.type";
    pub(crate) const OS_NAME: &str = "os.name";
    pub(crate) const OS_VERSION: &str = "os.version";
    pub(crate) const OS_DESCRIPTION: &str = "os.description";
    pub(crate) const CONTAINER_ID: &str = "container.id";
    pub(crate) const K8S_CLUSTER_NAME: &str = "k8s.cluster.name";
    pub(crate) const K8S_CONTAINER_NAME: &str = "k8s.container.name";
    pub(crate) const K8S_DEPLOYMENT_NAME: &str = "k8s.deployment.name";
    pub(crate) const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
    pub(crate) const K8S_NODE_NAME: &str = "k8s.node.name";
    pub(crate) const K8S_POD_NAME: &str = "k8s.pod.name";
    pub(crate) const K8S_POD_UID: &str = "k8s.pod.uid";
}
