//! The OpenTelemetry SDK: batch processors, with their own settings, in front of exporters that drop
//! everything.

use std::hint::black_box;

use opentelemetry::context::FutureExt as _;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchLogProcessor, LogBatch, LogExporter, LogProcessor, SdkLogRecord, SdkLogger,
    SdkLoggerProvider,
};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};

use super::tally::Tally;
use super::{Delivery, Loop, Ready, Setting, repeated};
use crate::operation::{
    BRANCHES, DEPTH, LEAVES, LIST, LOSS, Load, Operation, poll_to_end, text, yields_twice,
};

/// An event goes through the logger, as OpenTelemetry has it.
pub(super) struct OpenTelemetry {
    spans: SdkTracerProvider,
    logs: SdkLoggerProvider,
    tracer: SdkTracer,
    logger: SdkLogger,
    is_off: bool,
}

static DELIVERED: Tally = Tally::new();

#[derive(Debug)]
struct Null;

impl SpanExporter for Null {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let events: usize = batch.iter().map(|span| span.events.len()).sum();
        DELIVERED.add(batch.len() + events);
        black_box(batch);
        Ok(())
    }
}

impl LogExporter for Null {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        DELIVERED.add(batch.iter().count());
        black_box(batch);
        Ok(())
    }
}

/// Wants no logs.
#[derive(Debug)]
struct Deaf;

impl LogProcessor for Deaf {
    fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn event_enabled(&self, _: Severity, _: &str, _: Option<&str>) -> bool {
        false
    }
}

/// The tracing half, which the bridge of `tracing` uses as well.
pub(super) fn tracer_provider(setting: Setting) -> SdkTracerProvider {
    let sampler = if setting.operation.is_off() { Sampler::AlwaysOff } else { Sampler::AlwaysOn };
    SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(Null).build())
        .with_sampler(sampler)
        // The bridge makes events of a span of what is recorded in it: here all of a burst.
        .with_max_events_per_span(1 << 16)
        .build()
}

pub(super) fn delivered() -> u64 {
    DELIVERED.total()
}

impl OpenTelemetry {
    pub(super) fn set_up(setting: Setting) -> OpenTelemetry {
        let spans = tracer_provider(setting);
        let is_off = setting.operation.is_off();
        let logs = SdkLoggerProvider::builder();
        let logs = if is_off {
            logs.with_log_processor(Deaf)
        } else {
            logs.with_log_processor(BatchLogProcessor::builder(Null).build())
        }
        .build();
        let (tracer, logger) = (spans.tracer("bench"), logs.logger("bench"));
        OpenTelemetry { spans, logs, tracer, logger, is_off }
    }

    #[inline(always)]
    fn span(&self) {
        self.tracer.in_span("span", |_| ());
    }

    #[inline(always)]
    fn span_with(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        let builder = self.tracer.span_builder("span").with_attributes(attributes);
        self.tracer.in_span_with_builder(builder, |_| ());
    }

    #[inline(always)]
    fn span_3(&self, i: u32) {
        self.span_with([
            KeyValue::new("index", i64::from(i)),
            KeyValue::new("loss", LOSS),
            KeyValue::new("model", text(i)),
        ]);
    }

    #[inline(always)]
    fn span_list(&self) {
        let list = Value::Array(Array::I64(LIST.to_vec()));
        self.span_with([KeyValue::new("shape", list)]);
    }

    #[inline(always)]
    fn span_set(&self, i: u32) {
        self.tracer.in_span("span", |context| {
            context.span().set_attribute(KeyValue::new("index", i64::from(i)));
        });
    }

    #[inline(always)]
    fn event(&self, i: u32) {
        if !self.logger.event_enabled(Severity::Info, "bench", Some("event")) {
            return;
        }
        let mut record = self.logger.create_log_record();
        record.set_event_name("event");
        record.set_severity_number(Severity::Info);
        record.add_attribute("index", i64::from(i));
        record.add_attribute("loss", LOSS);
        self.logger.emit(record);
    }

    #[inline(always)]
    fn error(&self) {
        let mut record = self.logger.create_log_record();
        record.set_severity_number(Severity::Error);
        record.set_body(AnyValue::from("the batch is damaged"));
        self.logger.emit(record);
    }

    #[inline(always)]
    fn asynchronous(&self) {
        let span = self.tracer.start("async");
        poll_to_end(yields_twice().with_context(Context::current_with_span(span)));
    }

    fn nested(&self, depth: u32) {
        self.tracer.in_span("nested", |_| {
            if depth > 1 {
                self.nested(depth - 1);
            }
        });
    }

    fn tree(&self) {
        let root = self.tracer.start_with_context("root", &Context::new());
        let _root = Context::current_with_span(root).attach();
        for _ in 0..BRANCHES {
            self.tracer.in_span("branch", |_| {
                for _ in 0..LEAVES {
                    self.tracer.in_span("leaf", |_| ());
                }
            });
        }
    }
}

impl Ready for OpenTelemetry {
    fn parent(&self) -> Load {
        Load { spans: u64::from(!self.is_off), events: 0 }
    }

    fn within_parent(&self, body: impl FnOnce()) {
        self.tracer.in_span("parent", |_| body());
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(match operation {
            Operation::Span | Operation::SpanOff => run.run(repeated(|_| self.span())),
            Operation::Attribute => return None,
            Operation::Span3 | Operation::Span3Off => run.run(repeated(|i| self.span_3(i))),
            Operation::SpanList => run.run(repeated(|_| self.span_list())),
            Operation::SpanSet => run.run(repeated(|i| self.span_set(i))),
            Operation::Event | Operation::EventOff => run.run(repeated(|i| self.event(i))),
            Operation::Error => run.run(repeated(|_| self.error())),
            Operation::Async => run.run(repeated(|_| self.asynchronous())),
            Operation::Nested => run.run(repeated(|_| self.nested(DEPTH))),
            Operation::Tree => run.run(repeated(|_| self.tree())),
        })
    }

    fn flush(&self) {
        let _ = self.spans.force_flush();
        let _ = self.logs.force_flush();
    }

    fn delivery(&self, load: Load) -> Delivery {
        Delivery::counted(load, delivered())
    }
}
