use std::sync::{Arc, OnceLock};

use super::sampler::Sampling;
use super::span::Inner;
use super::{RecordError, Refused, Span, SpanFilter};
use crate::data::{TimeWindow, Timestamp};
use crate::pipeline::Pipeline;
use crate::pipeline::intake::Intake;

/// What it takes to write records into lanes: all of a default recorder but its exporters. Macros hold
/// on to it where they need not call the recorder.
pub(crate) struct Direct {
    pub(super) intake: Arc<Intake>,
    pub(super) filter: SpanFilter,
    pub(super) sampling: Sampling,
    pub(super) window: TimeWindow,
    pub(super) pipeline: OnceLock<Pipeline>,
}

impl Direct {
    /// The pipeline, if the recorder is open.
    pub(super) fn open_pipeline(&self) -> Result<&Pipeline, Refused> {
        if self.intake.is_closed.is_raised() || self.intake.is_inherited() {
            return Err(RecordError::Closed.into());
        }
        self.pipeline.get().ok_or_else(|| RecordError::NotConfigured.into())
    }

    pub(super) fn check_time(&self, time: Option<Timestamp>) -> Result<(), Refused> {
        if let Some(time) = time {
            let checked = self.window.check(time, self.intake.clock.unix_nanos());
            checked.map_err(RecordError::from)?;
        }
        Ok(())
    }

    /// The span's own data, if it may be used with this recorder.
    pub(super) fn own<'a>(&self, span: &'a Span) -> Result<Option<&'a Inner>, Refused> {
        match span.inner() {
            Some(inner) if !Arc::ptr_eq(&inner.intake, &self.intake) => {
                Err(RecordError::ForeignSpan { name: inner.facts.name.to_string() }.into())
            }
            inner => Ok(inner),
        }
    }

    pub(super) fn open_span<'a>(&self, span: &'a Span) -> Result<Option<&'a Inner>, Refused> {
        match self.own(span)? {
            Some(inner) if inner.is_stopped.is_raised() => {
                Err(RecordError::SpanStopped { name: inner.facts.name.to_string() }.into())
            }
            inner => Ok(inner),
        }
    }
}
