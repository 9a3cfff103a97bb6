use std::borrow::Cow;
use std::time::SystemTime;

use onelogger::{
    Attributes, ErrorEvent, Event, InstrumentationScope, Name, Outcome, RecorderHandle, Span,
    SpanStop, Timestamp,
};
use opentelemetry::KeyValue;
use opentelemetry::trace::{self, SpanContext, Status};

use super::{clock, convert};
use crate::names::{attribute, event, semantic};

/// A span of a library that is instrumented with OpenTelemetry, recorded by onelogger.
///
/// Everything is recorded as it happens, so that the span is seen while it is open. What
/// OpenTelemetry knows and onelogger does not is an attribute or an event:
///
/// | call | record |
/// | --- | --- |
/// | `add_event("exception", …)`, `record_error` | an error |
/// | `add_event` | an event |
/// | `add_link` after the start | an event `link` with the ids |
/// | `update_name` | the attribute `onelogger.otel.span_name` |
/// | `set_status(Ok)` | the attribute `otel.status_code` with the value `OK` |
/// | `set_status(Error)` | at the end the outcome error, and an error with the description unless the last exception said the same |
///
/// The span ends when it is ended or dropped; when it is dropped by a panic, its outcome is a panic. A
/// second end, an event after the end or after the recorder was closed do nothing. A call that the
/// recorder refuses, because a time is out of its window, is counted and reported by the recorder.
#[derive(Debug)]
pub struct OtelSpan {
    context: SpanContext,
    /// `None` for a span that is not recorded or is over.
    open: Option<OpenSpan>,
}

#[derive(Debug)]
struct OpenSpan {
    recorder: RecorderHandle,
    span: Span,
    scope: InstrumentationScope,
    status: Status,
    /// What the last exception said.
    last_exception: Option<String>,
    /// The thread that started it was unwinding already: a destructor works on.
    was_panicking: bool,
}

impl OtelSpan {
    /// A span that does nothing but hand on its parent.
    pub(super) fn unrecorded(parent: SpanContext) -> OtelSpan {
        OtelSpan { context: parent, open: None }
    }

    pub(super) fn recorded(
        recorder: RecorderHandle,
        span: Span,
        context: SpanContext,
        scope: InstrumentationScope,
    ) -> OtelSpan {
        let open = OpenSpan {
            recorder,
            span,
            scope,
            status: Status::Unset,
            last_exception: None,
            was_panicking: std::thread::panicking(),
        };
        OtelSpan { context, open: Some(open) }
    }

    /// The span while something can be recorded of it.
    fn open(&mut self) -> Option<&mut OpenSpan> {
        self.open.as_mut().filter(|open| !open.span.is_stopped())
    }

    fn end_at(&mut self, time: Option<Timestamp>) {
        if let Some(open) = self.open.take() {
            open.end(time);
        }
    }
}

impl OpenSpan {
    fn set_attributes(&self, attributes: Attributes) {
        let _ = self.recorder.set_attributes(&self.span, attributes);
    }

    fn event(&self, name: Name, time: Option<Timestamp>, attributes: Attributes) {
        let scope = Some(self.scope.clone());
        let _ =
            self.recorder.event(&self.span, Event { time, attributes, scope, ..Event::new(name) });
    }

    fn error(&self, error: ErrorEvent) {
        let _ = self.recorder.error(&self.span, error.scope(self.scope.clone()));
    }

    /// An event that OpenTelemetry's conventions call `exception`.
    fn exception(&mut self, time: Option<Timestamp>, attributes: Vec<KeyValue>) {
        let mut error = ErrorEvent::new("");
        let mut rest = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let place = match attribute.key.as_str() {
                semantic::EXCEPTION_TYPE => &mut error.exception_type,
                semantic::EXCEPTION_MESSAGE => &mut error.exception_message,
                semantic::EXCEPTION_STACKTRACE => &mut error.backtrace,
                _ => {
                    rest.push(attribute);
                    continue;
                }
            };
            *place = Some(attribute.value.to_string());
        }
        let said = error.exception_message.clone().filter(|message| !message.is_empty());
        let message = said.or_else(|| error.exception_type.clone());
        error.message = message.unwrap_or_else(|| semantic::EXCEPTION.to_owned());
        error.attributes = convert::attributes(rest);
        error.time = time;
        self.last_exception.clone_from(&error.exception_message);
        self.error(error);
    }

    fn end(self, time: Option<Timestamp>) {
        let mut outcome = Outcome::Ok;
        if let Status::Error { description } = &self.status {
            outcome = Outcome::Error;
            let is_said = self.last_exception.as_deref() == Some(description);
            if !is_said && !description.is_empty() && !self.span.is_stopped() {
                let error = ErrorEvent { time, ..ErrorEvent::new(description.as_ref()) };
                self.error(error);
            }
        }
        if std::thread::panicking() && !self.was_panicking {
            outcome = Outcome::Panic;
        }
        let stop = SpanStop { time, outcome, ..SpanStop::new() };
        let _ = self.recorder.stop_with(&self.span, stop);
    }
}

impl trace::Span for OtelSpan {
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<KeyValue>) {
        self.record_event(name.into(), None, attributes);
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        self.record_event(name.into(), clock::unless_now(timestamp), attributes);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.span.is_recording())
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.set_attributes([attribute]);
    }

    fn set_attributes(&mut self, attributes: impl IntoIterator<Item = KeyValue>) {
        if let Some(open) = self.open() {
            open.set_attributes(convert::attributes(attributes));
        }
    }

    /// Once it is `Ok` it stays that; `Unset` changes nothing.
    fn set_status(&mut self, status: Status) {
        let Some(open) = self.open() else { return };
        if open.status == Status::Ok || status == Status::Unset {
            return;
        }
        if status == Status::Ok {
            open.set_attributes(Attributes::new().with(attribute::STATUS_CODE, "OK"));
        }
        open.status = status;
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        if let Some(open) = self.open() {
            let name: Cow<'static, str> = new_name.into();
            open.set_attributes(Attributes::new().with(attribute::NEW_SPAN_NAME, name));
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(open) = self.open().filter(|_| span_context.is_valid()) {
            let mut all = Attributes::new()
                .with(attribute::LINK_TRACE_ID, span_context.trace_id().to_string())
                .with(attribute::LINK_SPAN_ID, span_context.span_id().to_string());
            all.merge(convert::attributes(attributes));
            open.event(Name::from_static(event::LINK), None, all);
        }
    }

    fn end(&mut self) {
        self.end_at(None);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.end_at(clock::unless_now(timestamp));
    }
}

impl OtelSpan {
    fn record_event(
        &mut self,
        name: Cow<'static, str>,
        time: Option<Timestamp>,
        attributes: Vec<KeyValue>,
    ) {
        let Some(open) = self.open() else { return };
        match name == semantic::EXCEPTION {
            true => open.exception(time, attributes),
            false => open.event(convert::name(name), time, convert::attributes(attributes)),
        }
    }
}

impl Drop for OtelSpan {
    fn drop(&mut self) {
        self.end_at(None);
    }
}
