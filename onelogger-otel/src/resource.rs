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

/// What a run says of itself, under the names that it has in a resource. The application's name is
/// not in it: it becomes `service.name` where nothing else does.
pub(crate) fn of_run(run: &Attributes) -> Attributes {
    let renamed = |name: &Name| match name.as_str() {
        attribute::APPLICATION_NAME => None,
        attribute::APP_TYPE => Some(Name::from_static(resource::APP_TYPE)),
        attribute::SESSION_TAG => Some(Name::from_static(resource::SESSION_TAG)),
        attribute::WORLD_SIZE => Some(Name::from_static(resource::WORLD_SIZE)),
        attribute::RANK => Some(Name::from_static(resource::RANK)),
        attribute::IS_BASELINE_RUN => Some(Name::from_static(resource::IS_BASELINE_RUN)),
        attribute::SUMMARY_DATA_SCHEMA_VERSION => {
            Some(Name::from_static(resource::SUMMARY_DATA_SCHEMA_VERSION))
        }
        _ => Some(name.clone()),
    };
    let all = run.iter();
    all.filter_map(|(name, value)| Some((renamed(name)?, value.clone()))).collect()
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
            .with("onelogger.session_tag", "run-42")
            .with("onelogger.world_size", 8)
            .with("onelogger.rank", 3)
            .with("team", "blue")
            .with("onelogger.app_type", "training");
        assert_eq!(of_run(&run), expected);
    }
}
