//! What is still open when the application ends, or the recorder is closed: a framework without a hook for
//! exceptions leaves its loop so.

use onelogger::names::attribute::TRUNCATED;
use onelogger::recorder::RecordError;
use onelogger::{ErrorEvent, Recorder, Span, SpanStop, Timestamp};

use super::TrainingRecorder;
use super::finish::End;
use crate::standard::StandardSpan;

impl TrainingRecorder {
    /// Stops the standard spans that are open within the application, the innermost first, at the time
    /// at which it ends. They are marked as those that the close stops.
    pub(crate) fn stop_what_is_open(&self, time: Option<Timestamp>) -> Result<(), RecordError> {
        self.cut_off(time, |standard, span| {
            let marked = self.inner.set_attributes(span, [(TRUNCATED, true)].into());
            let message = format!("span `{standard}` was open when the application ended");
            let error = ErrorEvent { time, ..ErrorEvent::new(message) };
            let told = self.inner.error(Some(span), error);
            let stopped = self.inner.stop(span, SpanStop { time, ..SpanStop::new() });
            marked.and(told).and(stopped)
        })
    }

    /// Takes out what is open within the application, the innermost first. It counts for nothing; where
    /// additions are on it tells its last figures, before `end` is called with its span.
    pub(super) fn cut_off(
        &self,
        time: Option<Timestamp>,
        end: impl Fn(StandardSpan, &Span) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let at = self.end_time(time)?.at;
        let (is_ok, world_size) = (false, self.config.world_size());
        let open = self.job().slots.innermost_first();
        let within = open.into_iter().filter(|&open| open != StandardSpan::Application);
        let mut result = Ok(());
        for standard in within {
            let mut reports = Vec::new();
            let span = {
                let mut job = self.job();
                let Some(open) = job.slots.take(standard) else { continue };
                let span = open.span.clone();
                if job.has_additions() {
                    // Of what has not ended well nothing counts, so nothing can be refused.
                    let _ =
                        End { standard, open, at, is_ok, world_size }.count(&mut job, &mut reports);
                }
                span
            };
            let told = self.tell(reports, time);
            result = result.and(told).and(end(standard, &span));
        }
        result
    }
}
