//! The ways from the pipeline to the exporters: each has a queue and a thread of its own, but in
//! synchronous mode.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Settings;
use super::intake::Intake;
use super::queue::{Queue, QueueSender, Work};
use super::threads::{Ours, spawn};
use super::ticket::Ticket;
use super::worker::Worker;
use crate::exporter::{Batch, Totals};

/// An exporter is flushed so long after the first batch that it got since the last flush.
const FLUSH_AFTER: Duration = Duration::from_millis(500);

/// Where a batch goes.
pub(super) enum Outlet {
    Inline(Box<Worker>),
    Queued(QueueSender),
}

impl Outlet {
    /// Starts an exporter's thread.
    pub(super) fn spawn(
        worker: Worker,
        intake: &Arc<Intake>,
        settings: &Settings,
    ) -> std::io::Result<Outlet> {
        let queue = Arc::new(Queue::new(settings.queue_bytes));
        let (status, theirs) = (worker.status.clone(), Arc::clone(&queue));
        let clock = Arc::clone(intake);
        spawn("onelogger-export", move || work(worker, &theirs, &clock))?;
        Ok(Outlet::Queued(QueueSender::new(queue, settings.queue_policy, status)))
    }

    /// The queue in front of the exporter's thread.
    pub(super) fn queue(&self) -> Option<Arc<Queue>> {
        match self {
            Outlet::Inline(_) => None,
            Outlet::Queued(sender) => Some(Arc::clone(&sender.queue)),
        }
    }

    pub(super) fn send(&mut self, batch: &Arc<Batch>) {
        match self {
            Outlet::Inline(worker) => worker.deliver(batch),
            Outlet::Queued(sender) => sender.send(batch),
        }
    }

    pub(super) fn flush(&mut self, ticket: &Ticket) {
        match self {
            Outlet::Inline(worker) => worker.flush(),
            Outlet::Queued(sender) => {
                ticket.expect(1);
                sender.queue.add(Work::Flush(ticket.clone()));
            }
        }
    }

    pub(super) fn close(self, ticket: &Ticket, totals: Totals, now_unix_nanos: u64) {
        match self {
            Outlet::Inline(mut worker) => worker.close(totals, now_unix_nanos),
            Outlet::Queued(sender) => {
                ticket.expect(1);
                sender.queue.add(Work::Close(ticket.clone(), totals));
            }
        }
    }
}

/// Sends a batch to all of them. Returns it: they share it.
pub(super) fn send(outlets: &mut [Outlet], batch: Batch) -> Arc<Batch> {
    let batch = Arc::new(batch);
    for outlet in outlets {
        outlet.send(&batch);
    }
    batch
}

/// An exporter's thread.
fn work(mut worker: Worker, queue: &Queue, intake: &Intake) {
    let _ours = Ours::enter();
    let mut flush_at = None;
    loop {
        let next = flush_at.into_iter().chain(worker.next_flush_at()).min();
        match queue.take(next) {
            Some(Work::Deliver(batch)) => {
                worker.deliver(&batch);
                flush_at = flush_at.or_else(|| Instant::now().checked_add(FLUSH_AFTER));
            }
            Some(Work::Flush(ticket)) => {
                worker.flush();
                ticket.done();
                flush_at = None;
            }
            Some(Work::Close(ticket, totals)) => {
                worker.close(totals, intake.clock.unix_nanos());
                ticket.done();
                return;
            }
            None => {
                worker.flush();
                flush_at = None;
            }
        }
        if flush_at.is_some_and(|at| at <= Instant::now()) {
            worker.flush();
            flush_at = None;
        }
    }
}
