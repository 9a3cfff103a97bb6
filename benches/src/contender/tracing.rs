//! `tracing`, whose registry hands spans and events to a layer: one that counts, or the bridge to the
//! OpenTelemetry SDK.

use std::hint::black_box;

use ::opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::tally::Tally;
use super::{Delivery, Loop, Ready, Setting, opentelemetry, repeated};
use crate::Outcome;
use crate::operation::{
    BRANCHES, DEPTH, LEAVES, LIST, LOSS, Load, Operation, poll_to_end, text, yields_twice,
};

/// A registry and a layer that counts. Nothing leaves the thread.
pub(super) struct Alone(());

static DELIVERED: Tally = Tally::new();

struct Counting;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Counting {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        black_box(attributes);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        black_box(event);
        DELIVERED.add(1);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        DELIVERED.add(1);
    }
}

impl Alone {
    pub(super) fn set_up() -> Outcome<Alone> {
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(Counting);
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(Alone(()))
    }
}

impl Ready for Alone {
    fn parent(&self) -> Load {
        PARENT
    }

    fn within_parent(&self, body: impl FnOnce()) {
        within_parent(body);
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(operate(operation, run))
    }

    fn flush(&self) {}

    fn delivery(&self, load: Load) -> Delivery {
        Delivery::counted(load, DELIVERED.total())
    }
}

/// The same with the layer of `tracing-opentelemetry` in front of the SDK.
pub(super) struct WithOpenTelemetry(SdkTracerProvider);

impl WithOpenTelemetry {
    pub(super) fn set_up(setting: Setting) -> Outcome<WithOpenTelemetry> {
        let provider = opentelemetry::tracer_provider(setting);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
        let subscriber = tracing_subscriber::registry().with(LevelFilter::INFO).with(layer);
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(WithOpenTelemetry(provider))
    }
}

impl Ready for WithOpenTelemetry {
    fn parent(&self) -> Load {
        PARENT
    }

    fn within_parent(&self, body: impl FnOnce()) {
        within_parent(body);
    }

    fn operate<L: Loop>(&self, operation: Operation, run: L) -> Option<L::Output> {
        Some(operate(operation, run))
    }

    fn flush(&self) {
        let _ = self.0.force_flush();
    }

    fn delivery(&self, load: Load) -> Delivery {
        Delivery::counted(load, opentelemetry::delivered())
    }
}

const PARENT: Load = Load { spans: 1, events: 0 };

fn within_parent(body: impl FnOnce()) {
    let _parent = tracing::info_span!("parent").entered();
    body();
}

fn operate<L: Loop>(operation: Operation, run: L) -> L::Output {
    match operation {
        Operation::Span => run.run(repeated(span)),
        Operation::Attribute => run.run(repeated(attribute)),
        Operation::Span3 => run.run(repeated(span_3)),
        Operation::SpanList => run.run(repeated(span_list)),
        Operation::SpanSet => run.run(repeated(span_set)),
        Operation::Event => run.run(repeated(event)),
        Operation::Error => run.run(repeated(error)),
        Operation::Async => run.run(repeated(|_| poll_to_end(asynchronous()))),
        Operation::Nested => run.run(repeated(|_| nested(DEPTH))),
        Operation::Tree => run.run(repeated(|_| tree())),
        Operation::SpanOff => run.run(repeated(span_off)),
        Operation::Span3Off => run.run(repeated(span_3_off)),
        Operation::EventOff => run.run(repeated(event_off)),
    }
}

#[inline(always)]
fn span(_: u32) {
    let _span = tracing::info_span!("span").entered();
}

#[tracing::instrument]
fn annotated() -> u32 {
    black_box(1)
}

#[inline(always)]
fn attribute(_: u32) {
    annotated();
}

#[inline(always)]
fn span_3(i: u32) {
    let _span =
        tracing::info_span!("span", index = i64::from(i), loss = LOSS, model = text(i)).entered();
}

#[inline(always)]
fn span_list(_: u32) {
    let _span = tracing::info_span!("span", shape = ?LIST).entered();
}

#[inline(always)]
fn span_set(i: u32) {
    let span = tracing::info_span!("span", index = tracing::field::Empty).entered();
    span.record("index", i64::from(i));
}

#[inline(always)]
fn event(i: u32) {
    tracing::info!(index = i64::from(i), loss = LOSS, "event");
}

#[inline(always)]
fn error(_: u32) {
    tracing::error!("the batch is damaged");
}

#[tracing::instrument]
async fn asynchronous() {
    yields_twice().await;
}

fn nested(depth: u32) {
    let _span = tracing::info_span!("nested").entered();
    if depth > 1 {
        nested(depth - 1);
    }
}

fn tree() {
    let _root = tracing::info_span!(parent: None, "root").entered();
    for _ in 0..BRANCHES {
        let _branch = tracing::info_span!("branch").entered();
        for _ in 0..LEAVES {
            let _leaf = tracing::info_span!("leaf").entered();
        }
    }
}

// The filter lets `info` through.

#[inline(always)]
fn span_off(_: u32) {
    let _span = tracing::debug_span!("span").entered();
}

#[inline(always)]
fn span_3_off(i: u32) {
    let _span =
        tracing::debug_span!("span", index = i64::from(i), loss = LOSS, model = text(i)).entered();
}

#[inline(always)]
fn event_off(i: u32) {
    tracing::debug!(index = i64::from(i), loss = LOSS, "event");
}
