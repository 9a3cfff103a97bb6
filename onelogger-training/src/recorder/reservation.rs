use onelogger::{Span, Timestamp};

use super::TrainingRecorder;
use crate::standard::StandardSpan;
use crate::state::Job;

/// The place of a standard span that is being started, which is given up when this is dropped: the start
/// is refused, or has panicked in code of the application's own, its logger for instance.
#[must_use = "the place is given up when this is dropped"]
pub(super) struct Reservation<'a> {
    recorder: &'a TrainingRecorder,
    standard: StandardSpan,
    is_kept: bool,
}

impl<'a> Reservation<'a> {
    /// Of a place that the caller has reserved.
    pub(super) fn new(recorder: &'a TrainingRecorder, standard: StandardSpan) -> Reservation<'a> {
        Reservation { recorder, standard, is_kept: true }
    }

    /// The span has started.
    pub(super) fn open(mut self, job: &mut Job, span: Span, started: Timestamp) {
        self.is_kept = false;
        job.slots.open(self.standard, span, started);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            self.recorder.job().slots.give_up(self.standard);
        }
    }
}
