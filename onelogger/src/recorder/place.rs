//! Where records belong: what a span hangs under, what an event is recorded of.

use std::sync::Arc;

use super::span::{Anchor, Fate, Inner};
use super::{DefaultRecorder, RecordError, Span, SpanParent};
use crate::data::{SpanContext, TraceFlags, TraceId};

/// What an event is recorded of.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    Nothing,
    Own(&'a Inner),
    Known(SpanContext),
}

impl<'a> Target<'a> {
    pub(super) fn inner(self) -> Option<&'a Inner> {
        match self {
            Target::Own(inner) => Some(inner),
            Target::Nothing | Target::Known(_) => None,
        }
    }

    pub(super) fn trace(self) -> Option<TraceId> {
        match self {
            Target::Nothing => None,
            Target::Own(inner) => Some(inner.context.trace_id),
            Target::Known(context) => Some(context.trace_id),
        }
    }

    /// What becomes of all that is recorded of it.
    pub(super) fn fate(self) -> Fate {
        match self {
            Target::Own(inner) => inner.fate,
            Target::Known(context) if is_withheld(context) => Fate::Withheld,
            Target::Nothing | Target::Known(_) => Fate::Recorded,
        }
    }
}

/// Whether a span of which only the ids are known is one of this process that is held back.
fn is_withheld(span: SpanContext) -> bool {
    span.is_unrecorded() || !(span.is_remote || span.trace_flags.is_sampled())
}

impl DefaultRecorder {
    /// In which trace a new span is, with which flags, and where it hangs.
    pub(super) fn place(&self, parent: &SpanParent) -> Option<(TraceId, TraceFlags, Anchor)> {
        match parent {
            SpanParent::Current | SpanParent::Root => None,
            SpanParent::Remote(context) => self.place_below(context),
            SpanParent::Span(span) => {
                let Some(inner) = span.inner() else { return self.place_below(&span.known()?) };
                let anchor = match Arc::ptr_eq(&inner.intake, &self.intake) {
                    true => inner.anchor,
                    false => Anchor::Remote(inner.context),
                };
                Some((inner.context.trace_id, inner.context.trace_flags.of_child(), anchor))
            }
        }
    }

    /// The same below a span of which only the ids are known.
    fn place_below(&self, parent: &SpanContext) -> Option<(TraceId, TraceFlags, Anchor)> {
        let anchor = match self.intake.ids.raw(parent.span_id) {
            _ if parent.is_unrecorded() => Anchor::Root,
            Some(raw) if !parent.is_remote => Anchor::Local(raw),
            _ => Anchor::Remote(*parent),
        };
        parent.is_valid().then(|| (parent.trace_id, parent.trace_flags.of_child(), anchor))
    }

    /// The span of an event, and whether that is its id and not its raw id.
    pub(super) fn event_span(&self, target: &Target<'_>) -> (u64, bool) {
        match target {
            Target::Nothing => (0, false),
            Target::Own(inner) => (inner.raw, false),
            Target::Known(context) => match self.intake.ids.raw(context.span_id) {
                Some(raw) => (raw, false),
                None => (context.span_id.to_u64(), true),
            },
        }
    }

    /// What an event is recorded of; `None` if it is not recorded at all.
    pub(super) fn target<'a>(
        &self,
        span: Option<&'a Span>,
    ) -> Result<Option<Target<'a>>, RecordError> {
        let Some(span) = span else { return Ok(Some(Target::Nothing)) };
        Ok(match span.known() {
            Some(context) => Some(Target::Known(context)),
            None => self.open_span(span)?.map(Target::Own),
        })
    }
}
