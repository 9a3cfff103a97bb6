//! The instrumented thread's lanes: one for each recorder that the thread has recorded with.

use std::cell::RefCell;
use std::sync::Arc;

use crate::pipeline::intake::{Intake, LaneWriter};

/// The lanes of a thread. Given back when the thread ends.
struct ThreadLanes(RefCell<Vec<(Arc<Intake>, LaneWriter)>>);

thread_local! {
    static LANES: ThreadLanes = const { ThreadLanes(RefCell::new(Vec::new())) };
}

impl Drop for ThreadLanes {
    fn drop(&mut self) {
        for (intake, writer) in self.0.get_mut().drain(..) {
            if !intake.is_inherited() {
                intake.put_back(writer);
            }
        }
    }
}

/// Calls `record` with the thread's lane for this recorder; `None` if the recorder is closed.
///
/// A thread whose thread-local state is gone already borrows a lane for the one call.
pub(super) fn with_lane<R>(
    intake: &Arc<Intake>,
    record: impl FnOnce(&mut LaneWriter) -> R,
) -> Option<R> {
    // In a cell, so that it can be called in one of two places.
    let mut record = Some(record);
    let found = LANES.try_with(|lanes| {
        let mut lanes = lanes.0.try_borrow_mut().ok()?;
        let known = lanes.iter().position(|(owner, _)| Arc::ptr_eq(owner, intake));
        let place = match known {
            Some(place) => place,
            None => {
                lanes.retain(|(_, writer)| !writer.is_sealed());
                lanes.push((Arc::clone(intake), intake.lane()?));
                lanes.len() - 1
            }
        };
        Some(record.take()?(&mut lanes[place].1))
    });
    if let Ok(Some(result)) = found {
        return Some(result);
    }
    let record = record.take()?;
    let mut lane = intake.lane()?;
    let result = record(&mut lane);
    intake.put_back(lane);
    Some(result)
}
