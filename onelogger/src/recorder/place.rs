//! Where records belong: what a span hangs under, what an event is recorded of.

use std::sync::Arc;

use super::direct::Direct;
use super::span::{Anchor, Facts, Fate, Inner};
use super::{Refused, Span, SpanParent};
use crate::data::{SpanContext, TraceId};
use crate::pipeline::intake::Intake;

/// What a new span hangs under, looked at where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Under<'a>(Place<'a>);

#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Own(&'a Inner),
    /// A span of which only the ids are known.
    Known(&'a SpanContext),
}

impl<'a> Under<'a> {
    pub(crate) const ROOT: Under<'static> = Under(Place::Root);

    /// Under a disabled span it is a root.
    pub(crate) fn span(span: &'a Span) -> Under<'a> {
        match span.inner() {
            Some(inner) => Under(Place::Own(inner)),
            None => span.known_ids().map_or(Under::ROOT, Under::known),
        }
    }

    /// Under a span of which only the ids are known; where they make no sense it is a root.
    pub(crate) fn known(context: &'a SpanContext) -> Under<'a> {
        Under(if context.is_valid() { Place::Known(context) } else { Place::Root })
    }

    pub(crate) fn parent(parent: &'a SpanParent) -> Under<'a> {
        match parent {
            SpanParent::Current | SpanParent::Root => Under::ROOT,
            SpanParent::Remote(context) => Under::known(context),
            SpanParent::Span(span) => Under::span(span),
        }
    }

    /// Trace id, flags and span id of the parent.
    pub(super) fn context(self) -> Option<&'a SpanContext> {
        match self.0 {
            Place::Root => None,
            Place::Own(inner) => Some(&inner.facts.context),
            Place::Known(context) => Some(context),
        }
    }

    /// Nothing that hangs under it comes before this in the order of records.
    pub(super) fn earliest(self, intake: &Arc<Intake>) -> u64 {
        match self.0 {
            Place::Own(inner) if Arc::ptr_eq(&inner.intake, intake) => inner.facts.order + 1,
            _ => 0,
        }
    }

    /// What a span is recorded under with this intake.
    pub(super) fn anchor(self, intake: &Arc<Intake>) -> Anchor {
        match self.0 {
            Place::Root => Anchor::Root,
            Place::Own(inner) if Arc::ptr_eq(&inner.intake, intake) => inner.facts.anchor,
            Place::Own(inner) => Anchor::Remote(inner.facts.context),
            Place::Known(parent) => match intake.ids.raw(parent.span_id) {
                _ if parent.is_unrecorded() => Anchor::Root,
                Some(raw) if !parent.is_remote => Anchor::Local(raw),
                _ => Anchor::Remote(*parent),
            },
        }
    }
}

/// What an event is recorded of: as much of a span as its records must know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// `None` where there is no span.
    pub(super) trace: Option<TraceId>,
    /// A raw span id, or with `is_id` a span id; 0 where there is no span.
    pub(super) span: u64,
    pub(super) is_id: bool,
    /// Nothing that is recorded of it comes before this.
    pub(super) earliest: u64,
    /// What becomes of all that is recorded of it.
    pub(super) fate: Fate,
}

impl Subject {
    pub(crate) const NOTHING: Subject =
        Subject { trace: None, span: 0, is_id: false, earliest: 0, fate: Fate::Recorded };

    #[inline]
    pub(super) fn own(span: &Inner) -> Subject {
        let Facts { context, raw, order, fate, .. } = span.facts;
        let trace = Some(context.trace_id);
        Subject { trace, span: raw, is_id: false, earliest: order + 1, fate }
    }
}

/// Whether a span of which only the ids are known is one of this process that is held back.
fn is_withheld(span: SpanContext) -> bool {
    span.is_unrecorded() || !(span.is_remote || span.trace_flags.is_sampled())
}

impl Direct {
    /// What an event is recorded of; `None` if it is not recorded at all.
    ///
    /// # Errors
    /// If the span is stopped or belongs to another recorder.
    #[inline]
    pub(crate) fn subject(&self, span: Option<&Span>) -> Result<Option<Subject>, Refused> {
        let Some(span) = span else { return Ok(Some(Subject::NOTHING)) };
        match span.known() {
            Some(context) => Ok(Some(self.known_subject(context))),
            None => Ok(self.open_span(span)?.map(Subject::own)),
        }
    }

    fn known_subject(&self, context: SpanContext) -> Subject {
        let (span, is_id) = match self.intake.ids.raw(context.span_id) {
            Some(raw) => (raw, false),
            None => (context.span_id.to_u64(), true),
        };
        let fate = if is_withheld(context) { Fate::Withheld } else { Fate::Recorded };
        Subject { trace: Some(context.trace_id), span, is_id, earliest: 0, fate }
    }
}
