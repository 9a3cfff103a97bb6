//! The processors that a configuration names, for all exporters or for one.

use super::nearest::way_out;
use super::settings::Settings;
use crate::data::Attributes;
use crate::processor::{
    Condition, EditAttributes, EventStatistics, KeepIf, Processor, Processors, RateLimit,
    RecordFilter, SampleTraces, SecretKeys,
};

/// The field, in the recorder's table and in the entry of an exporter.
const FIELD: &str = "processors";

type Made = Box<dyn Processor>;
type Make = fn(&mut Settings<'_>) -> Option<Made>;

/// By the names that they have in messages.
const TYPES: &[(&str, Make)] = &[
    ("attributes", attributes),
    ("event_statistics", event_statistics),
    ("filter", filter),
    ("keep_if", keep_if),
    ("rate_limit", rate_limit),
    ("sample", sample),
    ("secret_keys", secret_keys),
];

/// A list of tables, each with a `type`.
pub(super) fn read(settings: &mut Settings<'_>) -> Vec<Made> {
    settings.tables(FIELD, one).unwrap_or_default().into_iter().flatten().collect()
}

/// The same, one after the other.
pub(super) fn chain(settings: &mut Settings<'_>) -> Processors {
    read(settings).into_iter().fold(Processors::new(), Processors::then_boxed)
}

fn one(settings: &mut Settings<'_>) -> Option<Made> {
    settings.require("type");
    let Some(name) = settings.text("type") else {
        settings.give_up();
        return None;
    };
    if let Some((_, make)) = TYPES.iter().find(|(known, _)| *known == name) {
        return make(settings);
    }
    let way_out = way_out(&name, TYPES.iter().map(|(known, _)| *known));
    settings.problem("type", format!("there is no processor `{name}`{way_out}"));
    settings.give_up();
    None
}

fn filter(settings: &mut Settings<'_>) -> Option<Made> {
    let is_only = settings.is_set("only");
    if is_only == settings.is_set("except") {
        settings.problem("", "a filter needs either `only` or `except`");
        settings.give_up();
        return None;
    }
    boxed(match is_only {
        true => RecordFilter::only(settings.parsed::<Condition>("only")?),
        false => RecordFilter::except(settings.parsed::<Condition>("except")?),
    })
}

fn attributes(settings: &mut Settings<'_>) -> Option<Made> {
    let mut edit = EditAttributes::new();
    for (name, to) in settings.attributes("rename").unwrap_or_default() {
        match to.as_str() {
            Some(to) => edit = edit.rename(name.as_str(), to.to_owned()),
            None => settings.problem("rename", format!("`{name}` needs another name")),
        }
    }
    for name in settings.texts("drop").unwrap_or_default() {
        edit = edit.drop(name);
    }
    for name in settings.texts("hash").unwrap_or_default() {
        edit = edit.hash(name);
    }
    for name in settings.texts("redact").unwrap_or_default() {
        edit = edit.redact(name);
    }
    let set: Attributes = settings.attributes("set").unwrap_or_default();
    for (name, value) in set {
        edit = edit.set(name, value);
    }
    boxed(match settings.parsed("when") {
        Some(condition) => edit.when(condition),
        None => edit,
    })
}

fn secret_keys(settings: &mut Settings<'_>) -> Option<Made> {
    let more = settings.texts("and").unwrap_or_default();
    boxed(more.into_iter().fold(SecretKeys::new(), SecretKeys::and))
}

fn rate_limit(settings: &mut Settings<'_>) -> Option<Made> {
    settings.require("per_second");
    let limit = RateLimit::per_second(settings.float("per_second").unwrap_or_default());
    boxed(match settings.integer("burst") {
        Some(burst) => limit.burst(burst),
        None => limit,
    })
}

fn sample(settings: &mut Settings<'_>) -> Option<Made> {
    settings.require("ratio");
    let ratio = settings.float("ratio")?;
    if !(0.0..=1.0).contains(&ratio) {
        settings.problem("ratio", "expected a number from 0 to 1");
    }
    boxed(SampleTraces::ratio(ratio))
}

fn keep_if(settings: &mut Settings<'_>) -> Option<Made> {
    let mut rule = KeepIf::never();
    if settings.bool("error") == Some(true) {
        rule = rule.or_error();
    }
    if let Some(duration) = settings.duration("longer_than") {
        rule = rule.or_longer_than(duration);
    }
    if let Some(condition) = settings.parsed("matches") {
        rule = rule.or(condition);
    }
    if let Some(bytes) = settings.bytes("memory") {
        rule = rule.memory(bytes);
    }
    if !["error", "longer_than", "matches"].iter().any(|key| settings.is_set(key)) {
        settings.problem("", "keeps nothing; give it `error`, `longer_than` or `matches`");
    }
    boxed(rule)
}

fn event_statistics(settings: &mut Settings<'_>) -> Option<Made> {
    settings.require("event");
    settings.require("attribute");
    let [event, attribute] =
        ["event", "attribute"].map(|key| settings.text(key).unwrap_or_default());
    let mut statistics = EventStatistics::of(event, attribute);
    if let Some(events) = settings.integer("every_events") {
        statistics = statistics.every_events(events);
    }
    if let Some(period) = settings.duration("every") {
        statistics = statistics.every(period);
    }
    if settings.bool("windowed") == Some(true) {
        statistics = statistics.windowed();
    }
    boxed(statistics)
}

fn boxed(processor: impl Processor) -> Option<Made> {
    Some(Box::new(processor))
}
