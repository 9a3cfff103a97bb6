use std::borrow::Cow;
use std::time::SystemTime;

use onelogger::{
    Attributes, Event, InstrumentationScope, Level, Name, Span, Timestamp, TraceFlags,
};
use opentelemetry::Key;
use opentelemetry::logs::{AnyValue, LogRecord, Severity};

use super::{any_value, convert};
use crate::names::{attribute, event};

/// A log record that is being filled in; see [`OtelLoggerProvider`](super::OtelLoggerProvider).
#[derive(Clone, Debug, Default)]
pub struct OtelLogRecord {
    event_name: Option<&'static str>,
    target: Option<Cow<'static, str>>,
    timestamp: Option<SystemTime>,
    severity_text: Option<&'static str>,
    severity_number: Option<Severity>,
    body: Option<AnyValue>,
    attributes: Attributes,
    span: Option<onelogger::SpanContext>,
}

impl LogRecord for OtelLogRecord {
    fn set_event_name(&mut self, name: &'static str) {
        self.event_name = Some(name);
    }

    fn set_target<T: Into<Cow<'static, str>>>(&mut self, target: T) {
        self.target = Some(target.into());
    }

    fn set_timestamp(&mut self, timestamp: SystemTime) {
        self.timestamp = Some(timestamp);
    }

    /// The record is observed when it is recorded.
    fn set_observed_timestamp(&mut self, _timestamp: SystemTime) {}

    fn set_severity_text(&mut self, text: &'static str) {
        self.severity_text = Some(text);
    }

    fn set_severity_number(&mut self, number: Severity) {
        self.severity_number = Some(number);
    }

    fn set_body(&mut self, body: AnyValue) {
        self.body = Some(body);
    }

    fn add_attributes<I, K, V>(&mut self, attributes: I)
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<Key>,
        V: Into<AnyValue>,
    {
        for (key, value) in attributes {
            self.add_attribute(key, value);
        }
    }

    fn add_attribute<K: Into<Key>, V: Into<AnyValue>>(&mut self, key: K, value: V) {
        self.attributes.set(convert::key(key.into()), any_value::value(value.into()));
    }

    fn set_trace_context(
        &mut self,
        trace_id: opentelemetry::TraceId,
        span_id: opentelemetry::SpanId,
        trace_flags: Option<opentelemetry::TraceFlags>,
    ) {
        self.span = Some(onelogger::SpanContext {
            trace_id: convert::trace_id(trace_id),
            span_id: convert::span_id(span_id),
            is_remote: false,
            trace_flags: trace_flags
                .map_or(TraceFlags::SAMPLED, |flags| TraceFlags::from_u8(flags.to_u8())),
        });
    }
}

impl OtelLogRecord {
    /// The span that the record itself names; a disabled one if it names none.
    pub(super) fn span(&self) -> Span {
        Span::from_context(self.span.unwrap_or_default())
    }

    /// The record as an event. The target is the scope, if there is one.
    pub(super) fn into_event(self, scope: &InstrumentationScope) -> Event {
        let mut attributes = self.attributes;
        if let Some(body) = self.body {
            attributes.set(attribute::LOG_BODY, any_value::value(body));
        }
        if let Some(number) = self.severity_number {
            attributes.set(attribute::LOG_SEVERITY_NUMBER, number as i64);
        }
        if let Some(text) = self.severity_text {
            attributes.set(attribute::LOG_SEVERITY_TEXT, text);
        }
        let target = self.target.filter(|target| !target.is_empty());
        let scope = match target.map(convert::name) {
            Some(target) if target != scope.name => InstrumentationScope::new(target),
            _ => scope.clone(),
        };
        Event {
            level: level(self.severity_number),
            attributes,
            time: self.timestamp.map(Timestamp::from),
            scope: Some(scope),
            ..Event::new(Name::from_static(self.event_name.unwrap_or(event::LOG)))
        }
    }
}

fn level(severity: Option<Severity>) -> Level {
    match severity.map(|severity| severity as u8) {
        Some(1..=4) => Level::Trace,
        Some(5..=8) => Level::Debug,
        Some(13..=16) => Level::Warn,
        Some(17..) => Level::Error,
        _ => Level::Info,
    }
}
