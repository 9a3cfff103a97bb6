//! What a configuration says of the recorder: the settings of a
//! [`DefaultRecorderBuilder`](crate::recorder::DefaultRecorderBuilder).

use super::document::{NO_FIELDS, Node, Origin, Table};
use super::processors;
use super::settings::{Reading, Settings};
use crate::data::TimeWindow;
use crate::pipeline::{DisableRule, FullPolicy};
use crate::recorder::{BuildError, DefaultRecorder, DefaultRecorderBuilder, Sampler, SpanFilter};

/// The table, and the name that problems of building have in common.
pub(super) const TABLE: &str = "recorder";

pub(super) fn read(settings: &mut Settings<'_>) -> DefaultRecorderBuilder {
    let mut builder = DefaultRecorder::builder();
    if let Some(bytes) = settings.bytes("lane_bytes") {
        builder = builder.lane_bytes(bytes);
    }
    if let Some(policy) = full_policy(settings, "lane_policy") {
        builder = builder.lane_policy(policy);
    }
    if let Some(bytes) = settings.bytes("queue_bytes") {
        builder = builder.queue_bytes(bytes);
    }
    if let Some(policy) = full_policy(settings, "queue_policy") {
        builder = builder.queue_policy(policy);
    }
    if let Some(interval) = settings.duration("drain_interval") {
        builder = builder.drain_interval(interval);
    }
    if let Some(rule) = settings.variant("disable_rule", &[], disable_rule) {
        builder = builder.disable_rule(rule);
    }
    if let Some(sampler) = sampler(settings) {
        builder = builder.sampler(sampler);
    }
    let all = [("all", SpanFilter::all())];
    if let Some(filter) = settings.variant("span_filter", &all, span_filter) {
        builder = builder.filter(filter);
    }
    if let Some(names) = settings.texts("baggage_attributes") {
        builder = builder.baggage_attributes(names);
    }
    if let Some(window) = settings.table("time_window", time_window) {
        builder = builder.time_window(window);
    }
    if let Some(every) = settings.duration("log_health_every") {
        builder = builder.log_health_every(every);
    }
    for processor in processors::read(settings) {
        builder = builder.boxed_processor(processor);
    }
    if settings.bool("synchronous") == Some(true) {
        builder = builder.synchronous();
    }
    builder
}

/// `drop_newest`, or `{block: 100ms}`.
fn full_policy(settings: &mut Settings<'_>, key: &'static str) -> Option<FullPolicy> {
    settings.variant(key, &[("drop_newest", FullPolicy::DropNewest)], |policy| {
        policy.duration("block").map(FullPolicy::Block)
    })
}

/// `{after_consecutive: 5}`, or `{after_total: 5}`.
fn disable_rule(settings: &mut Settings<'_>) -> Option<DisableRule> {
    let consecutive = settings.integer("after_consecutive").map(DisableRule::AfterConsecutive);
    let total = settings.integer("after_total").map(DisableRule::AfterTotal);
    consecutive.or(total)
}

/// `{only: […]}` and the like.
fn span_filter(settings: &mut Settings<'_>) -> Option<SpanFilter> {
    let [only, except, only_matching, except_matching] =
        ["only", "except", "only_matching", "except_matching"].map(|key| settings.texts(key));
    only.map(SpanFilter::only)
        .or_else(|| except.map(SpanFilter::except))
        .or_else(|| only_matching.map(SpanFilter::only_matching))
        .or_else(|| except_matching.map(SpanFilter::except_matching))
}

/// The names of OpenTelemetry: `always_on`, or `{traceidratio: 0.1}`.
fn sampler(settings: &mut Settings<'_>) -> Option<Sampler> {
    let words = [
        ("always_on", Sampler::AlwaysOn),
        ("always_off", Sampler::AlwaysOff),
        ("parentbased_always_on", Sampler::parent_based(Sampler::AlwaysOn)),
        ("parentbased_always_off", Sampler::parent_based(Sampler::AlwaysOff)),
    ];
    settings.variant("sampler", &words, |sampler| {
        let ratio = sampler.float("traceidratio").map(Sampler::TraceIdRatioBased);
        let below = sampler.float("parentbased_traceidratio").map(Sampler::TraceIdRatioBased);
        ratio.or_else(|| below.map(Sampler::parent_based))
    })
}

fn time_window(settings: &mut Settings<'_>) -> TimeWindow {
    let default = TimeWindow::default();
    TimeWindow {
        past: settings.duration("past").unwrap_or(default.past),
        future: settings.duration("future").unwrap_or(default.future),
    }
}

/// What the recorder itself refuses, at the fields that it is about.
pub(super) fn report(error: &BuildError, tree: &Table, root: &Origin, reading: &Reading) {
    let node = tree.get(TABLE);
    let origin = node.map_or(root, |node| &node.origin);
    let table = node.and_then(Node::table).unwrap_or(&NO_FIELDS);
    let mut settings = Settings::new(reading, table, origin, TABLE);
    for problem in &error.problems {
        match problem.split_once(": ") {
            Some((field, message)) if table.get(field).is_some() => {
                settings.problem(field, message);
            }
            _ => settings.problem("", problem),
        }
    }
}
