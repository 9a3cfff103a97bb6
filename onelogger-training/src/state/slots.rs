//! Which standard spans are open: of each at most one, so this takes the same memory however long a job
//! runs.

use onelogger::recorder::RecordError;
use onelogger::{Span, Timestamp};

use crate::recorder::refused;
use crate::standard::StandardSpan;

/// A standard span that is open.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// A disabled one where the window is measured and has no span.
    pub(crate) span: Span,
    pub(crate) started: Timestamp,
    /// How many had been opened before.
    pub(crate) order: u64,
}

#[derive(Clone, Debug, Default)]
enum Slot {
    #[default]
    Idle,
    /// Somebody is starting it.
    Reserved,
    Open(Open),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    slots: [Slot; StandardSpan::ALL.len()],
    opened: u64,
}

impl Slots {
    /// Keeps the place for a span that is about to be started.
    pub(crate) fn reserve(&mut self, standard: StandardSpan) -> Result<(), RecordError> {
        let slot = &mut self.slots[standard as usize];
        match slot {
            Slot::Open(open) if !open.span.is_stopped() && !open.span.is_disabled() => {
                let reason = format!("span `{standard}` is open already; stop it first");
                return Err(refused(reason));
            }
            Slot::Reserved => {
                let reason = format!("span `{standard}` is being started by another thread");
                return Err(refused(reason));
            }
            // Idle, ended behind our back, or a window without a span that nobody can have ended.
            Slot::Idle | Slot::Open(_) => *slot = Slot::Reserved,
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, standard: StandardSpan, span: Span, started: Timestamp) {
        let order = self.opened;
        self.opened += 1;
        self.slots[standard as usize] = Slot::Open(Open { span, started, order });
    }

    pub(crate) fn get(&self, standard: StandardSpan) -> Option<&Open> {
        match &self.slots[standard as usize] {
            Slot::Open(open) => Some(open),
            Slot::Idle | Slot::Reserved => None,
        }
    }

    /// The one that is open, to be stopped or to get an event.
    pub(crate) fn expect(&self, standard: StandardSpan) -> Result<&Open, RecordError> {
        let open = self.get(standard);
        open.ok_or_else(|| refused(format!("no span `{standard}` is open; start it first")))
    }

    /// Gives up a place that is kept.
    pub(crate) fn give_up(&mut self, standard: StandardSpan) {
        self.slots[standard as usize] = Slot::Idle;
    }

    /// Takes it out.
    pub(crate) fn take(&mut self, standard: StandardSpan) -> Option<Open> {
        let slot = &mut self.slots[standard as usize];
        match std::mem::take(slot) {
            Slot::Open(open) => Some(open),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// Takes it out if it is this one.
    pub(crate) fn take_if(&mut self, standard: StandardSpan, span: &Span) -> Option<Open> {
        self.get(standard).filter(|open| open.span == *span)?;
        self.take(standard)
    }

    /// All that are open, the one that was opened last first.
    pub(crate) fn innermost_first(&self) -> Vec<StandardSpan> {
        let order = |standard: &StandardSpan| self.get(*standard).map(|open| open.order);
        let mut open: Vec<_> =
            StandardSpan::ALL.into_iter().filter(|standard| order(standard).is_some()).collect();
        open.sort_by_key(|standard| std::cmp::Reverse(order(standard)));
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_is_not_the_open_one_ends_no_other() {
        let capture = onelogger::testing::capture();
        let span = || onelogger::recorder().start("model_forward").unwrap();
        let (first, second) = (span(), span());
        let mut slots = Slots::default();
        let standard = StandardSpan::ModelForward;
        slots.open(standard, second.clone(), Timestamp::from_unix_nanos(1));
        assert!(slots.take_if(standard, &first).is_none());
        assert!(slots.take_if(standard, &second).is_some());
        assert!(slots.take_if(standard, &second).is_none());
        drop(capture);
    }
}
