use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::place::Target;
use super::producer::with_lane;
use super::sampler::Sampling;
use super::span::{Anchor, Fate, Inner};
use super::{
    CloseError, DefaultRecorderBuilder, FlushError, OpenError, RecordError, Recorder, Span,
    SpanBuilder, SpanFilter, SpanStop, TelemetryDataError,
};
use crate::data::codec::{
    Dynamic, EventFields, LaneKind, MAX_WORDS, STOP_WORDS, StartFields, put_context, put_event,
    put_start, put_stop, put_update,
};
use crate::data::names::{attribute, event};
use crate::data::{
    Attributes, ErrorEvent, Event, InstrumentationScope, Name, SpanContext, TimeWindow, Timestamp,
    TraceFlags, TraceId,
};
use crate::exporter::{Exporter, Run};
use crate::pipeline::intake::{FullPolicy, Intake, LaneCounts, LaneWriter};
use crate::pipeline::{Health, Pipeline, Settings, is_pipeline_thread};
use crate::sync::{Claim, Flag, PushError};

/// Writes records into lanes, from which a pipeline takes them to the exporters.
///
/// Built with [`DefaultRecorder::builder`], opened by configuring a provider with it. Calls come
/// from any number of threads and wait for none of them. What happens when the pipeline does not
/// keep up is the builder's [`lane_policy`](DefaultRecorderBuilder::lane_policy).
///
/// The current span is not this type's affair: a span that is started here with
/// [`SpanParent::Current`](super::SpanParent::Current) is a root. [`recorder()`](crate::recorder())
/// fills it in.
pub struct DefaultRecorder {
    pub(super) intake: Arc<Intake>,
    pub(super) filter: SpanFilter,
    pub(super) sampling: Sampling,
    pub(super) baggage_attributes: Vec<Name>,
    pub(super) window: TimeWindow,
    pub(super) settings: Settings,
    /// Taken when the recorder is opened.
    pub(super) exporters: Mutex<Option<Vec<Box<dyn Exporter>>>>,
    pub(super) pipeline: OnceLock<Pipeline>,
}

impl DefaultRecorder {
    /// A recorder without exporters, to which they are added.
    pub fn builder() -> DefaultRecorderBuilder {
        DefaultRecorderBuilder::default()
    }

    /// The pipeline, if the recorder is open.
    fn open_pipeline(&self) -> Result<&Pipeline, RecordError> {
        if self.intake.is_closed.is_raised() || self.intake.is_inherited() {
            return Err(RecordError::Closed);
        }
        self.pipeline.get().ok_or(RecordError::NotConfigured)
    }

    fn check_time(&self, time: Option<Timestamp>) -> Result<(), RecordError> {
        if let Some(time) = time {
            self.window.check(time, self.intake.clock.unix_nanos())?;
        }
        Ok(())
    }

    /// The span's own data, if it may be used with this recorder.
    fn own<'a>(&self, span: &'a Span) -> Result<Option<&'a Inner>, RecordError> {
        match span.inner() {
            Some(inner) if !Arc::ptr_eq(&inner.intake, &self.intake) => {
                Err(RecordError::ForeignSpan { name: inner.name.to_string() })
            }
            inner => Ok(inner),
        }
    }

    pub(super) fn open_span<'a>(&self, span: &'a Span) -> Result<Option<&'a Inner>, RecordError> {
        match self.own(span)? {
            Some(inner) if inner.is_stopped.is_raised() => {
                Err(RecordError::SpanStopped { name: inner.name.to_string() })
            }
            inner => Ok(inner),
        }
    }

    /// Writes a record that belongs to an open span, or to none. `is_own` says that it is one of the
    /// library's own.
    fn record(
        &self,
        target: Target<'_>,
        is_own: bool,
        put: impl FnOnce(&mut Vec<u64>, u64),
    ) -> Result<(), RecordError> {
        let pipeline = self.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(());
        }
        let published = with_lane(&self.intake, |lane| {
            if target.fate() != Fate::Recorded {
                return count(target.fate(), &lane.counts);
            }
            let trace = target.trace().unwrap_or(lane.trace);
            begin(lane, trace);
            put(&mut lane.scratch, self.order_after(target.inner()));
            match self.publish(lane, Claim::Nothing) {
                Ok(()) => lane.trace = trace,
                // What the library reports is not counted, and what fills the lane says the same.
                Err(PushError::Full) if is_own => {}
                Err(PushError::Full) => count(fullness(lane), &lane.counts)?,
                Err(PushError::Sealed) => return Err(RecordError::Closed),
            }
            Ok(())
        });
        published.unwrap_or(Err(RecordError::Closed))?;
        pipeline.after_record();
        Ok(())
    }

    /// An order word for now, and not before the start of the span.
    fn order_after(&self, span: Option<&Inner>) -> u64 {
        let order = self.intake.clock.order();
        span.map_or(order, |span| order.max(span.order + 1))
    }

    fn publish(&self, lane: &mut LaneWriter, claim: Claim) -> Result<(), PushError> {
        // What can never fit is not waited for.
        if fullness(lane) == Fate::TooLarge {
            return Err(PushError::Full);
        }
        lane.publish(claim, &self.intake, self.intake.policy)
    }
}

impl Recorder for DefaultRecorder {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        // Not held while they are opened.
        let exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(exporters) = exporters else {
            return Err(OpenError::new("the recorder was opened before; build a new one"));
        };
        let run = Run {
            record_id_upper: self.intake.ids.record_id_upper,
            started_unix_nanos: self.intake.clock.unix_nanos(),
            ..run.clone()
        };
        let (pipeline, failures) =
            Pipeline::start(Arc::clone(&self.intake), exporters, &run, &self.settings)
                .map_err(|error| OpenError::io("cannot start a thread", error))?;
        // Nobody else has taken the exporters, so nobody else has set it.
        let _ = self.pipeline.set(pipeline);
        OpenError::exporters(failures)
    }

    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        let pipeline = self.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(Span::disabled());
        }
        self.check_time(span.start_time)?;
        let placed = self.place(&span.parent);
        let is_wanted = self.filter.accepts(span.name.as_str());
        let started = with_lane(&self.intake, |lane| {
            let raw = lane.ids.next(&self.intake.ids);
            let (trace, mut trace_flags, parent) = placed.unwrap_or_else(|| {
                (self.intake.ids.trace_id(raw), TraceFlags::default(), Anchor::Root)
            });
            let order = self.intake.clock.order();
            let is_sampled = self.sampling.takes(trace, || span.parent.trace_flags());
            if !is_sampled {
                trace_flags = trace_flags.not_sampled();
            }
            let (fate, is_reserved) = if is_wanted && is_sampled {
                self.put_start(lane, &span, raw, trace, parent, order)?
            } else {
                (Fate::Withheld, false)
            };
            count(fate, &lane.counts)?;
            Ok(Span::new(Inner {
                context: SpanContext {
                    trace_id: trace,
                    span_id: self.intake.ids.span_id(raw),
                    is_remote: false,
                    trace_flags,
                },
                name: span.name,
                raw,
                anchor: if fate == Fate::Recorded { Anchor::Local(raw) } else { parent },
                order,
                lane: is_reserved.then_some(lane.id),
                fate,
                is_stopped: Flag::new(),
                intake: Arc::clone(&self.intake),
                owner: OnceLock::new(),
            }))
        });
        let started = started.unwrap_or(Err(RecordError::Closed))?;
        pipeline.after_record();
        Ok(started)
    }

    fn stop(&self, span: &Span, mut stop: SpanStop) -> Result<(), RecordError> {
        if span.ends_late() {
            return Err(RecordError::Closed);
        }
        let Some(inner) = self.own(span)? else { return Ok(()) };
        // The span ends in any case: one that stayed open would stay current as well.
        let checked = self.check_time(stop.time);
        if checked.is_err() {
            stop.time = None;
        }
        if !inner.is_stopped.raise() {
            return Err(RecordError::SpanStopped { name: inner.name.to_string() });
        }
        let pipeline = self.open_pipeline().inspect_err(|_| self.count_late_stop())?;
        let stopped = with_lane(&self.intake, |lane| match inner.fate {
            Fate::Recorded => self.put_stop(lane, inner, &stop),
            fate => count(fate, &lane.counts),
        });
        let stopped = stopped.unwrap_or(Err(RecordError::Closed));
        stopped.inspect_err(|_| self.count_late_stop())?;
        pipeline.after_record();
        checked
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        let Some(target) = self.target(span)? else { return Ok(()) };
        self.check_time(event.time)?;
        let (span, is_id) = self.event_span(&target);
        self.record(target, false, |words, order| {
            let time = event.time;
            let fields =
                EventFields { span, is_id, time, attributes: &event.attributes, is_own: false };
            let scope = event.scope.as_ref().map(InstrumentationScope::as_scope);
            let name = Dynamic { level: event.level, scope, ..Dynamic::named(&event.name) };
            put_event(words, LaneKind::Event, order, name, &fields);
        })
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        let Some(target) = self.target(span)? else { return Ok(()) };
        self.check_time(error.time)?;
        let (span, is_id) = self.event_span(&target);
        self.record(target, false, |words, order| {
            let fields = EventFields {
                span,
                is_id,
                time: error.time,
                attributes: &error.to_attributes(),
                is_own: false,
            };
            let name = Name::from_static(event::ERROR);
            let scope = error.scope.as_ref().map(InstrumentationScope::as_scope);
            let name = Dynamic { scope, ..Dynamic::named(&name) };
            put_event(words, LaneKind::Error, order, name, &fields);
        })
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        let Some(inner) = self.open_span(span)? else {
            return Ok(());
        };
        if attributes.is_empty() {
            return Ok(());
        }
        self.record(Target::Own(inner), false, |words, order| {
            put_update(words, order, inner.raw, &attributes);
        })
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        self.record(Target::Nothing, error.is_own, |words, order| {
            let mut attributes = Attributes::new().with(attribute::ERROR_MESSAGE, error.message);
            attributes.merge(error.attributes);
            let is_own = error.is_own;
            let fields =
                EventFields { span: 0, is_id: false, time: None, attributes: &attributes, is_own };
            let name = Name::from_static(event::TELEMETRY_DATA_ERROR);
            put_event(words, LaneKind::TelemetryDataError, order, Dynamic::named(&name), &fields);
        })
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let pipeline = self.open_pipeline().map_err(|_| FlushError::NotOpen)?;
        if pipeline.force_flush(timeout) {
            Ok(())
        } else if self.intake.is_closed.is_raised() {
            // The close came between, and has flushed.
            Err(FlushError::NotOpen)
        } else {
            Err(FlushError::TimedOut(timeout))
        }
    }

    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        if self.intake.is_inherited() {
            return Ok(());
        }
        self.intake.is_closed.raise();
        match self.pipeline.get().is_none_or(|pipeline| pipeline.close(timeout)) {
            true => Ok(()),
            false => Err(CloseError::TimedOut(timeout)),
        }
    }

    fn health(&self) -> Health {
        let pipeline = self.pipeline.get().filter(|_| !self.intake.is_inherited());
        pipeline.map(Pipeline::health).unwrap_or_default()
    }

    fn direct(&self) -> Option<&DefaultRecorder> {
        Some(self)
    }

    fn baggage_attributes(&self) -> &[Name] {
        &self.baggage_attributes
    }
}

impl DefaultRecorder {
    /// The close has stopped the span already, so nothing of it is missing.
    fn count_late_stop(&self) {
        self.intake.late_stops.add(1);
    }

    /// Writes a start; says what became of it, and whether the lane keeps room for the stop.
    fn put_start(
        &self,
        lane: &mut LaneWriter,
        span: &SpanBuilder,
        raw: u64,
        trace: TraceId,
        parent: Anchor,
        order: u64,
    ) -> Result<(Fate, bool), RecordError> {
        let name = Dynamic {
            name: span.name.as_str(),
            kind: span.kind,
            level: span.level,
            group: span.group.as_ref().map(Name::as_str),
            scope: span.scope.as_ref().map(InstrumentationScope::as_scope),
        };
        let (parent, remote_parent) = match parent {
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
            time: span.start_time,
            links: &span.links,
            attributes: &span.attributes,
            event_attributes: &span.start_attributes,
        };
        begin(lane, trace);
        put_start(&mut lane.scratch, order, name, &fields);
        let claim = if is_reserved { Claim::Reserve(STOP_WORDS) } else { Claim::Nothing };
        match self.publish(lane, claim) {
            Ok(()) => lane.trace = trace,
            Err(PushError::Full) => return Ok((fullness(lane), false)),
            Err(PushError::Sealed) => return Err(RecordError::Closed),
        }
        Ok((Fate::Recorded, is_reserved))
    }

    /// Writes a stop.
    ///
    /// A stop is never lost: its own lane has room for it, and what finds no room elsewhere, or has
    /// attributes that make it too long, goes to the overflow list.
    fn put_stop(
        &self,
        lane: &mut LaneWriter,
        span: &Inner,
        stop: &SpanStop,
    ) -> Result<(), RecordError> {
        let order = self.order_after(Some(span));
        let time = stop.time;
        lane.scratch.clear();
        put_stop(&mut lane.scratch, order, span.raw, time, stop.outcome, &stop.attributes);
        if fullness(lane) == Fate::TooLarge {
            // The attributes are lost, and counted as an addition of attributes; the stop is not.
            count(Fate::TooLarge, &lane.counts)?;
            lane.scratch.clear();
            let none = Attributes::new();
            put_stop(&mut lane.scratch, order, span.raw, time, stop.outcome, &none);
        }
        let claim = match Some(lane.id) == span.lane {
            true => Claim::Use(STOP_WORDS),
            false => Claim::Nothing,
        };
        match lane.publish(claim, &self.intake, FullPolicy::DropNewest) {
            Ok(()) => Ok(()),
            Err(PushError::Full) => {
                let overflow = self.intake.overflow(lane.scratch.clone());
                overflow.map_err(|_| RecordError::Closed)
            }
            Err(PushError::Sealed) => Err(RecordError::Closed),
        }
    }
}

impl Drop for DefaultRecorder {
    /// A recorder that nobody closed ends its threads all the same; nobody waits for them.
    fn drop(&mut self) {
        let _ = self.close(Duration::ZERO);
    }
}

/// Empties the scratch, and says which trace the record belongs to if that has changed.
fn begin(lane: &mut LaneWriter, trace: TraceId) {
    /// A scratch that has grown beyond this was for something exceptional.
    const LARGE_WORDS: usize = 1 << 16;
    lane.scratch.clear();
    lane.scratch.shrink_to(LARGE_WORDS);
    if trace != lane.trace {
        put_context(&mut lane.scratch, trace);
    }
}

/// Why the record in the scratch finds no room.
fn fullness(lane: &LaneWriter) -> Fate {
    match lane.scratch.len() + STOP_WORDS > lane.capacity().min(MAX_WORDS) {
        true => Fate::TooLarge,
        false => Fate::Lost,
    }
}

/// Counts a record that is not written, unless the recorder is closed.
fn count(fate: Fate, counts: &LaneCounts) -> Result<(), RecordError> {
    let is_open = match fate {
        Fate::Recorded => true,
        Fate::Withheld => counts.withheld.add_one(),
        Fate::Lost => counts.full.add_one(),
        Fate::TooLarge => counts.too_large.add_one(),
    };
    if is_open { Ok(()) } else { Err(RecordError::Closed) }
}
