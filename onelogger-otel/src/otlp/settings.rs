//! What an application may choose of the exporter.

use std::fmt;
use std::time::Duration;

use onelogger::{Attributes, Name, Value};

use super::OtlpExporter;
use super::connection::{Compression, OtlpConfigError, OtlpConnection, Protocol, Route};
use super::limits::{LogLimits, SpanLimits};
use super::outbox::Limits;
use super::retry::RetryPolicy;
use super::signal::Signal;

/// What becomes of events.
///
/// Errors, events without a span, log records of other libraries, telemetry data errors and the
/// records that open and close a run are log records in each of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventMode {
    /// Each event is a log record with the ids of its span, sent at once.
    #[default]
    LogRecords,
    /// Events stand in their span, and errors do so too. They are sent when the span stops; until
    /// then they are kept in memory. Those that find no room there (see
    /// [`memory`](OtlpExporterBuilder::memory)), or none in the span (see [`SpanLimits`]), are log
    /// records, and the span counts them in `dropped_events_count`.
    SpanEvents,
    /// Each event is a span of its own, `EVENT_event_for_SPAN`, without length, below the span that
    /// it belongs to; errors are too, as `error_for_SPAN`. Sent at once. What the Python library
    /// does.
    ZeroLengthSpans,
}

/// Settings that have been checked.
pub(super) struct Settings {
    /// `None` if spans are not sent.
    pub(super) traces: Option<Route>,
    /// `None` if log records are not sent.
    pub(super) logs: Option<Route>,
    pub(super) retry: RetryPolicy,
    pub(super) resource: Attributes,
    pub(super) event_mode: EventMode,
    pub(super) announce_after: Option<Duration>,
    pub(super) memory_bytes: usize,
    pub(super) span_limits: SpanLimits,
    pub(super) log_limits: LogLimits,
    pub(super) limits: Limits,
}

/// Settings of an [`OtlpExporter`]; see [`OtlpExporter::builder`].
pub struct OtlpExporterBuilder {
    connection: OtlpConnection,
    traces: Way,
    logs: Way,
    retry: RetryPolicy,
    resource: Attributes,
    event_mode: EventMode,
    announce_after: Option<Duration>,
    memory_bytes: usize,
    span_limits: SpanLimits,
    log_limits: LogLimits,
    limits: Limits,
}

/// Where a signal goes.
enum Way {
    /// With the other.
    Shared,
    Own(OtlpConnection),
    Nowhere,
}

impl OtlpExporterBuilder {
    pub(super) fn new() -> OtlpExporterBuilder {
        OtlpExporterBuilder {
            connection: OtlpConnection::new(),
            traces: Way::Shared,
            logs: Way::Shared,
            retry: RetryPolicy::default(),
            resource: Attributes::new(),
            event_mode: EventMode::default(),
            announce_after: Some(Duration::from_secs(5)),
            memory_bytes: 16 << 20,
            span_limits: SpanLimits::default(),
            log_limits: LogLimits::default(),
            limits: Limits::default(),
        }
    }

    /// Where requests go and how, all at once.
    #[must_use]
    pub fn connection(mut self, connection: OtlpConnection) -> OtlpExporterBuilder {
        self.connection = connection;
        self
    }

    /// Another way for spans.
    #[must_use]
    pub fn traces_connection(mut self, connection: OtlpConnection) -> OtlpExporterBuilder {
        self.traces = Way::Own(connection);
        self
    }

    /// Another way for log records.
    #[must_use]
    pub fn logs_connection(mut self, connection: OtlpConnection) -> OtlpExporterBuilder {
        self.logs = Way::Own(connection);
        self
    }

    /// Sends no spans. Starts, stops and additions of attributes count as withheld.
    #[must_use]
    pub fn without_traces(mut self) -> OtlpExporterBuilder {
        self.traces = Way::Nowhere;
        self
    }

    /// Sends no log records. Events and errors stand in their spans, as with
    /// [`EventMode::SpanEvents`] unless zero-length spans are asked for; what has no span, or no room
    /// in one, counts as withheld.
    #[must_use]
    pub fn without_logs(mut self) -> OtlpExporterBuilder {
        self.logs = Way::Nowhere;
        self
    }

    /// Where the collector is: `http://host:4318`. For HTTP a path may follow, to which
    /// `/v1/traces` and `/v1/logs` are added. The default is the protocol's port on `localhost`.
    #[must_use]
    pub fn endpoint(mut self, address: impl Into<String>) -> OtlpExporterBuilder {
        self.connection = self.connection.endpoint(address);
        self
    }

    /// How requests travel.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> OtlpExporterBuilder {
        self.connection = self.connection.protocol(protocol);
        self
    }

    /// Adds a header to each request, or replaces it. Its value shows in no message.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> OtlpExporterBuilder {
        self.connection = self.connection.header(name, value);
        self
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> OtlpExporterBuilder {
        self.connection = self.connection.compression(compression);
        self
    }

    /// How long one attempt to send a request may take, connection included. 10 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> OtlpExporterBuilder {
        self.connection = self.connection.timeout(timeout);
        self
    }

    /// When a request is sent again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> OtlpExporterBuilder {
        self.retry = policy;
        self
    }

    /// Trusts these certificates, a PEM text, and no others. By default those that the system
    /// trusts.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> OtlpExporterBuilder {
        self.connection = self.connection.root_certificates(pem);
        self
    }

    /// Shows the server a certificate, with the chain up to a root; both are PEM texts.
    #[must_use]
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> OtlpExporterBuilder {
        self.connection = self.connection.client_certificate(chain, key);
        self
    }

    /// Adds or replaces an attribute of the resource, of whatever produces the telemetry. It has what
    /// the configuration says ([`names::resource`](crate::names::resource)); `service.name` is the
    /// application's name unless it is set here.
    #[must_use]
    pub fn resource(
        mut self,
        name: impl Into<Name>,
        value: impl Into<Value>,
    ) -> OtlpExporterBuilder {
        self.resource.set(name, value);
        self
    }

    /// What becomes of events.
    #[must_use]
    pub fn events(mut self, mode: EventMode) -> OtlpExporterBuilder {
        self.event_mode = mode;
        self
    }

    /// Announces a span that is open for so long, by a log record `onelogger.span.open` with its
    /// ids and name; `None` stands for never. 5 seconds by default.
    ///
    /// In synchronous mode nobody looks for it while nothing is recorded: then it is announced with the
    /// next record.
    #[must_use]
    pub fn announce_open_spans_after(
        mut self,
        age: impl Into<Option<Duration>>,
    ) -> OtlpExporterBuilder {
        self.announce_after = age.into();
        self
    }

    /// How many bytes may be kept about open spans. 16 MiB by default, which is enough for 50,000
    /// of them. Nothing is lost for want of it: starts and events that find no room are log records
    /// at once.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> OtlpExporterBuilder {
        self.memory_bytes = bytes;
        self
    }

    /// How many items go into a request at most; at least one. By default as many as fit into 2 MiB.
    #[must_use]
    pub fn max_export_batch_size(mut self, items: usize) -> OtlpExporterBuilder {
        self.limits.items = items;
        self
    }

    /// How much of a span is sent.
    #[must_use]
    pub fn span_limits(mut self, limits: SpanLimits) -> OtlpExporterBuilder {
        self.span_limits = limits;
        self
    }

    /// How much of a log record is sent.
    #[must_use]
    pub fn log_limits(mut self, limits: LogLimits) -> OtlpExporterBuilder {
        self.log_limits = limits;
        self
    }

    /// The exporter. Nothing is connected before the provider is configured.
    ///
    /// # Errors
    /// If a setting can never work; each variant says what to do.
    pub fn build(self) -> Result<OtlpExporter, OtlpConfigError> {
        let route = |way: &Way, signal| match way {
            Way::Shared => self.connection.route(signal).map(Some),
            Way::Own(connection) => connection.route(signal).map(Some),
            Way::Nowhere => Ok(None),
        };
        Ok(OtlpExporter::new(Settings {
            traces: route(&self.traces, Signal::Traces)?,
            logs: route(&self.logs, Signal::Logs)?,
            retry: self.retry,
            resource: self.resource,
            event_mode: self.event_mode,
            announce_after: self.announce_after,
            memory_bytes: self.memory_bytes,
            span_limits: self.span_limits,
            log_limits: self.log_limits,
            limits: self.limits,
        }))
    }
}

impl fmt::Debug for OtlpExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporterBuilder")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
