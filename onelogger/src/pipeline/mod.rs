//! From the lanes to the exporters.
//!
//! One thread drains the lanes in time order, assembles records and shares each batch with every
//! exporter's queue; each exporter has a thread of its own. In synchronous mode the same functions
//! run on the thread that records, one at a time.
//!
//! ```text
//! drain ─> assemble ─> batch ─┬─> queue ─> worker ─> exporter
//!                             └─> queue ─> worker ─> exporter
//! ```

#[cfg(any(test, fuzzing))]
pub(crate) mod arbitrary;
mod assemble;
mod bulletin;
pub(crate) mod clock;
mod disable;
mod drain;

mod health;
pub(crate) mod identity;
pub(crate) mod intake;
mod ledger;
mod open_span;
mod outlet;
mod queue;
mod reports;
mod spare;
mod threads;
mod ticket;
mod timeline;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

pub use clock::ManualClock;
pub use disable::DisableRule;
pub use health::{ExporterHealth, ExporterState, Health, QueueHealth};
pub use intake::FullPolicy;
pub use ledger::{Counts, LossReason};

use self::assemble::Assembler;
use self::bulletin::Bulletin;
use self::drain::Drain;
use self::health::Vitals;
use self::intake::Intake;
use self::outlet::{Outlet, send};
use self::spare::SpareBatches;
pub(crate) use self::threads::is_pipeline_thread;
use self::threads::{Ours, spawn};
use self::ticket::Ticket;
use self::timeline::Timeline;
use self::worker::Worker;
use crate::data::codec::STOP_WORDS;
use crate::diagnostics;
use crate::exporter::{Batch, CloseBy, ExportError, Exporter, Processed, Run, Totals};
use crate::processor::Processors;
use crate::sync::Flag;

/// How a pipeline works.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) is_synchronous: bool,
    pub(crate) drain_interval: Duration,
    pub(crate) queue_bytes: usize,
    pub(crate) queue_policy: FullPolicy,
    pub(crate) disable_rule: DisableRule,
    /// How often the health is said; `None`: not at all.
    pub(crate) log_health_every: Option<Duration>,
}

/// A batch is passed on when it has grown so large: what it costs beside its records (a request, a
/// thread that wakes) is little then.
const BATCH_BYTES: usize = 2 << 20;
/// Lanes, and memory of batches and drained words, that nobody has wanted for so long, or twice that, are
/// freed, but not while batches grow full: where so much is recorded, what was wanted once is wanted again,
/// and the allocator would keep some of what it gets back, in an arena of whichever thread had asked, and
/// take more from the system.
const MEMORY_STAYS_UNUSED: Duration = Duration::from_secs(300);

/// What is kept of a close's time for counting what exporters have given up, at most.
const LONGEST_RESERVE: Duration = Duration::from_secs(1);

/// A running pipeline, as the recorder holds it.
pub(crate) struct Pipeline {
    vitals: Vitals,
    close_by: CloseBy,
    mode: Mode,
}

enum Mode {
    /// On a thread of its own, which looks for requests whenever it wakes.
    Asynchronous(Arc<Mutex<Requests>>),
    /// On the thread that records. The flag says that an exporter has asked for the close, which
    /// it cannot do itself.
    Synchronous(Mutex<Option<Box<Stages>>>, Flag),
}

/// What others ask of the pipeline's thread.
#[derive(Default)]
struct Requests {
    flushes: Vec<Ticket>,
    /// Stays when the close is done: whoever asks for it again waits for the same one.
    close: Option<Ticket>,
    /// The thread has ended, or is about to, and looks at nothing more.
    is_over: bool,
}

/// An exporter that could not be opened.
#[derive(Debug)]
pub(crate) struct OpenFailure {
    pub(crate) exporter: String,
    pub(crate) error: ExportError,
}

impl Pipeline {
    /// Opens the exporters and starts the threads. Exporters that cannot be opened are tried again
    /// later; they are listed, for the caller to decide whether that is good enough.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(crate) fn start(
        intake: Arc<Intake>,
        exporters: Vec<(Box<dyn Exporter>, Processors)>,
        processors: Processors,
        run: &Run,
        settings: &Settings,
    ) -> std::io::Result<(Pipeline, Vec<OpenFailure>)> {
        // The caller may open other recorders with the same run, which are closed for themselves.
        let close_by = CloseBy::default();
        let run = Run { close_by: close_by.clone(), ..run.clone() };
        let mut failures = Vec::new();
        let mut workers = Vec::new();
        let ours = Ours::enter();
        for (exporter, processors) in exporters {
            let (rule, run, clock) = (settings.disable_rule, run.clone(), intake.clock.clone());
            let mut worker = Worker::new(exporter, processors, rule, run, clock);
            if let Err(error) = worker.open() {
                failures.push(OpenFailure { exporter: worker.status.lock().name.clone(), error });
            }
            workers.push(worker);
        }
        drop(ours);
        let statuses: Vec<_> = workers.iter().map(|worker| worker.status.clone()).collect();
        let outlets: Result<Vec<_>, _> = match settings.is_synchronous {
            true => Ok(workers.into_iter().map(|it| Outlet::Inline(Box::new(it))).collect()),
            false => workers.into_iter().map(|it| Outlet::spawn(it, &intake, settings)).collect(),
        };
        let outlets = outlets?;
        let queues = outlets.iter().map(Outlet::queue);
        let exporters = statuses.into_iter().zip(queues).collect();
        let vitals = Vitals { intake: Arc::clone(&intake), exporters };
        let every = settings.log_health_every;
        let bulletin = every.map(|every| Bulletin::new(vitals.clone(), every));
        let stages = Stages::new(intake, processors, outlets, bulletin);
        let mode = if settings.is_synchronous {
            Mode::Synchronous(Mutex::new(Some(Box::new(stages))), Flag::new())
        } else {
            let requests = Arc::new(Mutex::new(Requests::default()));
            let (ours, interval) = (Arc::clone(&requests), settings.drain_interval);
            spawn("onelogger", move || stages.run(&ours, interval))?;
            Mode::Asynchronous(requests)
        };
        Ok((Pipeline { vitals, close_by, mode }, failures))
    }

    /// Whether exporters are called on the thread that records.
    pub(crate) fn is_synchronous(&self) -> bool {
        matches!(self.mode, Mode::Synchronous(..))
    }

    /// Does what is due after a record: in synchronous mode everything.
    pub(crate) fn after_record(&self) {
        // An exporter that comes here is already within.
        let Mode::Synchronous(stages, wants_close) = &self.mode else { return };
        if is_pipeline_thread() {
            return;
        }
        diagnostics::afterwards(|| {
            let mut stages = lock(stages);
            pass_on_and_flush(&mut stages);
            if wants_close.is_raised() {
                close_stages(&mut stages);
            }
        });
    }

    /// Waits until everything recorded before was offered to every exporter, and was flushed.
    /// Whether that was done in time.
    pub(crate) fn force_flush(&self, timeout: Duration) -> bool {
        match &self.mode {
            Mode::Synchronous(stages, _) => self.with_stages(stages, timeout, pass_on_and_flush),
            Mode::Asynchronous(requests) => {
                let ticket = Ticket::new(1);
                {
                    let mut requests = lock(requests);
                    if requests.is_over {
                        return false;
                    }
                    requests.flushes.push(ticket.clone());
                }
                self.vitals.intake.wake.wake();
                self.wait(&ticket, timeout)
            }
        }
    }

    /// Works on the stages, unless another thread has them for longer than `timeout`.
    fn with_stages(
        &self,
        stages: &Mutex<Option<Box<Stages>>>,
        timeout: Duration,
        work: impl FnOnce(&mut Option<Box<Stages>>),
    ) -> bool {
        if is_pipeline_thread() {
            return false;
        }
        let deadline = Instant::now().checked_add(timeout);
        diagnostics::afterwards(|| {
            loop {
                match stages.try_lock() {
                    Ok(mut stages) => {
                        work(&mut stages);
                        return true;
                    }
                    Err(TryLockError::Poisoned(poisoned)) => {
                        work(&mut poisoned.into_inner());
                        return true;
                    }
                    Err(TryLockError::WouldBlock) => {}
                }
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    }

    /// An exporter that waited for itself would only lose time.
    fn wait(&self, ticket: &Ticket, timeout: Duration) -> bool {
        !is_pipeline_thread() && ticket.wait(timeout)
    }

    /// Refuses further records, stops open spans, passes everything on, closes the exporters.
    /// Whether that was done in time; if not, it goes on.
    ///
    /// Exporters learn how long they may try: a little less than `timeout`, so that what they give up
    /// is counted in time. Whoever waits for nothing sets them no limit.
    pub(crate) fn close(&self, timeout: Duration) -> bool {
        let patience = timeout - (timeout / 8).min(LONGEST_RESERVE);
        if let Some(close_by) = Instant::now().checked_add(patience).filter(|_| !timeout.is_zero())
        {
            self.close_by.extend_to(close_by);
        }
        match &self.mode {
            Mode::Synchronous(stages, wants_close) => {
                wants_close.raise();
                self.with_stages(stages, timeout, close_stages)
            }
            Mode::Asynchronous(requests) => {
                let ticket = {
                    let mut requests = lock(requests);
                    requests.close.get_or_insert_with(|| Ticket::new(1)).clone()
                };
                self.vitals.intake.wake.wake();
                self.wait(&ticket, timeout)
            }
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.vitals.health()
    }
}

/// What is passed on of what the lanes hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// Full batches.
    FullBatches,
    /// All of it.
    All,
    /// All of it, and nothing comes after it.
    Last,
}

/// Drain, assembly and fan-out, run by one thread at a time.
struct Stages {
    intake: Arc<Intake>,
    drain: Drain,
    assembler: Assembler,
    timeline: Timeline,
    processors: Processors,
    outlets: Vec<Outlet>,
    /// The totals of what was sent last, without what processors count.
    sent: Totals,
    spare: SpareBatches,
    /// Whether a batch has grown full since it was looked last whether memory is unused.
    was_busy: bool,
    /// What waits for more.
    held: Batch,
    /// Says how the exporters are, where that is wanted.
    bulletin: Option<Bulletin>,
}

impl Stages {
    fn new(
        intake: Arc<Intake>,
        processors: Processors,
        outlets: Vec<Outlet>,
        bulletin: Option<Bulletin>,
    ) -> Stages {
        Stages {
            drain: Drain::default(),
            assembler: Assembler::default(),
            timeline: Timeline::new(&intake.clock),
            processors,
            outlets,
            sent: Totals::default(),
            spare: SpareBatches::default(),
            was_busy: false,
            held: Batch::default(),
            bulletin,
            intake,
        }
    }

    /// The pipeline's thread. Everything is passed on once in an interval; when a lane fills up in
    /// between, all are emptied, and what makes no full batch waits: a batch costs exporters much,
    /// however small it is.
    fn run(mut self, requests: &Mutex<Requests>, interval: Duration) {
        let _ours = Ours::enter();
        self.intake.wake.attend();
        let mut passed_on = Instant::now();
        let mut tidied = passed_on;
        loop {
            let (flushes, close) = {
                let mut requests = lock(requests);
                requests.is_over = requests.close.is_some();
                (std::mem::take(&mut requests.flushes), requests.close.clone())
            };
            if let Some(ticket) = close {
                self.close(&ticket);
                flushes.iter().for_each(Ticket::done);
                ticket.done();
                return;
            }
            if flushes.is_empty() && passed_on.elapsed() < interval {
                self.pass_on(Haste::FullBatches);
            } else {
                self.pass_on(Haste::All);
                self.say_health();
                passed_on = Instant::now();
                if passed_on - tidied >= MEMORY_STAYS_UNUSED {
                    if !std::mem::take(&mut self.was_busy) {
                        self.drop_unused_memory();
                    }
                    tidied = passed_on;
                }
            }
            for ticket in flushes {
                for outlet in &mut self.outlets {
                    outlet.flush(&ticket);
                }
                ticket.done();
            }
            self.intake.wake.wait(interval.saturating_sub(passed_on.elapsed()));
        }
    }

    fn drop_unused_memory(&mut self) {
        self.intake.drop_unused_lanes();
        self.drain.drop_unused_memory();
        self.spare.drop_unused();
    }

    /// Passes on what was recorded up to now.
    fn pass_on(&mut self, haste: Haste) {
        // Before the lanes are looked at: see `Drain`.
        let cut = self.intake.clock.cut();
        self.drain_up_to(cut, haste);
    }

    fn drain_up_to(&mut self, cut: u64, haste: Haste) {
        let is_last = haste == Haste::Last;
        self.timeline.renew();
        let Stages {
            intake,
            drain,
            assembler,
            timeline,
            processors,
            outlets,
            spare,
            was_busy,
            held,
            ..
        } = self;
        let mut batch = std::mem::take(held);
        let mut freed = Vec::new();
        let sent = self.sent;
        let line = timeline.line();
        drain.run(intake, cut, is_last, |stretch| {
            if !batch.has_room() {
                batch = spare.take();
            }
            while let Some(words) = stretch.next() {
                let made_at = |order| match line {
                    Some(line) => line.moment(order),
                    None => timeline.moved_to(order),
                };
                let waiting = assembler.add(&mut batch, words, stretch, &intake.ids, made_at);
                freed.extend(waiting);
                if batch.is_full(BATCH_BYTES) {
                    // What the producers count is looked at with the last batch.
                    batch.totals = Totals {
                        recorded: assembler.recorded
                            + sent.withheld
                            + sent.lane_full
                            + sent.too_large,
                        malformed: assembler.malformed,
                        ..sent
                    };
                    let full = std::mem::replace(&mut batch, spare.take());
                    pass_through(processors, outlets, spare, full);
                    *was_busy = true;
                }
            }
        });
        for lane in freed {
            drain.give_back(lane, STOP_WORDS);
        }
        if is_last {
            drain.seal_counts();
            let moment = timeline.now();
            assembler.stop_all(&mut batch, moment);
        }
        self.count_spans();
        if haste == Haste::FullBatches {
            self.held = batch;
            return;
        }
        batch.totals = self.totals();
        // Also without records, where a loss is news.
        if !batch.entries().is_empty() || batch.totals != self.sent {
            self.sent = batch.totals;
            let Stages { processors, outlets, spare, .. } = self;
            pass_through(processors, outlets, spare, batch);
        } else {
            self.spare.keep(batch);
        }
    }

    /// Says how many spans have started and stopped by now. Nobody else adds.
    fn count_spans(&self) {
        let (started, stopped) = self.assembler.spans();
        let Intake { spans_started, spans_stopped, .. } = &*self.intake;
        spans_started.add(started - spans_started.get());
        spans_stopped.add(stopped - spans_stopped.get());
    }

    fn totals(&self) -> Totals {
        let lanes = self.drain.totals();
        Totals {
            recorded: self.assembler.recorded + lanes.withheld + lanes.full + lanes.too_large,
            withheld: lanes.withheld,
            lane_full: lanes.full,
            too_large: lanes.too_large,
            malformed: self.assembler.malformed,
            processed: Processed::default(),
        }
    }

    fn say_health(&mut self) {
        self.bulletin.iter_mut().for_each(Bulletin::say_if_due);
    }

    fn flush(&mut self) {
        for outlet in &mut self.outlets {
            outlet.flush(&Ticket::new(0));
        }
    }

    fn close(&mut self, ticket: &Ticket) {
        self.drain_up_to(u64::MAX, Haste::Last);
        self.intake.drop_spare_lanes();
        let now = self.intake.clock.unix_nanos();
        let last = self.processors.finish(now);
        let totals = Totals { processed: self.processors.counts(), ..self.totals() };
        if !last.entries().is_empty() {
            send(&mut self.outlets, last.with_totals(totals));
        }
        for outlet in self.outlets.drain(..) {
            outlet.close(ticket, totals, now);
        }
    }
}

/// Sends what the processors leave of a batch.
fn pass_through(
    processors: &mut Processors,
    outlets: &mut [Outlet],
    spare: &mut SpareBatches,
    batch: Batch,
) {
    if processors.is_empty() {
        return spare.lend(send(outlets, batch));
    }
    let totals = batch.totals;
    let changed = processors.run(&batch);
    let totals = Totals { processed: processors.counts(), ..totals };
    match changed {
        // Its memory was not taken from here: kept as well, it would be more and more.
        Some(changed) => {
            send(outlets, changed.with_totals(totals));
            spare.keep(batch);
        }
        None => spare.lend(send(outlets, batch.with_totals(totals))),
    }
}

/// What synchronous mode does after each record, and with a flush.
fn pass_on_and_flush(stages: &mut Option<Box<Stages>>) {
    if let Some(stages) = stages {
        let _ours = Ours::enter();
        stages.pass_on(Haste::All);
        stages.flush();
        stages.say_health();
    }
}

fn close_stages(stages: &mut Option<Box<Stages>>) {
    if let Some(mut stages) = stages.take() {
        let _ours = Ours::enter();
        stages.close(&Ticket::new(0));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EventRecord;
    use crate::exporter::RecordKind;
    use crate::processor::{Verdict, from_fn};

    #[test]
    fn what_processors_leave_does_not_add_to_the_memory_that_is_kept() {
        let mut seen = 0;
        let most = from_fn("most", move |_| {
            seen += 1;
            if seen % 100 == 0 { Verdict::Withhold } else { Verdict::Keep }
        });
        let mut processors = Processors::new().then(most);
        let mut spare = SpareBatches::default();
        for _ in 0..5 {
            let mut batch = spare.take();
            while !batch.is_full(BATCH_BYTES) {
                batch.push_event(RecordKind::Event, &EventRecord::default());
            }
            pass_through(&mut processors, &mut [], &mut spare, batch);
            assert!(spare.len() <= 1);
        }
    }
}
