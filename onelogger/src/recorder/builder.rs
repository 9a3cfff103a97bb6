use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::sampler::Sampling;
use super::{BuildError, DefaultRecorder, Direct, Sampler, SpanFilter};
use crate::data::codec::STOP_WORDS;
use crate::data::{Name, TimeWindow};
use crate::exporter::Exporter;
use crate::pipeline::clock::Clock;
use crate::pipeline::identity::IdSource;
use crate::pipeline::intake::Intake;
use crate::pipeline::{DisableRule, FullPolicy, ManualClock, Settings};
use crate::processor::{Processor, Processors};

/// Settings of a [`DefaultRecorder`].
///
/// ```
/// use std::time::Duration;
/// use onelogger::{DefaultRecorder, FullPolicy, SpanFilter};
/// use onelogger::exporter::MemoryExporter;
/// let (exporter, _records) = MemoryExporter::new();
/// let recorder = DefaultRecorder::builder()
///     .exporter(exporter)
///     .filter(SpanFilter::except(["step"]))
///     .lane_policy(FullPolicy::Block(Duration::from_millis(100)))
///     .build()?;
/// # drop(recorder);
/// # Ok::<(), onelogger::recorder::BuildError>(())
/// ```
#[must_use]
pub struct DefaultRecorderBuilder {
    exporters: Vec<(Box<dyn Exporter>, Processors)>,
    processors: Processors,
    filter: SpanFilter,
    sampler: Sampler,
    baggage_attributes: Vec<Name>,
    window: TimeWindow,
    lane_bytes: usize,
    lane_policy: FullPolicy,
    settings: Settings,
    clock: Option<ManualClock>,
    has_fixed_ids: bool,
}

/// A lane of fewer words could not take a span with a few attributes.
const SMALLEST_LANE_WORDS: usize = 16 * STOP_WORDS;

impl Default for DefaultRecorderBuilder {
    fn default() -> DefaultRecorderBuilder {
        DefaultRecorderBuilder {
            exporters: Vec::new(),
            processors: Processors::new(),
            filter: SpanFilter::all(),
            sampler: Sampler::default(),
            baggage_attributes: Vec::new(),
            window: TimeWindow::default(),
            lane_bytes: 1 << 20,
            lane_policy: FullPolicy::default(),
            settings: Settings {
                is_synchronous: false,
                drain_interval: Duration::from_millis(100),
                queue_bytes: 16 << 20,
                queue_policy: FullPolicy::default(),
                disable_rule: DisableRule::default(),
                log_health_every: None,
            },
            clock: None,
            has_fixed_ids: false,
        }
    }
}

impl DefaultRecorderBuilder {
    /// Adds an exporter. Each has a thread and a queue of its own.
    pub fn exporter(self, exporter: impl Exporter) -> DefaultRecorderBuilder {
        self.boxed_exporter(Box::new(exporter))
    }

    /// Adds an exporter that gets what these processors leave of what all exporters get. They work on the
    /// exporter's thread.
    pub fn exporter_with(
        self,
        exporter: impl Exporter,
        processors: Processors,
    ) -> DefaultRecorderBuilder {
        self.boxed_exporter_with(Box::new(exporter), processors)
    }

    /// Adds an exporter whose type is known at run time only.
    pub fn boxed_exporter(self, exporter: Box<dyn Exporter>) -> DefaultRecorderBuilder {
        self.boxed_exporter_with(exporter, Processors::new())
    }

    /// Adds an exporter whose type is known at run time only, with processors of its own.
    pub fn boxed_exporter_with(
        mut self,
        exporter: Box<dyn Exporter>,
        processors: Processors,
    ) -> DefaultRecorderBuilder {
        self.exporters.push((exporter, processors));
        self
    }

    /// Adds a processor, after those that were added before. All exporters get what it leaves. It works
    /// on the pipeline's thread: one that blocks holds all of them up.
    pub fn processor(mut self, processor: impl Processor) -> DefaultRecorderBuilder {
        self.processors = self.processors.then(processor);
        self
    }

    /// Adds a processor whose type is known at run time only.
    pub fn boxed_processor(mut self, processor: Box<dyn Processor>) -> DefaultRecorderBuilder {
        self.processors = self.processors.then_boxed(processor);
        self
    }

    /// Which spans are exported. All by default.
    pub fn filter(mut self, filter: SpanFilter) -> DefaultRecorderBuilder {
        self.filter = filter;
        self
    }

    /// Which traces are recorded, decided at the start of each span. [`Sampler::AlwaysOn`] by default.
    pub fn sampler(mut self, sampler: Sampler) -> DefaultRecorderBuilder {
        self.sampler = sampler;
        self
    }

    /// Which entries of the current [baggage](crate::context::Baggage) are attributes of the spans that
    /// are started, under their own names: explicit ones and those of macros, each when it starts. None
    /// by default, because baggage comes from whoever calls, and may hold what is not to be kept.
    ///
    /// A span that has an attribute of that name keeps it. Values are as long as the standard lets
    /// baggage be: 8192 bytes in all. Without names nothing is looked up.
    ///
    /// ```
    /// use onelogger::DefaultRecorder;
    /// let recorder = DefaultRecorder::builder().baggage_attributes(["tenant", "session.id"]).build()?;
    /// # drop(recorder);
    /// # Ok::<(), onelogger::recorder::BuildError>(())
    /// ```
    pub fn baggage_attributes<N: Into<Name>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> DefaultRecorderBuilder {
        self.baggage_attributes = names.into_iter().map(N::into).collect();
        self
    }

    /// How far from now an explicit time may lie. 10 years back and a minute ahead by default.
    pub fn time_window(mut self, window: TimeWindow) -> DefaultRecorderBuilder {
        self.window = window;
        self
    }

    /// The memory of each thread's lane. 1 MiB by default; memory that is never used is never
    /// touched. No record can be longer than this.
    pub fn lane_bytes(mut self, bytes: usize) -> DefaultRecorderBuilder {
        self.lane_bytes = bytes;
        self
    }

    /// What happens when a thread's lane is full. [`FullPolicy::DropNewest`] by default.
    pub fn lane_policy(mut self, policy: FullPolicy) -> DefaultRecorderBuilder {
        self.lane_policy = policy;
        self
    }

    /// The memory of each exporter's queue. 16 MiB by default.
    pub fn queue_bytes(mut self, bytes: usize) -> DefaultRecorderBuilder {
        self.settings.queue_bytes = bytes;
        self
    }

    /// What happens when an exporter's queue is full. [`FullPolicy::DropNewest`] by default.
    ///
    /// With [`FullPolicy::Block`] the pipeline waits, and with it every other exporter: for the one
    /// exporter that must be complete.
    pub fn queue_policy(mut self, policy: FullPolicy) -> DefaultRecorderBuilder {
        self.settings.queue_policy = policy;
        self
    }

    /// How often the pipeline passes on all that was recorded. 100 ms by default. A lane that fills up
    /// is emptied before, and goes on in batches of some 2 MiB.
    pub fn drain_interval(mut self, interval: Duration) -> DefaultRecorderBuilder {
        self.settings.drain_interval = interval;
        self
    }

    /// When an exporter that fails is switched off.
    pub fn disable_rule(mut self, rule: DisableRule) -> DefaultRecorderBuilder {
        self.settings.disable_rule = rule;
        self
    }

    /// Says at intervals how each exporter is, among the library's own messages: its state, the counts,
    /// what went wrong last. Off by default.
    ///
    /// A line for each exporter, as information, or as a warning where it does not work or has lost
    /// records since the last line; none while nothing has changed. Said on the pipeline's thread, no more
    /// often than every drain interval, or in synchronous mode with the next record; never for a rank that
    /// is disabled. What the close does stands in the closing record.
    pub fn log_health_every(mut self, interval: Duration) -> DefaultRecorderBuilder {
        self.settings.log_health_every = Some(interval);
        self
    }

    /// Exports on the thread that records, before each call returns: for tests, and for programs
    /// that may have no other thread. Calls then wait for the exporters, and for each other, without
    /// a bound; a flush and a close wait for other threads for no longer than they are given.
    pub fn synchronous(mut self) -> DefaultRecorderBuilder {
        self.settings.is_synchronous = true;
        self
    }

    /// Takes times from a clock that the caller moves; exporters that are backing off wait by it as well.
    pub fn manual_clock(mut self, clock: ManualClock) -> DefaultRecorderBuilder {
        self.clock = Some(clock);
        self
    }

    /// Gives the same ids in every run, for tests. Ids of two processes are then alike.
    pub fn fixed_ids(mut self) -> DefaultRecorderBuilder {
        self.has_fixed_ids = true;
        self
    }

    /// Checks the settings. No file is opened and no thread started before the provider is
    /// configured with the recorder.
    ///
    /// # Errors
    /// If settings are wrong; the error holds all of them.
    pub fn build(self) -> Result<DefaultRecorder, BuildError> {
        let mut problems = Vec::new();
        BuildError::check_filter(self.filter.check(), &mut problems);
        let sampler = self.sampler.check();
        problems.extend(sampler.err().map(|problem| format!("sampler: {problem}")));
        for (exporter, _) in &self.exporters {
            if let Err(error) = exporter.check() {
                problems.push(format!("exporter {}: {error}", exporter.name()));
            }
        }
        let lane_words = self.lane_bytes / size_of::<u64>();
        if lane_words < SMALLEST_LANE_WORDS {
            let least = SMALLEST_LANE_WORDS * size_of::<u64>();
            problems.push(format!("lane_bytes: a lane needs at least {least} bytes"));
        }
        if self.settings.queue_bytes == 0 {
            problems.push("queue_bytes: an exporter's queue needs some memory".to_owned());
        }
        if self.settings.drain_interval.is_zero() {
            problems.push("drain_interval: must be longer than nothing".to_owned());
        }
        if self.settings.log_health_every.is_some_and(|every| every.is_zero()) {
            problems.push("log_health_every: must be longer than nothing".to_owned());
        }
        let (DisableRule::AfterConsecutive(limit) | DisableRule::AfterTotal(limit)) =
            self.settings.disable_rule;
        if limit == 0 {
            let problem = "disable_rule: an exporter cannot be switched off after 0 failures";
            problems.push(problem.to_owned());
        }
        if !problems.is_empty() {
            return Err(BuildError { problems });
        }
        let clock = self.clock.map_or_else(Clock::system, Clock::Manual);
        let ids = if self.has_fixed_ids { IdSource::fixed() } else { IdSource::random() };
        Ok(DefaultRecorder {
            direct: Arc::new(Direct {
                intake: Arc::new(Intake::new(clock, ids, self.lane_policy, lane_words)),
                filter: self.filter,
                sampling: Sampling::of(&self.sampler),
                window: self.window,
                pipeline: OnceLock::new(),
            }),
            baggage_attributes: self.baggage_attributes,
            settings: self.settings,
            outputs: Mutex::new(Some((self.exporters, self.processors))),
        })
    }
}
