//! The instrumented thread's lanes: one for each recorder that the thread has recorded with.

use std::cell::RefCell;
use std::sync::Arc;

use super::Span;
use super::span::IdleSpans;
use crate::pipeline::intake::{Intake, LaneWriter};

/// The lanes of a thread. Given back when the thread ends.
struct ThreadLanes(RefCell<Vec<ThreadLane>>);

/// What a thread has of a recorder.
pub(super) struct ThreadLane {
    intake: Arc<Intake>,
    pub(super) writer: LaneWriter,
    pub(super) idle: IdleSpans,
}

impl ThreadLane {
    fn new(intake: &Arc<Intake>) -> Option<ThreadLane> {
        let writer = intake.lane()?;
        Some(ThreadLane { intake: Arc::clone(intake), writer, idle: IdleSpans::default() })
    }
}

thread_local! {
    static LANES: ThreadLanes = const { ThreadLanes(RefCell::new(Vec::new())) };
}

impl Drop for ThreadLanes {
    fn drop(&mut self) {
        for ThreadLane { intake, writer, .. } in self.0.get_mut().drain(..) {
            if !intake.is_inherited() {
                intake.put_back(writer);
            }
        }
    }
}

/// Keeps the memory of a span for the next one that the thread starts with the same recorder.
pub(super) fn keep_idle(span: Span) {
    let _ = LANES.try_with(|lanes| {
        let mut lanes = lanes.0.try_borrow_mut().ok()?;
        let intake = &span.inner()?.intake;
        let lane = lanes.iter_mut().find(|lane| Arc::ptr_eq(&lane.intake, intake))?;
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
    let found = LANES.try_with(|lanes| {
        let mut lanes = lanes.0.try_borrow_mut().ok()?;
        let known = lanes.iter().position(|lane| Arc::ptr_eq(&lane.intake, intake));
        let place = match known {
            Some(place) => place,
            None => {
                lanes.retain(|lane| !lane.writer.is_sealed());
                lanes.push(ThreadLane::new(intake)?);
                lanes.len() - 1
            }
        };
        Some(record(&mut lanes[place]))
    });
    if let Ok(Some(result)) = found {
        return Some(result);
    }
    let mut lane = ThreadLane::new(intake)?;
    let result = record(&mut lane);
    intake.put_back(lane.writer);
    Some(result)
}
