//! What gives the traces of a job another shape, where the configuration asks for it.

use onelogger::recorder::RecordError;
use onelogger::{Attributes, Recorder, Span, SpanBuilder, SpanParent, SpanStop, Timestamp};

use super::TrainingRecorder;
use super::reservation::Reservation;
use crate::config::TraceShape;
use crate::names::{attribute, span};
use crate::standard::StandardSpan;

impl TrainingRecorder {
    /// When the job has begun, if that is known and makes sense.
    pub(super) fn job_start(&self) -> Option<Timestamp> {
        let (start, now) = (self.job_start?, self.moment(None).ok()?);
        (start.unix_nanos <= now.unix_nanos && self.moment(Some(start)).is_ok()).then_some(start)
    }

    /// Says how long the job had been running when the application came to its first word.
    pub(super) fn tell_start_up(
        &self,
        application: &Span,
        start: Timestamp,
    ) -> Result<(), RecordError> {
        let start_up = SpanBuilder::new(span::START_UP).parent(application).start_time(start);
        let start_up = self.inner.start(start_up)?;
        self.inner.stop(&start_up, SpanStop::new())
    }

    /// Puts a span that would hang under the training loop under the checkpoint interval, where traces
    /// have that shape.
    pub(super) fn within_interval(&self, span: SpanBuilder) -> SpanBuilder {
        match self.interval_of(&span) {
            Some(interval) => span.parent(&interval),
            None => span,
        }
    }

    /// The interval; a new one if a save has come to its end. `None` where another thread is making one.
    fn interval_of(&self, span: &SpanBuilder) -> Option<Span> {
        const INTERVAL: StandardSpan = StandardSpan::CheckpointInterval;
        // Read without the lock: most jobs have another shape.
        let shape = self.training_config()?.0.trace_shape;
        if shape != TraceShape::PerCheckpoint || span.name == INTERVAL.as_str() {
            return None;
        }
        let at = self.moment(span.start_time).ok()?;
        let (old, of_loop, step, place) = {
            let mut job = self.job();
            let of_loop = job.slots.get(StandardSpan::TrainingLoop)?.span.clone();
            if span.parent != SpanParent::Span(of_loop.clone()) {
                return None;
            }
            let open = job.slots.get(INTERVAL).map(|open| open.span.clone());
            if open.is_some() && !job.is_interval_over {
                return open;
            }
            let old = open.and_then(|_| job.slots.take(INTERVAL));
            job.slots.reserve(INTERVAL).ok()?;
            job.is_interval_over = false;
            (old, of_loop.context(), job.completed_overall, Reservation::new(self, INTERVAL))
        };
        let time = span.start_time;
        if let Some(old) = old {
            // Whatever becomes of it, the next one begins.
            let _ = self.inner.stop(&old.span, SpanStop { time, ..SpanStop::new() });
        }
        let new = SpanBuilder::new(INTERVAL.as_str())
            .root()
            .link(of_loop, Attributes::new())
            .with(attribute::CURRENT_ITERATION, step);
        let started = self.inner.start(SpanBuilder { start_time: time, ..new }).ok()?;
        place.open(&mut self.job(), started.clone(), at);
        Some(started)
    }
}
