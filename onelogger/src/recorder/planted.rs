//! What macros call where they need not go through the [`Recorder`](super::Recorder) trait: a callsite
//! and its values go into the lane as they are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::place::{Subject, Under};
use super::writing::Beginning;
use super::{Configured, Direct, RecordError, Refused, Span};
use crate::data::codec::{EventFields, Given, LaneKind, Origin, put_addition, put_event};
use crate::data::{Argument, Callsite, Link, Name, Outcome};
use crate::pipeline::is_pipeline_thread;

/// A span that a macro describes. The values are made: no code of the application's own is left to run.
#[derive(Clone, Copy)]
pub(crate) struct PlantedSpan<'a> {
    pub(crate) site: &'static Callsite,
    /// What the site says of its records.
    pub(crate) origin: &'a Origin<'static>,
    pub(crate) attributes: &'a [Argument<'a>],
    pub(crate) start_attributes: &'a [Argument<'a>],
    pub(crate) links: &'a [Link],
}

impl Direct {
    /// Starts a span. What is due [afterwards](Direct::afterwards) is left to the caller, who may have
    /// to let go of something before.
    ///
    /// # Errors
    /// As for [`Recorder::start`](super::Recorder::start).
    pub(crate) fn start_planted(
        &self,
        span: &PlantedSpan<'_>,
        under: Under<'_>,
        owner: &Arc<Configured>,
    ) -> Result<Span, Refused> {
        self.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(Span::disabled());
        }
        let name = match span.origin {
            Origin::Dynamic(name) => name.name,
            Origin::Planted(_) => span.site.name(),
        };
        let catalogue = span.site.catalogue();
        self.write_start(&Beginning {
            name: &Name::from_static(name),
            under,
            owner: Some(owner),
            time: None,
            links: span.links,
            origin: *span.origin,
            attributes: Given::Values(catalogue.keys, span.attributes),
            event_attributes: Given::Values(catalogue.start_keys, span.start_attributes),
        })
    }

    /// Stops a span.
    ///
    /// # Errors
    /// As for [`Recorder::stop`](super::Recorder::stop).
    pub(crate) fn stop_planted(&self, span: &Span, outcome: Outcome) -> Result<(), Refused> {
        if span.ends_late() {
            return Err(RecordError::Closed.into());
        }
        let Some(inner) = self.own(span)? else { return Ok(()) };
        self.write_stop(inner, None, outcome, Given::Values(&[], &[]))?;
        self.afterwards()
    }

    /// Records an event, of a span or of none.
    ///
    /// # Errors
    /// If the recorder is closed.
    pub(crate) fn event_planted(
        &self,
        site: &'static Callsite,
        subject: Subject,
        attributes: &[Argument<'_>],
    ) -> Result<(), Refused> {
        let origin = site.origin();
        self.record(subject, false, |words, order| {
            let fields = EventFields {
                span: subject.span,
                is_id: subject.is_id,
                time: None,
                attributes: Given::Values(site.catalogue().keys, attributes),
                is_own: false,
            };
            put_event(words, LaneKind::Event, order, origin, &fields);
        })?;
        self.afterwards()
    }

    /// Adds an attribute to a span. No code of the application's own is left to be run for the value.
    ///
    /// # Errors
    /// As for [`Recorder::set_attributes`](super::Recorder::set_attributes).
    pub(crate) fn set_planted(
        &self,
        span: &Span,
        key: &str,
        value: &Argument<'_>,
    ) -> Result<(), Refused> {
        let Some(inner) = self.open_span(span)? else { return Ok(()) };
        let subject = Subject::own(inner);
        self.record(subject, false, |words, order| {
            put_addition(words, order, subject.span, key, value);
        })?;
        self.afterwards()
    }

    /// Does what is due after a record: in synchronous mode everything. That may call the application's
    /// logger, which may panic; a macro must not.
    ///
    /// # Errors
    /// If something has panicked.
    #[inline]
    pub(crate) fn afterwards(&self) -> Result<(), Refused> {
        match self.pipeline.get() {
            Some(pipeline) if pipeline.is_synchronous() => {
                let result = catch_unwind(AssertUnwindSafe(|| pipeline.after_record()));
                result.map_err(|_| RecordError::Panicked.into())
            }
            _ => Ok(()),
        }
    }
}
