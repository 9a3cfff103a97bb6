//! Errors under OpenTelemetry's names, for both exporters.

use onelogger::exporter::RecordRef;
use onelogger::names::attribute;
use onelogger::{AttributesRef, ValueRef};

use crate::names::semantic;

/// What a span's status says of the latest error in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastError {
    pub(crate) message: String,
    pub(crate) error_type: Option<String>,
}

impl LastError {
    /// How much memory the texts take.
    pub(crate) fn text_bytes(&self) -> usize {
        self.message.len() + self.error_type.as_ref().map_or(0, String::len)
    }
}

/// What the status of a span says of an error in it; long texts are cut.
pub(crate) fn last_error(error: &RecordRef<'_>) -> LastError {
    let error_type = error.attributes().get(attribute::EXCEPTION_TYPE).and_then(text_of);
    LastError {
        message: status_message(error.attributes()).to_owned(),
        error_type: error_type.map(|error_type| short(error_type).to_owned()),
    }
}

/// A status is a line, not a report; the log record of the error has all of it.
const STATUS_BYTES: usize = 1024;

/// What a status says of an error.
pub(crate) fn status_message(error: AttributesRef<'_>) -> &str {
    short(message_of(error).unwrap_or_default())
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(STATUS_BYTES)]
}

/// The names of an error's attributes in OpenTelemetry. The message stays as well, unless it is all
/// that is known: then it is the exception's.
pub(crate) fn exception_names<'a>(
    error: AttributesRef<'a>,
) -> impl FnMut(&'a str, &ValueRef<'a>) -> Option<&'a str> {
    let has = move |name| error.get(name).is_some();
    let is_message_alone = !has(attribute::EXCEPTION_TYPE) && !has(attribute::EXCEPTION_MESSAGE);
    move |name, _| {
        let renamed = match name {
            attribute::EXCEPTION_TYPE => semantic::EXCEPTION_TYPE,
            attribute::EXCEPTION_MESSAGE => semantic::EXCEPTION_MESSAGE,
            attribute::EXCEPTION_TRACEBACK => semantic::EXCEPTION_STACKTRACE,
            attribute::ERROR_MESSAGE if is_message_alone => semantic::EXCEPTION_MESSAGE,
            name => return Some(name),
        };
        // No name stands there twice.
        Some(if has(renamed) { name } else { renamed })
    }
}

pub(crate) fn message_of(error: AttributesRef<'_>) -> Option<&str> {
    error.get(attribute::ERROR_MESSAGE).and_then(text_of)
}

fn text_of(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::String(text) => Some(text),
        _ => None,
    }
}
