//! Any span exporter of the OpenTelemetry SDK as an exporter of ours.
//!
//! ```text
//! records ─> converter ─> chunk ─> host: the SDK's exporter on a thread of its own
//!             │    ^                 │
//!             v    │                 v
//!           open spans           ExportError
//! ```

mod attributes;
mod converter;
mod host;
mod open_spans;
mod span_data;

use std::fmt;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, Records, Run};
use onelogger::{Attributes, Name, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

pub(crate) use self::attributes::key_value;
use self::converter::{Chunk, Converter};
use self::host::{AnySpanExporter, Host, Work};
use self::open_spans::Waiting;
use crate::names::semantic;
use crate::otlp::EventMode;
use crate::otlp::engine::Engine;

/// Hands spans to any span exporter of the OpenTelemetry SDK.
///
/// To send to a collector, [`OtlpExporter`](crate::OtlpExporter) is the one to recommend: it is
/// faster, sends events at once, as log records, and counts what a collector rejects of an accepted
/// request, which the SDK's exporter passes over in silence. This one is for backends that have an
/// exporter for the SDK.
///
/// ```no_run
/// use onelogger_otel::OTelExporter;
/// # #[derive(Debug)] struct StdoutExporter;
/// # impl opentelemetry_sdk::trace::SpanExporter for StdoutExporter {
/// #     async fn export(&self, _: Vec<opentelemetry_sdk::trace::SpanData>)
/// #         -> opentelemetry_sdk::error::OTelSdkResult { Ok(()) }
/// # }
/// let exporter = OTelExporter::new(StdoutExporter).resource("deployment.environment.name", "test");
/// ```
///
/// # What is sent
///
/// Spans only, when they stop, with their ids, times, attributes, links and status. What happened in
/// a span stands in it as an event, an error as an `exception`, until [`EventMode::ZeroLengthSpans`]
/// is chosen. What belongs to no span is a span of no length: a telemetry data error
/// (`span_for_telemetry_data_error`, with an error status), the opening and the closing of the run
/// (`onelogger.open`, `onelogger.close`), an event outside all spans. So is an event for which there
/// is no [memory](OTelExporter::memory).
///
/// # What is counted
///
/// A record is delivered when the SDK's exporter has accepted the span that shows it. A start, and
/// whatever else waits for the stop of its span, share its fate. What is exported together
/// ([`max_export_batch_size`](OTelExporter::max_export_batch_size)) is delivered or lost together.
///
/// # Threads and runtimes
///
/// The SDK's exporter has a thread of its own and a runtime of tokio within reach, whatever the
/// program has. It may block, and may be slow: a call that takes longer than the
/// [`timeout`](OTelExporter::timeout) is given up, and its spans are lost.
pub struct OTelExporter {
    /// Here until it is opened.
    exporter: Option<Box<dyn AnySpanExporter>>,
    make: Option<Make>,
    resource: Attributes,
    mode: EventMode,
    timeout: Duration,
    memory_bytes: usize,
    max_export_batch_size: usize,
    session: Option<Session>,
}

type Make = Box<dyn FnMut() -> Result<Box<dyn AnySpanExporter>, ExportError> + Send>;

/// What there is between open and close.
struct Session {
    converter: Converter,
    /// Whose telemetry it is; until that has been sent.
    opening: Option<SpanData>,
    host: Host,
    max_spans: usize,
    /// Whether something of the latest call has been exported.
    has_sent: bool,
}

/// A chunk that is longer is not added to: collectors refuse more than 4 MiB over gRPC.
const CHUNK_BYTES: usize = 2 << 20;

impl OTelExporter {
    /// Exports through this exporter.
    ///
    /// One that needs a runtime as soon as it is made is better made by
    /// [`from_fn`](OTelExporter::from_fn): what it has started on a runtime of the application ends
    /// with that, and stands still while the application blocks.
    pub fn new(exporter: impl SpanExporter + 'static) -> OTelExporter {
        OTelExporter::with(Some(Box::new(exporter)), None)
    }

    /// Exports through what the function makes. It is called when the provider is configured, with
    /// the runtime of this exporter around it, and again later if it has failed.
    ///
    /// ```no_run
    /// use onelogger_otel::OTelExporter;
    /// use opentelemetry_otlp::WithExportConfig;
    ///
    /// let exporter = OTelExporter::from_fn(|| {
    ///     let builder = opentelemetry_otlp::SpanExporter::builder().with_tonic();
    ///     builder.with_endpoint("http://localhost:4317").build()
    /// });
    /// ```
    pub fn from_fn<S, E>(mut make: impl FnMut() -> Result<S, E> + Send + 'static) -> OTelExporter
    where
        S: SpanExporter + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let make = move || match make() {
            Ok(exporter) => Ok(Box::new(exporter) as Box<dyn AnySpanExporter>),
            Err(error) => {
                let error = error.into();
                Err(ExportError::new(format!("no exporter: {error}")).with_source(error))
            }
        };
        OTelExporter::with(None, Some(Box::new(make)))
    }

    fn with(exporter: Option<Box<dyn AnySpanExporter>>, make: Option<Make>) -> OTelExporter {
        OTelExporter {
            exporter,
            make,
            resource: Attributes::new(),
            mode: EventMode::SpanEvents,
            timeout: Duration::from_secs(30),
            memory_bytes: 16 << 20,
            max_export_batch_size: 512,
            session: None,
        }
    }

    /// Adds or replaces an attribute of the resource, of whatever produces the telemetry. It has what
    /// the configuration says ([`names::resource`](crate::names::resource)); `service.name` is the
    /// application's name unless it is set here.
    #[must_use]
    pub fn resource(mut self, name: impl Into<Name>, value: impl Into<Value>) -> OTelExporter {
        self.resource.set(name, value);
        self
    }

    /// What becomes of events: [`EventMode::SpanEvents`], the default, or
    /// [`EventMode::ZeroLengthSpans`].
    ///
    /// With the latter everything has the names that the Python library gives it: starts and stops
    /// are spans of no length as well (`span_start_event_for_SPAN`), events bear `timestamp_msec`,
    /// spans `duration_msec` and `one_logger_span_id`. There are no log records here, so that a
    /// recorder with [`EventMode::LogRecords`] is not built.
    #[must_use]
    pub fn events(mut self, mode: EventMode) -> OTelExporter {
        self.mode = mode;
        self
    }

    /// How long one call of the SDK's exporter may take. 30 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> OTelExporter {
        self.timeout = timeout;
        self
    }

    /// How many bytes may be kept about open spans. 16 MiB by default. Nothing is lost for want of
    /// it: starts and events that find no room are spans of no length at once.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> OTelExporter {
        self.memory_bytes = bytes;
        self
    }

    /// How many spans are exported together at most. 512 by default, as in the SDK, and at least one
    /// record's.
    #[must_use]
    pub fn max_export_batch_size(mut self, spans: usize) -> OTelExporter {
        self.max_export_batch_size = spans;
        self
    }

    fn session(&mut self) -> Result<&mut Session, ExportError> {
        self.session.as_mut().ok_or_else(|| ExportError::new("the exporter is not open"))
    }
}

impl fmt::Debug for OTelExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OTelExporter")
            .field("events", &self.mode)
            .field("is_open", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

impl Exporter for OTelExporter {
    fn name(&self) -> &str {
        "OTelExporter"
    }

    fn check(&self) -> Result<(), ExportError> {
        match self.mode {
            EventMode::LogRecords => Err(ExportError::new(
                "an exporter of spans has no log records; choose `EventMode::SpanEvents` or \
                 `EventMode::ZeroLengthSpans`",
            )),
            EventMode::SpanEvents | EventMode::ZeroLengthSpans => Ok(()),
        }
    }

    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        let engine = Engine::new();
        let engine = engine.map_err(|error| ExportError::new(format!("no runtime: {error}")))?;
        if let (None, Some(make)) = (&self.exporter, &mut self.make) {
            self.exporter = Some(engine.enter(make)?);
        }
        let exporter = self.exporter.as_mut();
        let exporter = exporter.ok_or_else(|| ExportError::new("the exporter was open before"))?;
        exporter.set_resource(&resource(&self.resource, run));
        let host = Host::start(engine, &mut self.exporter, self.timeout, run);
        let host = host.map_err(|error| ExportError::new(format!("no thread: {error}")))?;
        let zero_length = self.mode == EventMode::ZeroLengthSpans;
        let mut converter = Converter::new(zero_length, self.memory_bytes, run);
        let opening = Some(converter.opening(run));
        let max_spans = self.max_export_batch_size;
        self.session = Some(Session { converter, opening, host, max_spans, has_sent: false });
        Ok(())
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let session = self.session().map_err(|error| error.with_refused(records.len()))?;
        if records.iter().next().as_ref().is_some_and(converter::is_closing) {
            // Before the totals are sent: they come again, and tell of this.
            session.give_up_waiting()?;
        }
        session.export(records)
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let session = self.session()?;
        session.has_sent = false;
        session.host.call(Work::Flush)
    }

    fn close(&mut self) -> Result<(), ExportError> {
        let Some(mut session) = self.session.take() else {
            return Ok(());
        };
        let shut_down = session.host.call(Work::Shutdown).map_err(|error| error.with_refused(0));
        session.give_up_waiting().and(shut_down)
    }

    fn has_sent(&self) -> Option<bool> {
        self.session.as_ref().map(|session| session.has_sent)
    }
}

impl Session {
    /// Exports chunk by chunk. After one that is refused the rest comes again: whether it is tried,
    /// the worker decides, which knows how often that has failed.
    fn export(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        self.has_sent = false;
        let mut accepted = 0;
        let mut chunk = Chunk::default();
        for record in records.iter() {
            self.converter.take(&record, &mut chunk);
            if chunk.spans.len() >= self.max_spans || chunk.bytes >= CHUNK_BYTES {
                self.deliver(&mut chunk, &mut accepted)?;
            }
        }
        self.deliver(&mut chunk, &mut accepted)
    }

    fn deliver(&mut self, chunk: &mut Chunk, accepted: &mut usize) -> Result<(), ExportError> {
        let Chunk { mut spans, records, own, of_library, own_updates, waiting, .. } =
            std::mem::take(chunk);
        let own = own + of_library;
        if !spans.is_empty() {
            if let Some(opening) = &self.opening {
                spans.insert(0, opening.clone());
            }
            // Any of the records may be refused, not only the last: only the numbers matter to the
            // ledger. Those that the call has accepted, and that turned out to be lost with a span,
            // are revoked like those of earlier calls.
            self.host.call(Work::Export(spans)).map_err(|error| {
                error
                    .with_accepted(*accepted + records - own)
                    .with_refused(own)
                    .with_revoked(waiting.records)
                    .with_lost_updates(own_updates + waiting.updates)
            })?;
            self.has_sent = true;
            self.opening = None;
        }
        *accepted += records;
        Ok(())
    }

    /// Counts what waits for the stop of a span as lost: there will be none.
    fn give_up_waiting(&mut self) -> Result<(), ExportError> {
        let Waiting { records, updates } = self.converter.open_spans.forget_all();
        if records == 0 {
            return Ok(());
        }
        let message = format!("{records} records of spans whose stops never came");
        let error = ExportError::new(message).with_refused(0).with_revoked(records);
        Err(error.with_lost_updates(updates))
    }
}

/// What the run says of itself, then the given attributes, which count for more. The service's name
/// is the application's unless they hold another; what they say of the SDK does not count.
fn resource(given: &Attributes, run: &Run) -> Resource {
    let attributes = crate::resource::attributes(given, run);
    let all = attributes.into_iter().map(|(name, value)| key_value(name.as_str(), value));
    Resource::builder_empty().with_schema_url(all, semantic::SCHEMA_URL).build()
}
