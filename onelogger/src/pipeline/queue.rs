//! The bounded queue between the pipeline and one exporter's thread.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::health::{QueueHealth, SharedStatus};
use super::intake::FullPolicy;
use super::ledger::LossReason;
use super::ticket::Ticket;
use crate::data::SpanId;
use crate::exporter::{Batch, Entry, RecordKind, Totals};

/// What an exporter's thread is to do next.
pub(super) enum Work {
    Deliver(Arc<Batch>),
    Flush(Ticket),
    Close(Ticket, Totals),
}

/// The queue as both sides see it.
pub(super) struct Queue {
    state: Mutex<State>,
    has_work: Condvar,
    has_room: Condvar,
    capacity_bytes: usize,
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    bytes: usize,
    /// Whether the exporter's thread waits for work, and the pipeline for room: to call somebody who does
    /// not wait is a system call as well.
    is_idle: bool,
    is_full: bool,
}

impl Queue {
    pub(super) fn new(capacity_bytes: usize) -> Queue {
        Queue {
            state: Mutex::default(),
            has_work: Condvar::new(),
            has_room: Condvar::new(),
            capacity_bytes,
        }
    }

    /// Adds what is never refused.
    pub(super) fn add(&self, work: Work) {
        let mut state = self.lock();
        match &work {
            Work::Deliver(batch) => state.bytes += batch.size_bytes(),
            // Flushes that nobody waits for any more, in front of a backend that hangs.
            Work::Flush(_) => {
                let is_given_up =
                    |work: &mut Work| matches!(work, Work::Flush(ticket) if ticket.is_given_up());
                while state.work.pop_back_if(is_given_up).is_some() {}
            }
            Work::Close(..) => {}
        }
        state.work.push_back(work);
        let is_idle = std::mem::take(&mut state.is_idle);
        // Before the call: whoever hears it takes the lock.
        drop(state);
        if is_idle {
            self.has_work.notify_one();
        }
    }

    /// How full it is.
    pub(super) fn health(&self) -> QueueHealth {
        QueueHealth { bytes: self.lock().bytes, capacity_bytes: self.capacity_bytes }
    }

    fn is_empty(&self) -> bool {
        self.lock().work.is_empty()
    }

    /// Whether there is room for a batch, after a wait of so long at most. An empty queue takes a
    /// batch of any size.
    fn has_room_for(&self, bytes: usize, patience: FullPolicy) -> bool {
        let wait = match patience {
            FullPolicy::DropNewest => Duration::ZERO,
            FullPolicy::Block(max) => max,
        };
        let deadline = Instant::now().checked_add(wait);
        let mut state = self.lock();
        while state.bytes > 0 && state.bytes + bytes > self.capacity_bytes {
            let rest = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if rest.is_zero() {
                return false;
            }
            state.is_full = true;
            (state, _) =
                self.has_room.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Takes the next piece of work; `None` if there is none until the deadline.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Option<Work> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.work.pop_front() {
                if let Work::Deliver(batch) = &work {
                    state.bytes -= batch.size_bytes();
                    let is_full = std::mem::take(&mut state.is_full);
                    drop(state);
                    if is_full {
                        self.has_room.notify_one();
                    }
                }
                return Some(work);
            }
            let rest = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if rest.is_zero() {
                return None;
            }
            state.is_idle = true;
            (state, _) =
                self.has_work.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pipeline's side of a queue.
///
/// A span whose start is in the queue has its stop delivered, though the queue be full: the number
/// of such stops is bounded by that of open spans. A span whose start found no room is lost as a
/// whole, with all that concerns it.
pub(super) struct QueueSender {
    pub(super) queue: Arc<Queue>,
    policy: FullPolicy,
    status: SharedStatus,
    /// Open spans whose starts found no room.
    shed: HashSet<SpanId>,
}

impl Drop for QueueSender {
    /// The exporter's thread ends with the pipeline, however that ends.
    fn drop(&mut self) {
        self.queue.add(Work::Close(Ticket::new(0), Totals::default()));
    }
}

impl QueueSender {
    pub(super) fn new(queue: Arc<Queue>, policy: FullPolicy, status: SharedStatus) -> QueueSender {
        QueueSender { queue, policy, status, shed: HashSet::new() }
    }

    pub(super) fn send(&mut self, batch: &Arc<Batch>) {
        let is_room = self.queue.has_room_for(batch.size_bytes(), self.policy);
        if is_room && self.shed.is_empty() {
            return self.add(Arc::clone(batch));
        }
        let mut lost = 0;
        let selected = batch.select(|entry| {
            let is_wanted = self.is_wanted(entry, is_room);
            lost += (!is_wanted && !entry.is_own) as usize;
            is_wanted
        });
        if lost > 0 {
            self.status.lock().ledger.lose(lost, LossReason::QueueFull);
        }
        let selected = selected.map_or_else(|| Arc::clone(batch), Arc::new);
        if selected.entries().is_empty() && !self.queue.is_empty() {
            // What is in the queue will tell of the loss; an empty batch would only take memory.
            self.status.lock().ledger.reach(batch.totals);
            return;
        }
        self.add(selected);
    }

    fn add(&self, mut batch: Arc<Batch>) {
        let is_roomy = batch.kept_bytes() > 4 * batch.size_bytes();
        if is_roomy && !self.queue.is_empty() {
            // What waits behind others may wait for long, and the queue counts what it uses.
            batch = Arc::new(Batch::clone(&batch));
        }
        self.queue.add(Work::Deliver(batch));
    }

    fn is_wanted(&mut self, entry: &Entry, is_room: bool) -> bool {
        match entry.kind {
            RecordKind::Start if !is_room => {
                self.shed.insert(entry.span_id);
                false
            }
            RecordKind::Stop => !self.shed.remove(&entry.span_id),
            _ => is_room && !self.shed.contains(&entry.span_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::DisableRule;

    fn batch(kind: RecordKind, span: u64) -> Arc<Batch> {
        let mut batch = Batch::default();
        batch.push(Entry { span_id: SpanId::from_u64(span), ..Entry::new(kind) });
        Arc::new(batch)
    }

    #[test]
    fn what_is_selected_still_knows_when_it_was_made() {
        let mut batch = Batch::default();
        for span in 1..=4 {
            let time_unix_nanos = 10 * span;
            let span_id = SpanId::from_u64(span);
            let entry = Entry { span_id, time_unix_nanos, ..Entry::new(RecordKind::Start) };
            // Every other one gives a time of its own.
            batch.push_made_at(entry, if span % 2 == 0 { 100 + span } else { time_unix_nanos });
        }
        let made = |batch: &Batch| -> Vec<u64> {
            (0..batch.entries().len()).map(|place| batch.made_unix_nanos(place)).collect()
        };
        assert_eq!(made(&batch), [10, 102, 30, 104]);
        let selected = batch.select(|entry| entry.span_id.to_u64() >= 3).unwrap();
        assert_eq!(made(&selected), [30, 104]);
        assert!(made(&selected.into_empty()).is_empty());
    }

    #[test]
    fn behind_a_backend_that_hangs_nothing_piles_up() {
        let queue = Arc::new(Queue::new(1));
        let status = SharedStatus::new("hangs".to_owned(), DisableRule::default());
        let mut sender =
            QueueSender::new(Arc::clone(&queue), FullPolicy::DropNewest, status.clone());
        for span in 1..1_000 {
            sender.send(&batch(RecordKind::Start, span));
            queue.add(Work::Flush(Ticket::new(1)));
            sender.send(&batch(RecordKind::Stop, span));
        }
        // The first span with its stop; a span that found no room is lost with its stop.
        assert!(queue.lock().work.len() <= 4, "{}", queue.lock().work.len());
        assert_eq!(status.lock().ledger.counts().lost(LossReason::QueueFull), 2 * 998);
        assert!(sender.shed.is_empty());
    }

    #[test]
    fn what_waits_keeps_no_memory_that_it_does_not_use() {
        let queue = Arc::new(Queue::new(1 << 20));
        let status = SharedStatus::new("hangs".to_owned(), DisableRule::default());
        let mut sender = QueueSender::new(Arc::clone(&queue), FullPolicy::DropNewest, status);
        for _ in 0..100 {
            let mut batch = Batch::with_room(1 << 20);
            batch.push(Entry::new(RecordKind::Event));
            sender.send(&Arc::new(batch));
        }
        let waiting = std::iter::from_fn(|| queue.take(Some(Instant::now())));
        let kept: Vec<usize> = waiting
            .map(|work| match work {
                Work::Deliver(batch) => batch.kept_bytes(),
                Work::Flush(_) | Work::Close(..) => 0,
            })
            .collect();
        assert_eq!(kept.len(), 100);
        assert!(kept.iter().sum::<usize>() < 4 << 20, "{kept:?}");
    }
}
