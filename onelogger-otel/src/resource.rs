//! The resource: what produces the telemetry, in OpenTelemetry's words.

use onelogger::exporter::Run;
use onelogger::names::attribute;
use onelogger::{Attributes, Name, Value};

use crate::names::{resource, semantic};

/// All that a resource holds: what the run says of itself, then what was given, then who writes it
/// down. Later parts come before earlier ones. The service's name is the application's unless another
/// is given.
pub(crate) fn attributes(given: &Attributes, run: &Run) -> Attributes {
    let application = run.resource().get(attribute::APPLICATION_NAME).cloned();
    let service = application.unwrap_or_else(|| Value::from("unknown_service"));
    let mut attributes = Attributes::new().with(semantic::SERVICE_NAME, service);
    attributes.merge(of_run(run.resource()));
    attributes.merge(given.clone());
    attributes.merge(sdk());
    attributes
}

/// Who writes it down: this crate, whose version moves together with the recorder's.
pub(crate) fn sdk() -> Attributes {
    Attributes::new()
        .with(semantic::SDK_NAME, "onelogger")
        .with(semantic::SDK_LANGUAGE, "rust")
        .with(semantic::SDK_VERSION, env!("CARGO_PKG_VERSION"))
}

/// What a run says of itself, under the names that it has in a resource.
pub(crate) fn of_run(run: &Attributes) -> Attributes {
    let renamed = |name: &Name| {
        Name::from_static(match name.as_str() {
            attribute::APPLICATION_NAME => resource::APPLICATION_NAME,
            attribute::APP_TYPE => resource::APP_TYPE,
            attribute::SESSION_TAG => resource::SESSION_TAG,
            attribute::WORLD_SIZE => resource::WORLD_SIZE,
            attribute::RANK => resource::RANK,
            attribute::IS_BASELINE_RUN => resource::IS_BASELINE_RUN,
            attribute::SUMMARY_DATA_SCHEMA_VERSION => resource::SUMMARY_DATA_SCHEMA_VERSION,
            _ => return name.clone(),
        })
    };
    run.iter().map(|(name, value)| (renamed(name), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_s_names_become_those_of_a_resource() {
        let run = Attributes::new()
            .with("application_name", "trainer")
            .with("session_tag", "run-42")
            .with("world_size", 8)
            .with("rank", 3)
            .with("team", "blue")
            .with("app_type", "training");
        let expected = Attributes::new()
            .with("onelogger.application_name", "trainer")
            .with("onelogger.session_tag", "run-42")
            .with("onelogger.world_size", 8)
            .with("onelogger.rank", 3)
            .with("team", "blue")
            .with("onelogger.app_type", "training");
        assert_eq!(of_run(&run), expected);
    }
}
