//! What is said once a request: whose telemetry it is, and who wrote it down.

use onelogger::Attributes;
use onelogger::exporter::Run;
use onelogger::names::attribute::APPLICATION_NAME;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::{key_value, of_value, text};
use crate::names::semantic;

/// The version that scope and resource name: ours, which moves together with the recorder's.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The given attributes. The service's name is the application's unless they hold another; what
/// they say of the SDK does not count.
pub(super) fn resource(given: &Attributes, run: &Run) -> Resource {
    let sdk = [
        (semantic::SDK_NAME, "onelogger"),
        (semantic::SDK_LANGUAGE, "rust"),
        (semantic::SDK_VERSION, VERSION),
    ];
    let mut attributes: Vec<KeyValue> = Vec::new();
    if given.get(semantic::SERVICE_NAME).is_none() {
        let application = run.resource().get(APPLICATION_NAME).map(of_value);
        let unknown = || any_value::Value::StringValue("unknown_service".to_owned());
        attributes.push(key_value(semantic::SERVICE_NAME, application.unwrap_or_else(unknown)));
    }
    let is_ours = |name: &str| sdk.iter().any(|(ours, _)| *ours == name);
    let others = given.iter().filter(|(name, _)| !is_ours(name.as_str()));
    attributes.extend(others.map(|(name, value)| key_value(name.as_str(), of_value(value))));
    attributes.extend(sdk.map(|(name, value)| text(name, value)));
    Resource { attributes, ..Resource::default() }
}

pub(super) fn scope() -> InstrumentationScope {
    let (name, version) = ("onelogger".to_owned(), VERSION.to_owned());
    InstrumentationScope { name, version, ..InstrumentationScope::default() }
}
