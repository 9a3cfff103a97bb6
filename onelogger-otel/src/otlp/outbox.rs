//! All requests that a call leads to.

use std::collections::VecDeque;

use onelogger::ScopeRef;

use super::draft::{Draft, Extra};
use super::scopes::Scopes;
use super::signal::Signal;
use super::stake::Stake;

/// Requests that grow until they are long enough, and those that wait to be sent.
pub(super) struct Outbox {
    pub(super) scopes: Scopes,
    traces: Draft,
    logs: Draft,
    full: VecDeque<Draft>,
    /// The memory of requests that were sent.
    spare: Vec<Draft>,
    limits: Limits,
    /// Whether log records are sent at all.
    sends_logs: bool,
    /// Items that were too long.
    pub(super) oversized: Stake,
    /// Items of all calls that are not to be sent.
    pub(super) withheld: Stake,
}

/// Collectors take 4 MiB a request over gRPC unless told otherwise; this leaves room for the resource.
pub(super) const LONGEST_REQUEST: usize = (4 << 20) - (64 << 10);

/// How much goes into a request, in bytes before compression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A request that would grow beyond is closed.
    pub(super) request: usize,
    /// An item that is longer is refused: it would be by collectors too, which take 4 MiB a request
    /// over gRPC unless told otherwise.
    pub(super) item: usize,
    /// No request has more items.
    pub(super) items: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { request: 2 << 20, item: LONGEST_REQUEST, items: usize::MAX }
    }
}

/// Requests are sent one after the other: one of each signal grows, and one is on its way.
const SPARE: usize = 3;

impl Outbox {
    pub(super) fn new(limits: Limits, sends_logs: bool) -> Outbox {
        Outbox {
            scopes: Scopes::new(),
            traces: Draft::new(Signal::Traces),
            logs: Draft::new(Signal::Logs),
            full: VecDeque::new(),
            spare: Vec::new(),
            limits,
            sends_logs,
            oversized: Stake::NONE,
            withheld: Stake::NONE,
        }
    }

    /// A new call begins. Everything of the last one was taken out.
    pub(super) fn begin_call(&mut self) {
        self.scopes.begin_call();
        self.oversized = Stake::NONE;
    }

    /// Writes a span down.
    #[inline]
    pub(super) fn span(
        &mut self,
        scope: Option<ScopeRef<'_>>,
        stake: Stake,
        span: impl FnOnce(&mut Vec<u8>),
    ) {
        let scope = self.scopes.number(scope);
        let (start, length) = self.traces.write(scope, span);
        self.close(Signal::Traces, stake, (scope, start, length));
    }

    /// Writes a log record down.
    #[inline]
    pub(super) fn log(
        &mut self,
        scope: Option<ScopeRef<'_>>,
        stake: Stake,
        log: impl FnOnce(&mut Vec<u8>),
    ) {
        if !self.sends_logs {
            self.withheld = self.withheld.plus(stake, 1);
            return;
        }
        let scope = self.scopes.number(scope);
        let (start, length) = self.logs.write(scope, log);
        self.close(Signal::Logs, stake, (scope, start, length));
    }

    /// Writes a log record down that no record has made.
    pub(super) fn extra(&mut self, extra: Extra, log: impl FnOnce(&mut Vec<u8>)) {
        if self.sends_logs {
            self.log(None, Stake::NONE, log);
            self.logs.extras.push(extra);
        }
    }

    /// Looks where the last item, which was written at the end of a request, belongs.
    #[inline]
    fn close(&mut self, signal: Signal, stake: Stake, item: (usize, usize, usize)) {
        let limits = self.limits;
        let draft = self.draft(signal);
        let is_short = draft.bytes() <= limits.request && draft.stakes.items() < limits.items;
        let has_place = is_short || draft.stakes.is_empty();
        if has_place && item.2 <= limits.item {
            draft.stakes.push(stake);
        } else {
            self.move_last(signal, stake, item);
        }
    }

    fn draft(&mut self, signal: Signal) -> &mut Draft {
        match signal {
            Signal::Traces => &mut self.traces,
            Signal::Logs | Signal::Metrics => &mut self.logs,
        }
    }

    /// Takes the last item out of a request: away if it is too long, else into the next request.
    #[cold]
    fn move_last(
        &mut self,
        signal: Signal,
        stake: Stake,
        (scope, start, length): (usize, usize, usize),
    ) {
        if length > self.limits.item {
            self.oversized = self.oversized.plus(stake, 1);
            return self.draft(signal).take_last(scope, start, None);
        }
        let mut next = self.next(signal);
        let draft = self.draft(signal);
        draft.take_last(scope, start, Some(&mut next));
        next.stakes.push(stake);
        let full = std::mem::replace(draft, next);
        self.full.push_back(full);
    }

    fn next(&mut self, signal: Signal) -> Draft {
        let mut next = self.spare.pop().unwrap_or_else(|| Draft::new(signal));
        next.signal = signal;
        next
    }

    /// A request that has grown long enough.
    #[inline]
    pub(super) fn take_full(&mut self) -> Option<Draft> {
        self.full.pop_front()
    }

    /// Any request, however long it has grown.
    pub(super) fn take_any(&mut self) -> Option<Draft> {
        if let Some(full) = self.take_full() {
            return Some(full);
        }
        let signals = [Signal::Traces, Signal::Logs];
        let signal = signals.into_iter().find(|signal| !self.draft(*signal).is_empty())?;
        let next = self.next(signal);
        Some(std::mem::replace(self.draft(signal), next))
    }

    /// Takes back what was sent.
    pub(super) fn put_back(&mut self, mut draft: Draft) {
        if self.spare.len() < SPARE {
            draft.clear();
            self.spare.push(draft);
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
