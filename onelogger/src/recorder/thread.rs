//! What a thread has to record with: a lane for each recorder that it has recorded with, and what is
//! open on the [short way](super::short).

use std::cell::RefCell;
use std::sync::Arc;

use super::Span;
use super::short::{Short, leave};
use super::span::IdleSpans;
use crate::pipeline::intake::{Intake, LaneWriter};

pub(super) struct Thread {
    pub(super) lanes: Lanes,
    pub(super) short: Short,
}

/// The lanes of a thread. Given back when the thread ends.
pub(super) struct Lanes(pub(super) Vec<ThreadLane>);

/// What a thread has of a recorder.
pub(super) struct ThreadLane {
    pub(super) intake: Arc<Intake>,
    pub(super) writer: LaneWriter,
    pub(super) idle: IdleSpans,
}

impl Drop for Thread {
    fn drop(&mut self) {
        leave(self);
    }
}

impl ThreadLane {
    fn new(intake: &Arc<Intake>) -> Option<ThreadLane> {
        let writer = intake.lane()?;
        Some(ThreadLane { intake: Arc::clone(intake), writer, idle: IdleSpans::default() })
    }
}

thread_local! {
    pub(super) static THREAD: RefCell<Thread> =
        const { RefCell::new(Thread { lanes: Lanes(Vec::new()), short: Short::CLOSED }) };
}

impl Lanes {
    /// The lane for this recorder; `None` if the recorder is closed.
    #[inline]
    pub(super) fn of(&mut self, intake: &Arc<Intake>) -> Option<&mut ThreadLane> {
        let known = self.0.iter().position(|lane| Arc::ptr_eq(&lane.intake, intake));
        let place = match known {
            Some(place) => place,
            None => {
                self.0.retain(|lane| !lane.writer.is_sealed());
                self.0.push(ThreadLane::new(intake)?);
                self.0.len() - 1
            }
        };
        Some(&mut self.0[place])
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for ThreadLane { intake, writer, .. } in self.0.drain(..) {
            if !intake.is_inherited() {
                intake.put_back(writer);
            }
        }
    }
}

/// Keeps the memory of a span for the next one that the thread starts with the same recorder.
pub(super) fn keep_idle(span: Span) {
    let _ = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        let intake = &span.inner()?.intake;
        let lane = thread.lanes.0.iter_mut().find(|lane| Arc::ptr_eq(&lane.intake, intake))?;
        lane.idle.keep(span);
        Some(())
    });
}

/// Calls `record` with the thread's lane for this recorder; `None` if the recorder is closed.
///
/// A thread whose thread-local state is gone already borrows a lane for the one call. `record` is called
/// once at most; it stays where it is, because to move what it holds costs more than to write a record.
#[inline]
pub(super) fn with_lane<R>(
    intake: &Arc<Intake>,
    mut record: impl FnMut(&mut ThreadLane) -> R,
) -> Option<R> {
    let found = THREAD.try_with(|thread| {
        let mut thread = thread.try_borrow_mut().ok()?;
        Some(record(thread.lanes.of(intake)?))
    });
    if let Ok(Some(result)) = found {
        return Some(result);
    }
    let mut lane = ThreadLane::new(intake)?;
    let result = record(&mut lane);
    intake.put_back(lane.writer);
    Some(result)
}
