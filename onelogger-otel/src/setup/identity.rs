//! Whose telemetry it is: the resource, from all that is known of it.

use onelogger::names::attribute;
use onelogger::{Attributes, OneLoggerConfig, Value};
use opentelemetry_sdk::Resource;

use super::environment::Environment;
use crate::names::semantic::{ENVIRONMENT_NAME, SCHEMA_URL, SERVICE_INSTANCE_ID, SERVICE_NAME};
use crate::otlp::ids::random;
use crate::resource::of_run;
use crate::sdk_exporter::key_value;

/// A resource, and what there is to say of it.
pub(super) struct Identity {
    pub(super) resource: Attributes,
    pub(super) warnings: Vec<String>,
}

/// What the service is called: as was given to the set-up, as the environment says, as the
/// application, as the program, in this order. `None` stands for the last.
pub(super) fn service_name(
    environment: &Environment,
    config: Option<&OneLoggerConfig>,
    given: &Attributes,
) -> Option<String> {
    let given = given.get(SERVICE_NAME).and_then(Value::as_str).map(str::to_owned);
    let application = || config.map(|config| config.application_name().to_owned());
    given.or_else(|| environment.service_name.clone()).or_else(application)
}

/// Later sources come before earlier ones: what was detected, the environment, the configuration,
/// what was given to the set-up.
pub(super) fn identity(
    name: Option<&str>,
    environment: &Environment,
    config: &OneLoggerConfig,
    given: &Attributes,
    detected: Attributes,
) -> Identity {
    let mut warnings = Vec::new();
    if name.is_none() {
        let program = program();
        warnings.push(format!(
            "the service has no name and is called `{program}`; set OTEL_SERVICE_NAME"
        ));
    }
    let name = name.map_or_else(program, str::to_owned);
    // It comes first, where people look for it.
    let mut resource = Attributes::new().with(SERVICE_NAME, &name);
    for part in [detected, environment.resource.clone(), of_config(config), given.clone()] {
        resource.merge(part);
    }
    resource.set(SERVICE_NAME, &name);
    if resource.get(SERVICE_INSTANCE_ID).is_none() {
        resource.set(SERVICE_INSTANCE_ID, random_uuid());
    }
    if resource.get(ENVIRONMENT_NAME).is_none()
        && let Some(stage) = stage_in(&name)
    {
        warnings.push(format!(
            "the service's name ends in `-{stage}`; leave that to {ENVIRONMENT_NAME} (ENVIRONMENT, \
             OTEL_RESOURCE_ATTRIBUTES), so that it is one service in all environments"
        ));
    }
    Identity { resource, warnings }
}

/// What a configuration says, as a run would.
fn of_config(config: &OneLoggerConfig) -> Attributes {
    let mut run = Attributes::new()
        .with(attribute::APPLICATION_NAME, config.application_name())
        .with(attribute::SESSION_TAG, config.session_tag())
        .with(attribute::WORLD_SIZE, config.world_size())
        .with(attribute::IS_BASELINE_RUN, config.is_baseline_run())
        .with(attribute::SUMMARY_DATA_SCHEMA_VERSION, config.summary_data_schema_version());
    run.merge(config.custom_metadata().clone());
    if let Some(telemetry) = config.telemetry_config() {
        run.set(attribute::APP_TYPE, telemetry.app_type.as_str());
        run.merge(telemetry.custom_metadata.clone());
    }
    of_run(&run)
}

/// The file name of the program, as OpenTelemetry's specification wants it.
pub(super) fn program() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(|path| path.file_stem());
    let name = name.map(|name| format!("unknown_service:{}", name.to_string_lossy()));
    name.unwrap_or_else(|| "unknown_service".to_owned())
}

/// The environment that the name of a service ends in.
fn stage_in(name: &str) -> Option<&'static str> {
    const STAGES: [&str; 8] =
        ["prod", "production", "staging", "stage", "test", "dev", "development", "qa"];
    let (_, last) = name.rsplit_once(['-', '_', '.'])?;
    STAGES.into_iter().find(|stage| last.eq_ignore_ascii_case(stage))
}

/// A UUID of version 4.
fn random_uuid() -> String {
    let (upper, lower) = (random() & !0xf000 | 0x4000, random() & !(3 << 62) | 1 << 63);
    let (a, b, c) = (upper >> 32, upper >> 16 & 0xffff, upper & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", lower >> 48, lower & 0xffff_ffff_ffff)
}

/// The same for the SDK.
pub(super) fn sdk_resource(resource: &Attributes) -> Resource {
    let all = resource.iter().map(|(name, value)| key_value(name.as_str(), value.clone()));
    Resource::builder_empty().with_schema_url(all, SCHEMA_URL).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &'static [(&str, &str)]) -> Environment {
        Environment::read(&|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn config() -> OneLoggerConfig {
        let builder = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(8);
        builder.metadata("team", "blue").build().unwrap()
    }

    fn text<'a>(identity: &'a Identity, name: &str) -> &'a str {
        identity.resource.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    #[test]
    fn the_name_of_the_service_has_four_sources() {
        const SERVICE: &[(&str, &str)] = &[("OTEL_SERVICE_NAME", "api")];
        let (set, unset, config) = (environment(SERVICE), environment(&[]), config());
        let (given, nothing) = (Attributes::new().with(SERVICE_NAME, "given"), Attributes::new());
        let name = |environment, config, given| service_name(environment, config, given);
        assert_eq!(name(&set, Some(&config), &given).as_deref(), Some("given"));
        assert_eq!(name(&set, Some(&config), &nothing).as_deref(), Some("api"));
        assert_eq!(name(&unset, Some(&config), &nothing).as_deref(), Some("trainer"));
        assert_eq!(name(&unset, None, &nothing), None);
        let unnamed = identity(None, &unset, &config, &nothing, Attributes::new());
        assert!(text(&unnamed, SERVICE_NAME).starts_with("unknown_service:"));
        assert_eq!(unnamed.warnings.len(), 1, "{:?}", unnamed.warnings);
    }

    #[test]
    fn what_is_nearer_to_the_code_comes_before_what_is_found() {
        const SET: &[(&str, &str)] =
            &[("OTEL_RESOURCE_ATTRIBUTES", "team=red,host.name=env,service.version=1")];
        let detected = Attributes::new().with("host.name", "detected").with("os.type", "linux");
        let given = Attributes::new().with("service.version", "2");
        let identity = identity(Some("trainer"), &environment(SET), &config(), &given, detected);
        let expected = [
            ("service.name", "trainer"),
            ("team", "blue"),
            ("host.name", "env"),
            ("os.type", "linux"),
            ("service.version", "2"),
            ("onelogger.session_tag", "run-42"),
        ];
        for (name, value) in expected {
            assert_eq!(text(&identity, name), value, "{name}");
        }
        assert_eq!(identity.resource.get("onelogger.world_size"), Some(&Value::I64(8)));
        let id = text(&identity, SERVICE_INSTANCE_ID);
        assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
    }

    #[test]
    fn the_sdk_s_resource_says_the_same_under_the_same_schema() {
        let attributes = Attributes::new().with("service.name", "api").with("sizes", [1, 2]);
        let resource = sdk_resource(&attributes);
        assert_eq!(resource.schema_url(), Some("https://opentelemetry.io/schemas/1.40.0"));
        let mut said: Vec<String> =
            resource.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        said.sort();
        let sizes = opentelemetry::Value::Array(vec![1_i64, 2].into());
        let name = opentelemetry::Value::from("api".to_owned());
        assert_eq!(said, [format!("service.name={name:?}"), format!("sizes={sizes:?}")]);
    }

    #[test]
    fn an_environment_in_the_name_is_warned_of_once() {
        let warnings = |set, name| {
            let nothing = Attributes::new();
            identity(Some(name), &environment(set), &config(), &nothing, nothing.clone()).warnings
        };
        let warned = warnings(&[], "api-prod");
        assert!(warned.len() == 1 && warned[0].contains("`-prod`"), "{warned:?}");
        assert_eq!(warnings(&[("ENVIRONMENT", "prod")], "api-prod"), [] as [String; 0]);
        assert_eq!(stage_in("latest"), None);
        assert_eq!(stage_in("shop.Staging"), Some("staging"));
    }
}
