//! What macros call where they need not go through the [`Recorder`](super::Recorder) trait: a callsite
//! and its values go into the lane as they are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::span::{Inner, Placed, Subject};
use super::writing::Beginning;
use super::{Configured, Direct, RecordError, Span, SpanParent};
use crate::data::codec::{EventFields, Given, LaneKind, Origin, put_event};
use crate::data::{Argument, Callsite, Link, Name, Outcome, SpanContext};
use crate::pipeline::{Pipeline, is_pipeline_thread};

/// A span that a macro describes. The values are made: no code of the application's own is left to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlantedSpan<'a> {
    pub(crate) site: &'static Callsite,
    /// `None` for the root of a trace.
    pub(crate) placed: Option<Placed>,
    pub(crate) attributes: &'a [Argument<'a>],
    pub(crate) start_attributes: &'a [Argument<'a>],
    pub(crate) links: &'a [Link],
}

impl Direct {
    /// Where a span belongs that hangs under this one; `None` for the root of a trace.
    pub(crate) fn place_under(&self, parent: &SpanParent) -> Option<Placed> {
        self.place(parent)
    }

    /// Where a span belongs that hangs under this one.
    pub(crate) fn place_under_span(&self, parent: &Span) -> Option<Placed> {
        Some(parent.inner()?.place_of_child(&self.intake))
    }

    /// Where a span belongs that hangs under one of another process.
    pub(crate) fn place_under_remote(parent: SpanContext) -> Option<Placed> {
        Placed::remote(parent)
    }

    /// Starts a span.
    ///
    /// # Errors
    /// As for [`Recorder::start`](super::Recorder::start).
    pub(crate) fn start_planted(
        &self,
        span: &PlantedSpan<'_>,
        owner: &Arc<Configured>,
    ) -> Result<Span, RecordError> {
        let pipeline = self.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(Span::disabled());
        }
        let site = span.site;
        let origin = site.origin();
        let name = match &origin {
            Origin::Dynamic(name) => name.name,
            Origin::Planted(_) => site.name(),
        };
        let catalogue = site.catalogue();
        let started = self.write_start(&Beginning {
            name: &Name::from_static(name),
            placed: span.placed,
            owner: Some(owner),
            time: None,
            links: span.links,
            origin,
            attributes: Given::Values(catalogue.keys, span.attributes),
            event_attributes: Given::Values(catalogue.start_keys, span.start_attributes),
        })?;
        afterwards(pipeline)?;
        Ok(started)
    }

    /// Stops a span.
    ///
    /// # Errors
    /// As for [`Recorder::stop`](super::Recorder::stop).
    pub(crate) fn stop_planted(&self, span: &Span, outcome: Outcome) -> Result<(), RecordError> {
        if span.ends_late() {
            return Err(RecordError::Closed);
        }
        let Some(inner) = self.own(span)? else { return Ok(()) };
        let pipeline = self.write_stop(inner, None, outcome, Given::Values(&[], &[]))?;
        afterwards(pipeline)
    }

    /// What an event must know of the open span that it belongs to; `None` if the span is disabled.
    ///
    /// # Errors
    /// If the span is stopped or belongs to another recorder.
    pub(crate) fn subject(&self, span: &Span) -> Result<Option<Subject>, RecordError> {
        Ok(self.open_span(span)?.map(Inner::subject))
    }

    /// Records an event, of a span or of none.
    ///
    /// # Errors
    /// If the recorder is closed.
    pub(crate) fn event_planted(
        &self,
        site: &'static Callsite,
        subject: Option<Subject>,
        attributes: &[Argument<'_>],
    ) -> Result<(), RecordError> {
        let origin = site.origin();
        let pipeline = self.record(subject, false, |words, order| {
            let fields = EventFields {
                span: subject.map_or(0, |subject| subject.raw),
                time: None,
                attributes: Given::Values(site.catalogue().keys, attributes),
                is_own: false,
            };
            put_event(words, LaneKind::Event, order, origin, &fields);
        })?;
        afterwards(pipeline)
    }
}

/// Does what is due after a record. In synchronous mode that may call the application's logger, which
/// may panic; a macro must not.
fn afterwards(pipeline: &Pipeline) -> Result<(), RecordError> {
    if pipeline.is_synchronous() {
        let result = catch_unwind(AssertUnwindSafe(|| pipeline.after_record()));
        return result.map_err(|_| RecordError::Panicked);
    }
    Ok(())
}
