//! The way from a call into the lane of its thread.

use std::sync::Arc;

use super::place::{Subject, Under};
use super::span::{Anchor, Facts, Fate, Inner, Owner};
use super::thread::{ThreadLane, with_lane};
use super::{Configured, Direct, RecordError, Refused, Span};
use crate::data::codec::{Given, Origin, STOP_WORDS, StartFields, put_start, put_stop, short_stop};
use crate::data::{Link, Name, Outcome, SpanContext, Timestamp, TraceFlags, TraceId};
use crate::pipeline::intake::{FullPolicy, LaneCounts, LaneWriter};
use crate::pipeline::{Pipeline, is_pipeline_thread};
use crate::sync::{Claim, PushError};

/// The lane takes nothing more. The one refusal that is met on the way, and as small as can be.
struct Closed;

impl From<Closed> for Refused {
    #[cold]
    fn from(_: Closed) -> Refused {
        RecordError::Closed.into()
    }
}

/// A span that is to be started, whoever describes it.
pub(super) struct Beginning<'a> {
    pub(super) name: &'a Name,
    pub(super) under: Under<'a>,
    /// What it is started through, if that is known by now.
    pub(super) owner: Option<&'a Arc<Configured>>,
    pub(super) time: Option<Timestamp>,
    pub(super) links: &'a [Link],
    pub(super) origin: Origin<'a>,
    pub(super) attributes: Given<'a>,
    pub(super) event_attributes: Given<'a>,
}

impl Direct {
    /// Starts a span, recorded or not.
    pub(super) fn write_start(&self, span: &Beginning<'_>) -> Result<Span, Refused> {
        let is_wanted = self.filter.accepts(span.name.as_str());
        let started = with_lane(&self.intake, |lane| {
            let ThreadLane { writer, idle, .. } = lane;
            let raw = writer.ids.next(&self.intake.ids);
            let parent = span.under.context();
            let (trace, mut trace_flags) = match parent {
                Some(parent) => (parent.trace_id, parent.trace_flags.of_child()),
                None => (self.intake.ids.trace_id(raw), TraceFlags::default()),
            };
            let order = self.intake.clock.order().max(span.under.earliest(&self.intake));
            let parent_flags = || parent.map(|parent| parent.trace_flags);
            let is_sampled = self.sampling.takes(trace, parent_flags);
            if !is_sampled {
                trace_flags = trace_flags.not_sampled();
            }
            let (fate, is_reserved) = if is_wanted && is_sampled {
                self.put_start(writer, span, raw, trace, order)?
            } else {
                (Fate::Withheld, false)
            };
            count(fate, &writer.counts)?;
            let facts = Facts {
                context: SpanContext {
                    trace_id: trace,
                    span_id: self.intake.ids.span_id(raw),
                    is_remote: false,
                    trace_flags,
                },
                name: span.name.clone(),
                raw,
                anchor: match fate {
                    Fate::Recorded => Anchor::Local(raw),
                    _ => span.under.anchor(&self.intake),
                },
                order,
                lane: is_reserved.then_some(writer.id),
                fate,
            };
            Ok(idle.span(facts, &self.intake, span.owner.map(Owner::Held)))
        });
        started.unwrap_or(Err(Closed)).map_err(Refused::from)
    }

    /// Writes a start; says what became of it, and whether the lane keeps room for the stop.
    #[inline]
    fn put_start(
        &self,
        lane: &mut LaneWriter,
        span: &Beginning<'_>,
        raw: u64,
        trace: TraceId,
        order: u64,
    ) -> Result<(Fate, bool), Closed> {
        let (parent, remote_parent) = match span.under.anchor(&self.intake) {
            Anchor::Root => (0, false),
            Anchor::Local(raw) => (raw, false),
            Anchor::Remote(context) => (context.span_id.to_u64(), true),
        };
        let is_reserved = !lane.is_mostly_reserved();
        let fields = StartFields {
            is_reserved,
            span: raw,
            parent,
            remote_parent,
            time: span.time,
            links: span.links,
            attributes: span.attributes,
            event_attributes: span.event_attributes,
        };
        lane.begin(trace);
        put_start(&mut lane.scratch, order, span.origin, &fields);
        let claim = if is_reserved { Claim::Reserve(STOP_WORDS) } else { Claim::Nothing };
        match self.publish(lane, claim) {
            Ok(()) => lane.trace = trace,
            Err(PushError::Full) => return Ok((fullness(lane), false)),
            Err(PushError::Sealed) => return Err(Closed),
        }
        Ok((Fate::Recorded, is_reserved))
    }

    /// Stops a span of this recorder.
    pub(super) fn write_stop(
        &self,
        span: &Inner,
        time: Option<Timestamp>,
        outcome: Outcome,
        attributes: Given<'_>,
    ) -> Result<&Pipeline, Refused> {
        if !span.is_stopped.raise() {
            return Err(RecordError::SpanStopped { name: span.facts.name.to_string() }.into());
        }
        let pipeline = self.open_pipeline().inspect_err(|_| self.count_late_stop())?;
        let stopped = with_lane(&self.intake, |lane| match span.facts.fate {
            Fate::Recorded => {
                self.put_stop(&mut lane.writer, &span.facts, time, outcome, attributes)
            }
            fate => count(fate, &lane.writer.counts),
        });
        stopped.unwrap_or(Err(Closed)).inspect_err(|_| self.count_late_stop())?;
        Ok(pipeline)
    }

    /// Writes a stop.
    ///
    /// A stop is never lost: its own lane has room for it, and what finds no room elsewhere, or has
    /// attributes that make it too long, goes to the overflow list.
    fn put_stop(
        &self,
        lane: &mut LaneWriter,
        span: &Facts,
        time: Option<Timestamp>,
        outcome: Outcome,
        attributes: Given<'_>,
    ) -> Result<(), Closed> {
        let order = self.intake.clock.order().max(span.order + 1);
        let claim = match Some(lane.id) == span.lane {
            true => Claim::Use(STOP_WORDS),
            false => Claim::Nothing,
        };
        if let (None, Given::Values([], _)) = (time, attributes) {
            let words = short_stop(order, span.raw, outcome);
            if lane.publish_words(words, claim, &self.intake).is_some() {
                return Ok(());
            }
        }
        lane.scratch.clear();
        put_stop(&mut lane.scratch, order, span.raw, time, outcome, attributes);
        if lane.is_too_large() {
            // The attributes are lost, and counted as an addition of attributes; the stop is not.
            count(Fate::TooLarge, &lane.counts)?;
            lane.scratch.clear();
            let none = Given::Values(&[], &[]);
            put_stop(&mut lane.scratch, order, span.raw, time, outcome, none);
        }
        match lane.publish(claim, &self.intake, FullPolicy::DropNewest) {
            Ok(()) => Ok(()),
            Err(PushError::Full) => {
                let overflow = self.intake.overflow(lane.scratch.clone());
                overflow.map_err(|_| Closed)
            }
            Err(PushError::Sealed) => Err(Closed),
        }
    }

    /// The close has stopped the span already, so nothing of it is missing.
    fn count_late_stop(&self) {
        self.intake.late_stops.add(1);
    }

    /// Writes a record that belongs to a span, or to none. `is_own` says that it is one of the
    /// library's own.
    pub(super) fn record(
        &self,
        subject: Subject,
        is_own: bool,
        mut put: impl FnMut(&mut Vec<u64>, u64),
    ) -> Result<&Pipeline, Refused> {
        let pipeline = self.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(pipeline);
        }
        let published = with_lane(&self.intake, |lane| {
            let lane = &mut lane.writer;
            if subject.fate != Fate::Recorded {
                return count(subject.fate, &lane.counts);
            }
            let trace = subject.trace.unwrap_or(lane.trace);
            lane.begin(trace);
            put(&mut lane.scratch, self.intake.clock.order().max(subject.earliest));
            match self.publish(lane, Claim::Nothing) {
                Ok(()) => lane.trace = trace,
                // What the library reports is not counted, and what fills the lane says the same.
                Err(PushError::Full) if is_own => {}
                Err(PushError::Full) => count(fullness(lane), &lane.counts)?,
                Err(PushError::Sealed) => return Err(Closed),
            }
            Ok(())
        });
        published.unwrap_or(Err(Closed))?;
        Ok(pipeline)
    }

    fn publish(&self, lane: &mut LaneWriter, claim: Claim) -> Result<(), PushError> {
        // What can never fit is not waited for.
        if lane.is_too_large() {
            return Err(PushError::Full);
        }
        lane.publish(claim, &self.intake, self.intake.policy)
    }
}

/// Why the record in the scratch finds no room.
fn fullness(lane: &LaneWriter) -> Fate {
    match lane.is_too_large() {
        true => Fate::TooLarge,
        false => Fate::Lost,
    }
}

/// Counts a record that is not written, unless the recorder is closed.
fn count(fate: Fate, counts: &LaneCounts) -> Result<(), Closed> {
    let is_open = match fate {
        Fate::Recorded => true,
        Fate::Withheld => counts.withheld.add_one(),
        Fate::Lost => counts.full.add_one(),
        Fate::TooLarge => counts.too_large.add_one(),
    };
    if is_open { Ok(()) } else { Err(Closed) }
}
