use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Records;
use crate::data::{Attributes, Name, RecordId, SpanId, names::attribute};

/// Sends records somewhere.
///
/// # What the pipeline promises
///
/// - [`check`](Exporter::check) is called when the recorder is built.
/// - [`open`](Exporter::open) comes next, on the thread that configures the provider. If it fails it
///   is tried again later, after a back-off; none of the following is called before it has
///   succeeded.
/// - All other calls come from one thread, the exporter's own (in synchronous mode: from whatever
///   thread records, one at a time). Records come in the order in which they were recorded, each
///   start before everything that concerns its span. Where a processor holds spans until they end, these
///   come then.
/// - [`flush`](Exporter::flush) comes within a second after the last batch, with every
///   `force_flush`, when the exporter asks for it ([`next_flush_after`](Exporter::next_flush_after)),
///   and before [`close`](Exporter::close). `close` comes last, once.
/// - From the moment on at which a close begins, [`Run::close_by`] says until when it is waited for.
/// - What the exporter's thread records itself (say, through an instrumented client library) is
///   not recorded, so an exporter never traces itself.
///
/// # What an exporter owes
///
/// - It may block: only its own queue fills up. It returns in the end, and once a close has begun it
///   does not try for longer than [`Run::close_by`] says.
/// - It says how far it came: see [`ExportError`]. Retries that its protocol defines are its own
///   affair; what it reports as refused is counted as lost.
/// - A panic is caught, counts the records of that call as lost and switches the exporter off.
///
/// ```
/// use onelogger::exporter::{ExportError, Exporter, RecordKind, Records};
///
/// /// Counts events by name.
/// #[derive(Default)]
/// struct EventCounter(std::collections::BTreeMap<String, usize>);
///
/// impl Exporter for EventCounter {
///     fn name(&self) -> &str {
///         "EventCounter"
///     }
///
///     fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
///         for record in records.iter().filter(|record| record.kind() == RecordKind::Event) {
///             *self.0.entry(record.name().to_owned()).or_default() += 1;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Exporter: Send + 'static {
    /// What to call this exporter in messages and in `health()`.
    fn name(&self) -> &str;

    /// Checks the settings, without touching anything outside. Called when the recorder is built.
    ///
    /// # Errors
    /// If the exporter can never work as it is set.
    fn check(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Opens files and connections.
    ///
    /// # Errors
    /// If there is nowhere to send records to.
    fn open(&mut self, run: &Run) -> Result<(), ExportError> {
        let _ = run;
        Ok(())
    }

    /// Sends records, or takes them over to send them later.
    ///
    /// # Errors
    /// If a record was refused: how many were accepted before it stands in the error. The records
    /// after it come again in the next call.
    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError>;

    /// Sends what was taken over and is still here.
    ///
    /// # Errors
    /// If something of it was lost.
    fn flush(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Closes files and connections.
    ///
    /// # Errors
    /// If something that was taken over was lost.
    fn close(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// How long from now [`flush`](Exporter::flush) is to be called although nothing is recorded:
    /// for what is to be sent at a time of its own. `None`, the default: not at all.
    ///
    /// Asked after each call, so the answer has to be cheap. A flush may come earlier, and does not
    /// come more often than every 10 ms for this. In synchronous mode there is no thread that could
    /// call: nobody asks, and what is due is sent with the next record.
    fn next_flush_after(&self) -> Option<Duration> {
        None
    }

    /// Whether the call that has just returned has got something through to the backend. For
    /// exporters that take records over and send them later: a call that sends nothing is neither a
    /// success nor a failure for the [`DisableRule`](crate::DisableRule).
    ///
    /// `None`, the default, stands for an exporter that sends at once: `export_batch` has sent what
    /// it has accepted, and `flush` had nothing to send.
    fn has_sent(&self) -> Option<bool> {
        None
    }

    /// How many of the records that it has accepted so far the exporter holds back on purpose: its
    /// settings have no place for them. They count as withheld, and not as delivered. Asked after each
    /// call; the numbers never fall. By default none.
    fn withheld(&self) -> Withheld {
        Withheld::default()
    }
}

/// Records that an exporter holds back on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// How many, of whatever kind.
    pub records: u64,
    /// How many of them are additions of attributes.
    pub updates: u64,
}

/// Why an exporter did not send something, and how far it came.
///
/// The counts keep the ledger exact: of the records in the call the first `accepted` were sent or
/// taken over, the next `refused` are lost, the rest were not looked at and come again. `revoked`
/// counts records that an earlier call had accepted and that turned out to be lost.
///
/// The library's own records ([`RecordRef::is_own`](super::RecordRef::is_own)) are counted in `accepted`
/// and `refused` like others, though no ledger has them: one that was refused is said again, one that was
/// accepted is not. `revoked` leaves them out.
#[derive(Debug)]
pub struct ExportError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) revoked: usize,
    pub(crate) lost_updates: Option<usize>,
}

impl ExportError {
    /// The first record of the call was refused.
    pub fn new(message: impl Into<String>) -> ExportError {
        let (message, source) = (message.into(), None);
        ExportError { message, source, accepted: 0, refused: 1, revoked: 0, lost_updates: None }
    }

    /// Keeps what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> ExportError {
        self.source = Some(source.into());
        self
    }

    /// So many records of the call were accepted before the failure.
    #[must_use]
    pub fn with_accepted(mut self, accepted: usize) -> ExportError {
        self.accepted = accepted;
        self
    }

    /// So many records after the accepted ones are lost.
    #[must_use]
    pub fn with_refused(mut self, refused: usize) -> ExportError {
        self.refused = refused;
        self
    }

    /// So many records that earlier calls had accepted are lost.
    #[must_use]
    pub fn with_revoked(mut self, revoked: usize) -> ExportError {
        self.revoked = revoked;
        self
    }

    /// So many of the lost records, refused or revoked, are additions of attributes
    /// ([`RecordKind::Attributes`](super::RecordKind)), which
    /// [`Counts::delivered_updates`](crate::Counts) counts apart.
    ///
    /// For exporters that lose others than the first records after the accepted ones, or that revoke
    /// additions. Without this the refused ones are looked at, and none of the revoked is one.
    #[must_use]
    pub fn with_lost_updates(mut self, updates: usize) -> ExportError {
        self.lost_updates = Some(updates);
        self
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// What an exporter is told of the run whose records it will get.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) resource: Arc<Attributes>,
    pub(crate) rank: Option<u32>,
    pub(crate) record_id_upper: u64,
    pub(crate) started_unix_nanos: u64,
    pub(crate) close_by: CloseBy,
}

/// Until when those wait who close a recorder; shared by all copies of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseBy(Arc<Mutex<Option<Instant>>>);

impl CloseBy {
    /// Somebody waits until then. Who waits longest counts.
    pub(crate) fn extend_to(&self, until: Instant) {
        let mut close_by = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *close_by = (*close_by).max(Some(until));
    }
}

impl Run {
    /// A run for an exporter that is used alone, without a recorder.
    ///
    /// `record_id_upper` becomes the upper half of the ids in a file (see [`RecordId`]); choose it
    /// at random and keep it for the process.
    pub fn new(application_name: impl Into<Name>, record_id_upper: u64) -> Run {
        let name = application_name.into().to_string();
        let resource = Attributes::new().with(attribute::APPLICATION_NAME, name);
        Run { record_id_upper: version_8(record_id_upper), ..Run::of(resource, None) }
    }

    /// A run that no recorder has been opened with yet.
    pub(crate) fn of(resource: Attributes, rank: Option<u32>) -> Run {
        let (resource, close_by) = (Arc::new(resource), CloseBy::default());
        Run { resource, rank, record_id_upper: 0, started_unix_nanos: 0, close_by }
    }

    /// What is true of the whole run: application, session, rank, custom metadata.
    pub fn resource(&self) -> &Attributes {
        &self.resource
    }

    /// The rank of this process, if the environment names one.
    pub fn rank(&self) -> Option<u32> {
        self.rank
    }

    /// Nanoseconds since 1970 at which the provider was configured.
    pub fn started_unix_nanos(&self) -> u64 {
        self.started_unix_nanos
    }

    /// When to be done, once a close of the recorder has begun; `None` before, and where nobody waits
    /// for it.
    ///
    /// It is a little earlier than what `close` and the guard were given, so that what an exporter
    /// gives up is counted and said before they return. Copies of a run know it as well: an exporter
    /// keeps one, and looks while it waits for its backend. A later close that waits longer moves it.
    /// What was not sent by then is to be reported as lost, as in any other failure.
    pub fn close_by(&self) -> Option<Instant> {
        *self.close_by.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a span of this process in a file.
    pub fn record_id(&self, span: SpanId) -> RecordId {
        RecordId::new(self.record_id_upper, span)
    }
}

/// Marks the upper half of a UUID as one of version 8.
pub(crate) const fn version_8(upper: u64) -> u64 {
    upper & !0xf000 | 0x8000
}
