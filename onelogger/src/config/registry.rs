//! The exporter types that crates have registered by being linked.

use std::error::Error;

use super::settings::Settings;
use crate::exporter::Exporter;

/// Makes an exporter out of its settings.
pub type MakeExporter = fn(&mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>>;

/// A type of exporters that can be named in a configuration. See
/// [`register_exporter_type!`](crate::register_exporter_type).
#[derive(Clone, Copy, Debug)]
pub struct ExporterType {
    pub(super) name: &'static str,
    pub(super) crate_name: &'static str,
    pub(super) make: MakeExporter,
    pub(super) default_entry: Option<&'static str>,
}

impl ExporterType {
    /// What the macro makes.
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        crate_name: &'static str,
        make: MakeExporter,
        default_entry: Option<&'static str>,
    ) -> ExporterType {
        ExporterType { name, crate_name, make, default_entry }
    }
}

inventory::collect!(ExporterType);

/// All types, by name: the order of linking is nobody's choice.
pub(super) fn types() -> Vec<&'static ExporterType> {
    let mut types: Vec<_> = inventory::iter::<ExporterType>.into_iter().collect();
    types.sort_by_key(|kind| (kind.name, kind.crate_name));
    types
}

/// Types of crates that may not be linked: whoever names one is told which crate it is of.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[("otlp", "onelogger-otel")];

/// Registers a type of exporters, which a configuration then names as `type`. Every program finds it that
/// is linked with the crate in which this stands; a crate of which nothing else is used is linked by
/// `use the_crate as _;`.
///
/// What is given is the name of the type, and a function that makes an exporter out of
/// [`Settings`](crate::config::Settings). It is called when a configuration is loaded, and opens
/// nothing; what it refuses is a problem of the entry. With `default = …`, a JSON text, there is an entry
/// of the type's name in every configuration, below all other sources.
///
/// ```
/// use std::error::Error;
/// use onelogger::config::{Format, Loader, Settings};
/// use onelogger::exporter::{ExportError, Exporter, Records};
///
/// /// Sends to a queue.
/// struct QueueExporter { address: String, batch: usize }
///
/// impl Exporter for QueueExporter {
///     fn name(&self) -> &str {
///         "QueueExporter"
///     }
///
///     fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
///         // …
///         Ok(())
///     }
/// }
///
/// fn queue(settings: &mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>> {
///     settings.require("address");
///     let address = settings.text("address").unwrap_or_default();
///     let batch = settings.integer("batch").unwrap_or(100);
///     Ok(Box::new(QueueExporter { address, batch }))
/// }
///
/// onelogger::register_exporter_type!("queue", queue);
///
/// let file = r#"{
///     "application_name": "trainer", "world_size": 1, "session_tag": "run-42",
///     "exporters": {"main": {"type": "queue", "address": "localhost:7"}}
/// }"#;
/// let loaded = Loader::new().document(Format::Json, file).load()?;
/// # drop(loaded);
/// # Ok::<(), onelogger::config::LoadError>(())
/// ```
///
/// A type for what needs objects of the application (an exporter of OpenTelemetry's SDK, the records of a
/// [`MemoryExporter`](crate::MemoryExporter)) is made in the same way, by a function that has them.
#[macro_export]
macro_rules! register_exporter_type {
    ($name:expr, $make:expr $(,)?) => {
        $crate::__register_exporter_type!(
            $name,
            $make,
            $crate::__private::core::option::Option::None
        );
    };
    ($name:expr, $make:expr, default = $default:expr $(,)?) => {
        $crate::__register_exporter_type!(
            $name,
            $make,
            $crate::__private::core::option::Option::Some($default)
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __register_exporter_type {
    ($name:expr, $make:expr, $default:expr) => {
        $crate::__private::inventory::submit! {
            $crate::config::ExporterType::new(
                $name,
                $crate::__private::core::env!("CARGO_PKG_NAME"),
                $make,
                $default,
            )
        }
    };
}
