//! What a line of a console says, wherever it stands.

use std::fmt::Write;

use super::console_text::{self as text, Look, Style};
use super::{RecordKind, RecordRef, Run};
use crate::data::names::attribute;
use crate::data::{AttributesRef, Level, Outcome, ValueRef};

/// A line but for its place.
pub(super) struct Line {
    /// The column in front: how long it took, or when it came.
    pub(super) time: String,
    pub(super) mark: &'static str,
    pub(super) style: Style,
    pub(super) body: String,
}

/// Whose run it is.
pub(super) fn opening(look: Look, run: &Run) -> Line {
    let get = |name: &str| run.resource().get(name).map(ToString::to_string).unwrap_or_default();
    let name = text::name(&get(attribute::APPLICATION_NAME));
    let mut body = look.paint(Style::Name, name);
    let session = get(attribute::SESSION_TAG);
    if !session.is_empty() {
        let _ = write!(body, "  session {}", text::name(&session));
    }
    if let Some(rank) = run.rank() {
        let _ = write!(body, "  rank {rank}");
    }
    let _ = write!(body, "  pid {}", std::process::id());
    Line { time: String::new(), mark: "●", style: Style::Event, body }
}

/// How a span ended, if there is anything to say of that.
pub(super) fn ending(look: Look, record: &RecordRef<'_>, error: Option<&str>) -> String {
    let mut ending = String::new();
    if let Some(ValueRef::Bool(true)) = record.attributes().get(attribute::TRUNCATED) {
        let _ = write!(ending, " {}", look.paint(Style::Warning, "(truncated)"));
    }
    if record.outcome() != Outcome::Ok {
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        let outcome = format!("({}{error})", record.outcome().as_str());
        let _ = write!(ending, " {}", look.paint(outcome_style(record.outcome()), outcome));
    }
    ending
}

pub(super) fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Ok => Style::Plain,
        Outcome::Cancelled => Style::Warning,
        Outcome::Error | Outcome::Panic => Style::Failure,
    }
}

/// An event, an error or a telemetry data error.
pub(super) fn event(look: Look, record: &RecordRef<'_>, time: String) -> Line {
    let attributes = record.attributes();
    let line = |mark, style, body| Line { time, mark, style, body };
    match record.kind() {
        RecordKind::Error => {
            let texts = look.paint(Style::Failure, error_texts(attributes));
            line("!", Style::Failure, format!("{texts}{}", look.attributes(attributes, OF_ERRORS)))
        }
        RecordKind::TelemetryDataError => {
            let message = text::message(attributes, attribute::ERROR_MESSAGE);
            let message = format!("telemetry data error: {message}");
            let message = look.paint(Style::Failure, message);
            let attributes = look.attributes(attributes, OF_ERRORS);
            line("!", Style::Failure, format!("{message}{attributes}"))
        }
        _ => {
            let style = match record.level() {
                Level::Error => Style::Failure,
                Level::Warn => Style::Warning,
                Level::Info => Style::Event,
                Level::Debug | Level::Trace => Style::Aside,
            };
            let level = match record.level() {
                level @ (Level::Error | Level::Warn) => format!("{}: ", level.as_str()),
                _ => String::new(),
            };
            let name = look.paint(style, format!("{level}{}", text::name(record.name())));
            line("-", style, format!("{name}{}", look.attributes(attributes, &[])))
        }
    }
}

/// Attributes of errors that are shown in words, and the backtrace, a page that belongs into no
/// line.
const OF_ERRORS: &[&str] = &[
    attribute::ERROR_MESSAGE,
    attribute::EXCEPTION_TYPE,
    attribute::EXCEPTION_MESSAGE,
    attribute::EXCEPTION_TRACEBACK,
    attribute::EXCEPTION_SOURCES,
];

/// `message (Type: text: source: source)`, without what the message says already.
fn error_texts(attributes: AttributesRef<'_>) -> String {
    let mut texts = text::message(attributes, attribute::ERROR_MESSAGE);
    let kind = text::message(attributes, attribute::EXCEPTION_TYPE);
    let said = text::message(attributes, attribute::EXCEPTION_MESSAGE);
    let mut parts = Vec::new();
    if !texts.starts_with(&kind) {
        parts.push(kind);
    }
    if !texts.ends_with(&said) {
        parts.push(said);
    }
    if let Some(ValueRef::List(sources)) = attributes.get(attribute::EXCEPTION_SOURCES) {
        /// Errors of libraries wrap each other, and the last ones say what happened.
        const MOST_SOURCES: usize = 8;
        parts.extend(sources.iter().take(MOST_SOURCES).map(text::of_message));
    }
    if !parts.is_empty() {
        let _ = write!(texts, " ({})", parts.join(": "));
    }
    texts
}

/// The shortest that tells one error from another: its own text, its type, or what the application
/// says of it.
pub(super) fn error_in_short(record: &RecordRef<'_>) -> String {
    let names = [attribute::EXCEPTION_MESSAGE, attribute::EXCEPTION_TYPE, attribute::ERROR_MESSAGE];
    let texts = names.into_iter().map(|name| text::message(record.attributes(), name));
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// What the closing record says is missing; `None` if nothing is.
pub(super) fn totals(look: Look, record: &RecordRef<'_>) -> Option<Line> {
    let mut reasons = Vec::new();
    let (mut all, mut withheld, mut lost) = (0, 0, 0);
    for (name, value) in record.attributes().iter() {
        let ValueRef::I64(count) = value else { continue };
        match name {
            attribute::RECORDED | attribute::ADDED => all += count,
            attribute::WITHHELD => withheld = count,
            _ => {
                if let Some(reason) = name.strip_prefix(attribute::LOST_PREFIX) {
                    lost += count;
                    reasons.push(format!("{} {count}", text::name(reason)));
                }
            }
        }
    }
    let (mark, style, what) = match (lost, withheld) {
        (0, 0) => return None,
        (0, _) => ("-", Style::Aside, format!("{withheld} withheld")),
        (_, 0) => ("!", Style::Failure, format!("{lost} lost ({})", reasons.join(", "))),
        _ => {
            let reasons = reasons.join(", ");
            ("!", Style::Failure, format!("{lost} lost ({reasons}), {withheld} withheld"))
        }
    };
    let body = look.paint(style, format!("of {all} records: {what}"));
    Some(Line { time: String::new(), mark, style, body })
}
