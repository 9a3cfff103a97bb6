//! The application itself.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, Outcome, Span, SpanStop};

use crate::{StandardSpan, TrainingTelemetry};

impl TrainingTelemetry {
    /// Says that the application begins, which tells what run this is, and the training configuration if
    /// it is known.
    ///
    /// # Errors
    /// If it has begun already, or the time is out of the recorder's window.
    pub fn on_app_start(&self) -> Result<Span, RecordError> {
        self.start(StandardSpan::Application, Attributes::new())
    }

    /// Says that the application ends, and closes the recorder: call it last. Standard spans that are
    /// open end at the same time, marked `onelogger.truncated`; with
    /// [`additions`](crate::TrainingConfigBuilder::additions) they tell their last figures. A success of an
    /// asynchronous save that comes later is refused, so wait for these before.
    ///
    /// The close is waited for, ten seconds at most. The provider's guard, when it is dropped, waits for
    /// what takes longer.
    ///
    /// # Errors
    /// If it has not begun; the recorder is closed all the same. If the time is out of the recorder's
    /// window; then everything ends now.
    pub fn on_app_end(&self) -> Result<(), RecordError> {
        self.end_application("on_app_end", Outcome::Ok)
    }

    pub(crate) fn end_application(
        &self,
        callback: &str,
        outcome: Outcome,
    ) -> Result<(), RecordError> {
        let stopped = self.call(callback, |training, recorder| {
            let end = training.end_time(self.time())?;
            let others = training.stop_what_is_open(end.given);
            let stop = SpanStop { time: end.given, outcome, ..SpanStop::new() };
            let span = training.open_span(StandardSpan::Application);
            end.checked.and(others).and(span.and_then(|span| recorder.stop(&span, stop)))
        });
        self.close();
        stopped
    }
}
