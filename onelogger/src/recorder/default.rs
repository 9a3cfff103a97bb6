use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::place::{Subject, Under};
use super::writing::Beginning;
use super::{
    CloseError, DefaultRecorderBuilder, Direct, FlushError, OpenError, RecordError, Recorder, Span,
    SpanBuilder, SpanStop, TelemetryDataError,
};
use crate::data::codec::{Dynamic, EventFields, Given, LaneKind, Origin, put_event, put_update};
use crate::data::names::{attribute, event};
use crate::data::{Attributes, ErrorEvent, Event, InstrumentationScope, Name, Timestamp};
use crate::exporter::{Exporter, Run};
use crate::pipeline::{Health, Pipeline, Settings, is_pipeline_thread};
use crate::processor::Processors;
use crate::sync::begin_epoch;

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
    pub(super) direct: Arc<Direct>,
    pub(super) baggage_attributes: Vec<Name>,
    pub(super) settings: Settings,
    /// Taken when the recorder is opened.
    pub(super) outputs: Mutex<Option<Outputs>>,
}

/// Exporters, each with its own processors, and those that work for all.
pub(super) type Outputs = (Vec<(Box<dyn Exporter>, Processors)>, Processors);

impl DefaultRecorder {
    /// A recorder without exporters, to which they are added.
    pub fn builder() -> DefaultRecorderBuilder {
        DefaultRecorderBuilder::default()
    }

    /// Whether this is a thread of the library's own, or one that exports in synchronous mode: what happens
    /// there is not recorded, so that exporters do not feed themselves. A recorder around this one that
    /// keeps an account of something leaves it alone there.
    pub fn is_exporting_here(&self) -> bool {
        is_pipeline_thread()
    }

    /// Now, or the time that is given, on both of the recorder's clocks: for a recorder around this one
    /// that measures times of its own. A time that is given lies as far from now on the one clock as on
    /// the other; a monotonic reading that comes with it is of another clock, and says nothing here.
    ///
    /// ```
    /// use std::time::Duration;
    /// use onelogger::DefaultRecorder;
    /// let capture = onelogger::testing::capture();
    /// let recorder = onelogger::recorder();
    /// let recorder: &DefaultRecorder = recorder.find().unwrap();
    /// let before = recorder.moment(None)?;
    /// capture.clock().advance(Duration::from_millis(3));
    /// let after = recorder.moment(None)?;
    /// assert_eq!(after.unix_nanos - before.unix_nanos, 3_000_000);
    /// # Ok::<(), onelogger::recorder::RecordError>(())
    /// ```
    ///
    /// # Errors
    /// If the recorder is closed or was never opened, in a forked child too; if the time is out of the
    /// recorder's [window](DefaultRecorderBuilder::time_window).
    pub fn moment(&self, given: Option<Timestamp>) -> Result<Timestamp, RecordError> {
        self.direct.open_pipeline()?;
        let now = self.direct.intake.clock.now();
        let Some(given) = given else { return Ok(now) };
        self.direct.window.check(given, now.unix_nanos)?;
        let since = given.unix_nanos.wrapping_sub(now.unix_nanos) as i64;
        let place = |monotonic: u64| monotonic.saturating_add_signed(since);
        Ok(Timestamp { monotonic_nanos: now.monotonic_nanos.map(place), ..given })
    }
}

impl Recorder for DefaultRecorder {
    fn open(&self, run: &Run) -> Result<(), OpenError> {
        // Not held while they are opened.
        let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((exporters, processors)) = outputs else {
            return Err(OpenError::new("the recorder was opened before; build a new one"));
        };
        let run = Run {
            record_id_upper: self.direct.intake.ids.record_id_upper,
            started_unix_nanos: self.direct.intake.clock.unix_nanos(),
            ..run.clone()
        };
        let (pipeline, failures) = Pipeline::start(
            Arc::clone(&self.direct.intake),
            exporters,
            processors,
            &run,
            &self.settings,
        )
        .map_err(|error| OpenError::io("cannot start a thread", error))?;
        // Nobody else has taken the exporters, so nobody else has set it.
        let _ = self.direct.pipeline.set(pipeline);
        OpenError::exporters(failures)
    }

    fn start(&self, span: SpanBuilder) -> Result<Span, RecordError> {
        let pipeline = self.direct.open_pipeline()?;
        if is_pipeline_thread() {
            return Ok(Span::disabled());
        }
        self.direct.check_time(span.start_time)?;
        let name = Dynamic {
            name: span.name.as_str(),
            kind: span.kind,
            level: span.level,
            group: span.group.as_ref().map(Name::as_str),
            scope: span.scope.as_ref().map(InstrumentationScope::as_scope),
        };
        let started = self.direct.write_start(&Beginning {
            name: &span.name,
            under: Under::parent(&span.parent),
            owner: None,
            time: span.start_time,
            links: &span.links,
            origin: Origin::Dynamic(name),
            attributes: Given::Set(&span.attributes),
            event_attributes: Given::Set(&span.start_attributes),
        })?;
        pipeline.after_record();
        Ok(started)
    }

    fn stop(&self, span: &Span, mut stop: SpanStop) -> Result<(), RecordError> {
        if span.ends_late() {
            return Err(RecordError::Closed);
        }
        let Some(inner) = self.direct.own(span)? else { return Ok(()) };
        // The span ends in any case: one that stayed open would stay current as well.
        let checked = self.direct.check_time(stop.time);
        if checked.is_err() {
            stop.time = None;
        }
        let attributes = Given::Set(&stop.attributes);
        let pipeline = self.direct.write_stop(inner, stop.time, stop.outcome, attributes)?;
        pipeline.after_record();
        checked.map_err(RecordError::from)
    }

    fn event(&self, span: Option<&Span>, event: Event) -> Result<(), RecordError> {
        let Some(subject) = self.direct.subject(span)? else { return Ok(()) };
        self.direct.check_time(event.time)?;
        let pipeline = self.direct.record(subject, false, |words, order| {
            let fields = EventFields {
                span: subject.span,
                is_id: subject.is_id,
                time: event.time,
                attributes: Given::Set(&event.attributes),
                is_own: false,
            };
            let scope = event.scope.as_ref().map(InstrumentationScope::as_scope);
            let name = Dynamic { level: event.level, scope, ..Dynamic::named(&event.name) };
            put_event(words, LaneKind::Event, order, Origin::Dynamic(name), &fields);
        })?;
        pipeline.after_record();
        Ok(())
    }

    fn error(&self, span: Option<&Span>, error: ErrorEvent) -> Result<(), RecordError> {
        let Some(subject) = self.direct.subject(span)? else { return Ok(()) };
        self.direct.check_time(error.time)?;
        let pipeline = self.direct.record(subject, false, |words, order| {
            let fields = EventFields {
                span: subject.span,
                is_id: subject.is_id,
                time: error.time,
                attributes: Given::Set(&error.to_attributes()),
                is_own: false,
            };
            let name = Name::from_static(event::ERROR);
            let scope = error.scope.as_ref().map(InstrumentationScope::as_scope);
            let name = Dynamic { scope, ..Dynamic::named(&name) };
            put_event(words, LaneKind::Error, order, Origin::Dynamic(name), &fields);
        })?;
        pipeline.after_record();
        Ok(())
    }

    fn set_attributes(&self, span: &Span, attributes: Attributes) -> Result<(), RecordError> {
        let Some(inner) = self.direct.open_span(span)? else {
            return Ok(());
        };
        if attributes.is_empty() {
            return Ok(());
        }
        let subject = Subject::own(inner);
        let pipeline = self.direct.record(subject, false, |words, order| {
            put_update(words, order, subject.span, &attributes);
        })?;
        pipeline.after_record();
        Ok(())
    }

    fn telemetry_data_error(&self, error: TelemetryDataError) -> Result<(), RecordError> {
        let mut attributes = Attributes::new().with(attribute::ERROR_MESSAGE, error.message);
        attributes.merge(error.attributes);
        let pipeline = self.direct.record(Subject::NOTHING, error.is_own, |words, order| {
            let (attributes, is_own) = (Given::Set(&attributes), error.is_own);
            let fields = EventFields { span: 0, is_id: false, time: None, attributes, is_own };
            let name = Name::from_static(event::TELEMETRY_DATA_ERROR);
            let origin = Origin::Dynamic(Dynamic::named(&name));
            put_event(words, LaneKind::TelemetryDataError, order, origin, &fields);
        })?;
        pipeline.after_record();
        Ok(())
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let pipeline = self.direct.open_pipeline().map_err(|_| FlushError::NotOpen)?;
        if pipeline.force_flush(timeout) {
            Ok(())
        } else if self.direct.intake.is_closed.is_raised() {
            // The close came between, and has flushed.
            Err(FlushError::NotOpen)
        } else {
            Err(FlushError::TimedOut(timeout))
        }
    }

    fn close(&self, timeout: Duration) -> Result<(), CloseError> {
        if self.direct.intake.is_inherited() {
            return Ok(());
        }
        self.direct.intake.is_closed.raise();
        begin_epoch();
        match self.direct.pipeline.get().is_none_or(|pipeline| pipeline.close(timeout)) {
            true => Ok(()),
            false => Err(CloseError::TimedOut(timeout)),
        }
    }

    fn health(&self) -> Health {
        let pipeline = self.direct.pipeline.get().filter(|_| !self.direct.intake.is_inherited());
        pipeline.map(Pipeline::health).unwrap_or_default()
    }

    fn direct(&self) -> Option<&DefaultRecorder> {
        Some(self)
    }

    fn baggage_attributes(&self) -> &[Name] {
        &self.baggage_attributes
    }
}

impl Drop for DefaultRecorder {
    /// A recorder that nobody closed ends its threads all the same; nobody waits for them.
    fn drop(&mut self) {
        let _ = self.close(Duration::ZERO);
    }
}
