//! What is said once a request: whose telemetry it is.

use onelogger::exporter::Run;
use onelogger::names::attribute::APPLICATION_NAME;
use onelogger::{Attributes, Value};

use super::attributes::all_attributes;
use crate::names::semantic;

/// `Resource { 1: attribute… }`.
const ATTRIBUTES: u32 = 1;

/// Writes the message. The given attributes: the service's name is the application's unless they hold
/// another; what they say of the SDK does not count.
pub(super) fn resource(out: &mut Vec<u8>, given: &Attributes, run: &Run) {
    let sdk = [
        (semantic::SDK_NAME, "onelogger"),
        (semantic::SDK_LANGUAGE, "rust"),
        // Ours, which moves together with the recorder's.
        (semantic::SDK_VERSION, env!("CARGO_PKG_VERSION")),
    ];
    let application = || run.resource().get(APPLICATION_NAME).cloned();
    let service = given.get(semantic::SERVICE_NAME).cloned().or_else(application);
    let service = service.unwrap_or_else(|| Value::from("unknown_service"));
    let mut attributes = Attributes::new().with(semantic::SERVICE_NAME, service);
    attributes.merge(given.clone());
    sdk.iter().for_each(|(name, _)| drop(attributes.remove(name)));
    attributes.extend(sdk);
    all_attributes(out, ATTRIBUTES, &attributes);
}
