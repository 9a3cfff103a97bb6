//! The short way where it is narrow: a lane that is nearly full, values that are not written as they are.

use super::{LocalNumber, Short, Way, on_the_way};
use crate::data::codec::{
    EventFields, Given, LaneKind, Origin, STOP_WORDS, StartFields, put_event, put_start,
};
use crate::data::{Argument, Callsite, TraceId};
use crate::pipeline::intake::{FullPolicy, Intake, LaneWriter};
use crate::sync::{Claim, PushError};

/// Starts a span with a look at how much room there is, and for all values, but that no code of the
/// application's own may be left to be run for them.
#[cold]
pub(crate) fn start_at_length(
    site: &'static Callsite,
    callsite: u32,
    attributes: &[Argument<'_>],
    start_attributes: &[Argument<'_>],
) -> Way<LocalNumber> {
    let started = on_the_way(|short, lane, intake| {
        let Some((parent, earliest)) = short.parent() else { return Way::Closed };
        if intake.policy == FullPolicy::DropNewest && lane.is_full(intake) {
            // Found out first, so that what is lost costs least.
            if parent == 0 {
                short.begin_trace(intake, lane.ids.next(&intake.ids));
            }
            return lose_start(short, lane, site, parent, earliest);
        }
        let raw = lane.ids.next(&intake.ids);
        if parent == 0 {
            short.begin_trace(intake, raw);
        }
        let order = lane.order(intake).max(earliest);
        lane.begin(short.trace);
        let fields = StartFields {
            is_reserved: true,
            span: raw,
            parent,
            remote_parent: false,
            time: None,
            links: &[],
            attributes: Given::Values(site.catalogue().keys, attributes),
            event_attributes: Given::Values(site.catalogue().start_keys, start_attributes),
        };
        put_start(&mut lane.scratch, order, Origin::Planted(callsite), &fields);
        if lane.is_mostly_reserved() {
            return Way::Barred;
        }
        match publish_at_length(lane, intake, short.trace, Claim::Reserve(STOP_WORDS)) {
            Some(true) => Way::Gone(short.push(site, raw, order, 0)),
            Some(false) => Way::Gone(short.push(site, parent, order, LocalNumber::LOST)),
            None => Way::Barred,
        }
    });
    started.unwrap_or(Way::Closed)
}

fn lose_start(
    short: &mut Short,
    lane: &LaneWriter,
    site: &'static Callsite,
    parent: u64,
    earliest: u64,
) -> Way<LocalNumber> {
    if lane.counts.full.add_one() {
        Way::Gone(short.push(site, parent, earliest, LocalNumber::LOST))
    } else {
        Way::Barred
    }
}

/// Publishes the record in the scratch, or counts it as lost; whether it was published. Neither where it
/// never fits, or room is waited for.
fn publish_at_length(
    lane: &mut LaneWriter,
    intake: &Intake,
    trace: TraceId,
    claim: Claim,
) -> Option<bool> {
    if lane.is_too_large() {
        return None;
    }
    match lane.publish(claim, intake, FullPolicy::DropNewest) {
        Ok(()) => {
            lane.trace = trace;
            Some(true)
        }
        Err(PushError::Full)
            if intake.policy == FullPolicy::DropNewest && lane.counts.full.add_one() =>
        {
            Some(false)
        }
        Err(_) => None,
    }
}

/// Records an event with a look at how much room there is, and for all values, but that no code of the
/// application's own may be left to be run for them.
#[cold]
pub(crate) fn event_at_length(
    site: &'static Callsite,
    callsite: u32,
    attributes: &[Argument<'_>],
) -> Way<()> {
    let recorded = on_the_way(|short, lane, intake| {
        let Some((span, earliest, is_lost)) = short.subject() else { return Way::Closed };
        if is_lost {
            return if lane.counts.full.add_one() { Way::Gone(()) } else { Way::Barred };
        }
        let fields = EventFields {
            span,
            is_id: false,
            time: None,
            attributes: Given::Values(site.catalogue().keys, attributes),
            is_own: false,
        };
        let trace = if span == 0 { lane.trace } else { short.trace };
        let order = lane.order(intake).max(earliest);
        lane.begin(trace);
        let origin = Origin::Planted(callsite);
        put_event(&mut lane.scratch, LaneKind::Event, order, origin, &fields);
        publish_at_length(lane, intake, trace, Claim::Nothing)
            .map_or(Way::Barred, |_| Way::Gone(()))
    });
    recorded.unwrap_or(Way::Closed)
}
