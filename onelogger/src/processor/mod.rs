//! Changes records before they are exported, and holds some back.
//!
//! A [`Processor`] is asked about each record. Processors of the
//! [recorder](crate::recorder::DefaultRecorderBuilder::processor) work for all exporters, on the
//! pipeline's thread; those of [one exporter](crate::recorder::DefaultRecorderBuilder::exporter_with) for
//! that one alone, on its own thread. They work one after the other, in the order in which they were
//! given: each sees what those before it have left.
//!
//! | processor | does |
//! | --- | --- |
//! | [`RecordFilter`] | holds back records by what a [`Condition`] says of them |
//! | [`EditAttributes`] | sets, renames, drops, hashes and redacts attributes |
//! | [`SecretKeys`] | redacts attributes whose names sound like secrets |
//! | [`RateLimit`] | so many spans and events of each name in a second |
//! | [`SampleTraces`] | a part of all traces |
//! | [`KeepIf`] | decides when a span ends: errors, long ones |
//! | [`EventStatistics`] | adds an event with count, extremes and percentiles of other events' values |
//!
//! Nothing that they do goes under: what is held back is counted as
//! [withheld](crate::Counts::withheld), what they add as [added](crate::Counts::added), and what is lost
//! because one has panicked as [lost](crate::LossReason::ProcessorFailed).
//!
//! ```
//! use std::time::Duration;
//! use onelogger::exporter::MemoryExporter;
//! use onelogger::processor::{KeepIf, Processors, RecordFilter, SecretKeys};
//! use onelogger::DefaultRecorder;
//!
//! let (everything, _) = MemoryExporter::new();
//! let (slow_or_failed, _) = MemoryExporter::new();
//! let recorder = DefaultRecorder::builder()
//!     .processor(SecretKeys::new())
//!     .processor(RecordFilter::except("kind = event and level > info".parse()?))
//!     .exporter(everything)
//!     .exporter_with(
//!         slow_or_failed,
//!         Processors::new().then(KeepIf::error().or_longer_than(Duration::from_millis(250))),
//!     )
//!     .build()?;
//! # drop(recorder);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod condition;
mod draft;
mod edit;
mod filter;
mod keep_if;
mod processors;
mod rate_limit;
mod sample;
mod secrets;
mod sketch;
mod stage;
mod statistics;

pub use condition::{Condition, ConditionError};
pub use draft::Draft;
pub use edit::EditAttributes;
pub use filter::RecordFilter;
pub use keep_if::KeepIf;
pub use processors::Processors;
pub use rate_limit::RateLimit;
pub use sample::SampleTraces;
pub use secrets::SecretKeys;
pub use statistics::EventStatistics;

use crate::data::EventRecord;

/// Looks at records on their way to exporters, changes them, holds them back, adds events.
///
/// Each record of the application comes by once, in the order in which they were recorded, but for spans
/// that a processor before this one has held. Always on one thread, or in synchronous mode on whatever
/// thread records, one at a time. The library's own records (opening, closing, reports of losses) do not
/// come by.
///
/// Spans stay whole, whatever a processor says:
///
/// - Of a span whose start is held back, everything is held back without asking: events, errors,
///   attributes, its stop. Spans below it hang under its parent instead.
/// - A span whose start was let through has its stop let through.
/// - A reported telemetry data error is let through.
///
/// A panic loses the record at hand, which is counted as [`LossReason::ProcessorFailed`]: with a start its
/// span, with the stop of a span that waits all of that; the start of one that was let through is left
/// alone. It is logged once, and the processor is asked again with the next record.
///
/// [`LossReason::ProcessorFailed`]: crate::LossReason::ProcessorFailed
///
/// ```
/// use onelogger::processor::{Draft, Processor, Verdict};
///
/// /// Says on which machine it was.
/// struct Machine(String);
///
/// impl Processor for Machine {
///     fn name(&self) -> &str {
///         "machine"
///     }
///
///     fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
///         draft.attributes_mut().set("host.name", &self.0);
///         Verdict::Keep
///     }
/// }
/// ```
pub trait Processor: Send + 'static {
    /// What to call it in messages. Asked once, when it is given to a recorder.
    fn name(&self) -> &str;

    /// Looks at a record, and perhaps changes it.
    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict;

    /// Everything has come by: the recorder is being closed. What is left to say is returned, and goes to
    /// the processors after this one and to the exporters; an event without a time (0) bears this one. By
    /// default nothing.
    fn finish(&mut self, now_unix_nanos: u64) -> Vec<EventRecord> {
        let _ = now_unix_nanos;
        Vec::new()
    }

    /// How much memory may be taken by what [`Verdict::Hold`] keeps waiting. Beyond that, spans are let
    /// through undecided. 16 MiB by default. Asked once, with the [name](Processor::name).
    fn memory_bytes(&self) -> usize {
        16 << 20
    }
}

/// A processor that does what a function says.
///
/// ```
/// use onelogger::processor::{Verdict, from_fn};
/// let mark = from_fn("mark", |draft| {
///     draft.attributes_mut().set("deployment", "blue");
///     Verdict::Keep
/// });
/// ```
pub fn from_fn(
    name: impl Into<String>,
    process: impl FnMut(&mut Draft<'_>) -> Verdict + Send + 'static,
) -> impl Processor {
    FromFn(name.into(), process)
}

struct FromFn<F>(String, F);

impl<F: FnMut(&mut Draft<'_>) -> Verdict + Send + 'static> Processor for FromFn<F> {
    fn name(&self) -> &str {
        &self.0
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        (self.1)(draft)
    }
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is held back, and of a start the whole span.
    Withhold,
    /// Of a start: the span waits, with all that belongs to it, until its stop has come by. What is said
    /// of that stop holds for all of it. Of other records the same as `Keep`.
    Hold,
}
