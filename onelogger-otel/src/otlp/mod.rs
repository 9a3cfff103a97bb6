//! The exporter: from records to requests, and from answers to counts.
//!
//! ```text
//! records ─> converter ─> outbox ─> retry ─> transport ─> collector
//!             │    ^        (requests of 2 MiB)  │
//!             v    │                             v
//!           open spans                        losses ─> ExportError
//! ```

mod attributes;
pub(crate) mod clock;
mod configured;
mod connection;
mod converter;
mod counts;
pub(crate) mod deadline;
mod draft;
pub(crate) mod engine;
pub(crate) mod ids;
mod limits;
mod losses;
mod messages;
mod metrics;
mod open_spans;
mod outbox;
mod probe;
pub(crate) mod retry;
mod scopes;
mod settings;
mod signal;
mod stake;
mod tls;
mod transport;
mod wire;

use std::fmt;
use std::time::Duration;

use onelogger::exporter::{ExportError, Exporter, RecordRef, Records, Run, Withheld};

use self::converter::Converter;
use self::draft::{Draft, Envelope, Extra};
use self::engine::Engine;
use self::losses::Losses;
use self::outbox::Outbox;
use self::retry::{Patience, Retry};
use self::settings::Settings;
use self::stake::Stake;
use self::transport::{Accepted, Failure, Transport};
use crate::names::semantic;
use crate::resource;

pub(crate) use self::clock::now;
pub use self::connection::{Compression, OtlpConfigError, OtlpConnection, Protocol};
pub(crate) use self::connection::{Route, shown};

pub use self::counts::{ItemHealth, OtlpCounts, OtlpHealth};
pub use self::limits::{LogLimits, SpanLimits};
pub use self::metrics::{MetricCounts, MetricHealth, OtlpMetricExporter};
pub(crate) use self::probe::probe;
pub use self::retry::RetryPolicy;
pub use self::settings::{EventMode, OtlpExporterBuilder};
pub(crate) use self::signal::Signal;
pub use self::tls::TlsError;

/// Sends records to an OpenTelemetry collector, over HTTP or gRPC.
///
/// # What is sent
///
/// | record | becomes |
/// | --- | --- |
/// | start | nothing, until the span stops; after 5 seconds a log record `onelogger.span.open` |
/// | stop | the span: kind, parent, links, attributes, status |
/// | addition of attributes | part of the span |
/// | event | a log record with the ids of its span, or what [`EventMode`] says |
/// | error | a log record `exception` of severity ERROR; the span gets status, description and `error.type` |
/// | telemetry data error | a log record of severity ERROR, and a root span with an error status |
///
/// The first log record of a run is `onelogger.open`, the last `onelogger.close` with the totals.
///
/// Each stands under the instrumentation scope that the record names, the crate for what a macro
/// records, and under `onelogger` where it names none. Of very long spans and log records a part is
/// sent, and they say of what ([`SpanLimits`], [`LogLimits`]). Some attributes that bridges set say
/// something of the span or log record itself; they are listed in
/// [`names::attribute`](crate::names::attribute).
///
/// # When
///
/// Each batch is sent as it comes, in requests of up to 2 MiB, on the exporter's own thread. A call
/// takes until the collector has answered, at most as long as [`RetryPolicy`] and the timeout allow,
/// for each request; meanwhile the exporter's queue fills up. Once a close has begun that time is over
/// with the close's: what the collector has not taken by then is lost, and counted.
///
/// # What is counted
///
/// A record is delivered when the collector has accepted the item that shows it. A start, and the
/// additions of attributes, share the fate of their span. Of a partial success the protocol says how
/// many items were rejected, and not which: those that stand for most records are assumed. An item
/// longer than 4 MiB is refused without being sent. Where the collector takes spans and refuses log
/// records, as those do that keep traces only, or the other way round, the refused ones are lost and
/// the exporter stays in use.
///
/// # Threads and runtimes
///
/// It brings a runtime of its own, which the calling thread drives. It works in programs with tokio
/// and without, in a current-thread runtime, and may be dropped anywhere.
///
/// ```no_run
/// use onelogger_otel::{Compression, OtlpExporter, Protocol};
/// let exporter = OtlpExporter::builder()
///     .endpoint("https://collector.example:4317")
///     .protocol(Protocol::Grpc)
///     .header("authorization", "Bearer …")
///     .compression(Compression::Gzip)
///     .resource("deployment.environment.name", "production")
///     .build()?;
/// # Ok::<(), onelogger_otel::OtlpConfigError>(())
/// ```
pub struct OtlpExporter {
    settings: Settings,
    session: Option<Session>,
    /// What was held back before the session ended.
    withheld: Withheld,
    counts: OtlpCounts,
}

/// What there is between open and close.
struct Session {
    converter: Converter,
    outbox: Outbox,
    envelope: Envelope,
    /// The log record that says whose telemetry it is; until that has been sent.
    opening: Option<Vec<u8>>,
    /// The memory of the last request.
    body: Vec<u8>,
    /// Says how long a close may take.
    run: Run,
    /// Whether the collector has taken something of the latest call, or works all the same.
    has_sent: bool,
    /// Whether it has taken the latest request with spans, and that with log records.
    takes_spans: bool,
    takes_logs: bool,
    counts: OtlpCounts,
    // Before the runtime, which drives it.
    traces: Option<Transport>,
    logs: Option<Transport>,
    engine: Engine,
}

impl OtlpExporter {
    /// Settings to choose. Without any it sends to `http://localhost:4318`.
    pub fn builder() -> OtlpExporterBuilder {
        OtlpExporterBuilder::new()
    }

    fn new(settings: Settings) -> OtlpExporter {
        let (withheld, counts) = (Withheld::default(), OtlpCounts::default());
        OtlpExporter { settings, session: None, withheld, counts }
    }

    /// Counts what becomes of spans and log records, for as long as somebody looks.
    pub fn counts(&self) -> OtlpCounts {
        self.counts.clone()
    }

    /// The session and the settings, which are used together.
    fn parts(&mut self) -> Result<(&mut Session, &Settings), ExportError> {
        let session = self.session.as_mut();
        let session = session.ok_or_else(|| ExportError::new("the exporter is not open"))?;
        Ok((session, &self.settings))
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("is_open", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

impl Exporter for OtlpExporter {
    fn name(&self) -> &str {
        "OtlpExporter"
    }

    /// Connects to nothing: a collector that is not there yet is no reason not to begin.
    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        let failed = |what: &str, error: &dyn std::error::Error| {
            ExportError::new(format!("{what}: {error}"))
        };
        let engine = Engine::new().map_err(|error| failed("no runtime", &error))?;
        let transport = |route: &Option<Route>| {
            let transport = engine.enter(|| route.as_ref().map(Transport::new).transpose());
            transport.map_err(|error| failed("no TLS", &error))
        };
        let (traces, logs) = (transport(&self.settings.traces)?, transport(&self.settings.logs)?);
        let mut opening = Vec::new();
        messages::opening_log(&mut opening, run.started_unix_nanos(), run.resource());
        self.session = Some(Session {
            converter: Converter::new(&self.settings),
            outbox: Outbox::new(self.settings.limits, self.settings.logs.is_some()),
            envelope: Envelope::new(
                semantic::SCHEMA_URL,
                &resource::attributes(&self.settings.resource, run),
            ),
            opening: Some(opening),
            body: Vec::new(),
            run: run.clone(),
            has_sent: false,
            takes_spans: false,
            takes_logs: false,
            counts: self.counts.clone(),
            traces,
            logs,
            engine,
        });
        Ok(())
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        let (session, settings) =
            self.parts().map_err(|error| error.with_refused(records.len()))?;
        if records.iter().next().as_ref().is_some_and(converter::is_closing) {
            // Before the totals are sent: they come again, and tell of this.
            session.give_up_waiting()?;
        }
        session.export(settings, records.iter())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let (session, settings) = self.parts()?;
        session.export(settings, std::iter::empty())
    }

    fn close(&mut self) -> Result<(), ExportError> {
        self.withheld = self.withheld();
        let session = self.session.take();
        session.map_or(Ok(()), |mut session| session.give_up_waiting())
    }

    /// For spans that stay open to be announced in time.
    fn next_flush_after(&self) -> Option<Duration> {
        self.session.as_ref()?.converter.next_announcement_after()
    }

    fn has_sent(&self) -> Option<bool> {
        self.session.as_ref().map(|session| session.has_sent)
    }

    /// What there is no place for where spans are not sent, or log records are not.
    fn withheld(&self) -> Withheld {
        let Some(session) = &self.session else {
            return self.withheld;
        };
        session.converter.withheld(&session.outbox)
    }
}

impl Session {
    fn export<'a>(
        &mut self,
        settings: &Settings,
        records: impl ExactSizeIterator<Item = RecordRef<'a>>,
    ) -> Result<(), ExportError> {
        let (count, mut losses) = (records.len(), Losses::default());
        let (mut own, mut unsaid) = (0, None);
        self.converter.begin_call();
        self.outbox.begin_call();
        self.has_sent = false;
        if let Some(opening) = &self.opening {
            self.outbox.extra(Extra::Opening, |out| out.extend_from_slice(opening));
        }
        let mut records = records.peekable();
        while let Some(record) = records.next() {
            own += record.is_own() as usize;
            self.converter.take(&record, records.peek(), &mut self.outbox);
            while let Some(draft) = self.outbox.take_full() {
                self.deliver(settings, draft, &mut losses, &mut unsaid);
            }
        }
        self.converter.announce(&mut self.outbox);
        while let Some(draft) = self.outbox.take_any() {
            self.deliver(settings, draft, &mut losses, &mut unsaid);
        }
        let limit = settings.limits.item;
        losses.add(self.outbox.oversized, format!("records of more than {limit} bytes each"));
        // Nobody counts what the library itself has to say, but whoever says it has to know that it did
        // not get through: it is said again.
        losses.into_result(count, unsaid.map(|reason| (reason, own)))
    }

    /// Sends a request, and notes what became of it; in `unsaid` why something was lost that says what
    /// nothing else does.
    fn deliver(
        &mut self,
        settings: &Settings,
        mut draft: Draft,
        losses: &mut Losses,
        unsaid: &mut Option<String>,
    ) {
        let in_flight = self.counts.begin(draft.signal, draft.stakes.items());
        let answer = self.send(settings, &mut draft);
        in_flight.end(answer.as_ref().ok().map(|answer| answer.rejected));
        let is_taken = |answer: &Accepted| answer.rejected < draft.stakes.items();
        let is_taken = answer.as_ref().is_ok_and(is_taken);
        let (takes_these, takes_others) = match draft.signal {
            Signal::Traces => (&mut self.takes_spans, self.takes_logs),
            Signal::Logs | Signal::Metrics => (&mut self.takes_logs, self.takes_spans),
        };
        *takes_these = is_taken;
        // Some collectors take one signal and refuse the other, by answering, as often as it comes.
        // They are there: an exporter that was switched off for it would lose both.
        let is_refused = answer.as_ref().is_err_and(|failure| failure.retry == Retry::Never);
        self.has_sent |= is_taken || (is_refused && takes_others);
        let open_spans = &mut self.converter.open_spans;
        for extra in &draft.extras {
            match (extra, &answer) {
                (Extra::Opening, Ok(_)) => self.opening = None,
                (Extra::Opening, Err(_)) => {}
                (Extra::OpenSpan(id), Ok(answer)) => {
                    open_spans.announced(*id, answer.rejected == 0);
                }
                (Extra::OpenSpan(id), Err(_)) => open_spans.not_announced(*id, self.converter.now),
            }
        }
        let lost = match answer {
            Ok(Accepted { rejected: 0, .. }) => None,
            Ok(Accepted { rejected, message }) => {
                let reason = format!("the collector has rejected {rejected} items: {message}");
                Some((draft.stakes.of_rejected(rejected), reason))
            }
            Err(failure) => Some((draft.stakes.total(), failure.message)),
        };
        if let Some((stake, reason)) = lost {
            losses.add(stake, &reason);
            // A span that repeats what a log record says does not matter.
            if draft.signal == Signal::Logs || self.logs.is_none() {
                unsaid.get_or_insert(reason);
            }
        }
        self.outbox.put_back(draft);
    }

    fn send(&mut self, settings: &Settings, draft: &mut Draft) -> Result<Accepted, Failure> {
        let transport = match draft.signal {
            Signal::Traces => &mut self.traces,
            Signal::Logs | Signal::Metrics => &mut self.logs,
        };
        let Some(transport) = transport else {
            let message = format!("{} are not to be sent", draft.signal.items());
            return Err(Failure { message, retry: Retry::Never });
        };
        let body = self.envelope.seal(draft, &self.outbox.scopes, &mut self.body);
        let (policy, began) = (settings.retry, self.converter.now);
        let patience = Patience { policy, began, run: Some(&self.run) };
        let sent = self.engine.run(retry::send(transport, body.bytes(), patience));
        body.give_back(draft, &mut self.body);
        sent.unwrap_or_else(|error| {
            Err(Failure { message: error.to_string(), retry: Retry::Never })
        })
    }

    /// Counts what waits for the stop of a span as lost: there will be none.
    fn give_up_waiting(&mut self) -> Result<(), ExportError> {
        match self.converter.open_spans.forget_all() {
            Stake::NONE => Ok(()),
            Stake { waiting, updates, .. } => {
                let message = format!("{waiting} records of spans whose stops never came");
                let error = ExportError::new(message).with_refused(0);
                Err(error.with_revoked(waiting).with_lost_updates(updates))
            }
        }
    }
}
