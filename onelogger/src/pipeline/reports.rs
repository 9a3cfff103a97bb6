//! The library's own records: what an exporter is told of failures, of losses, and at the close.

use super::ledger::Counts;
use crate::data::codec::Dynamic;
use crate::data::names::{attribute, event};
use crate::data::{Attributes, Name, TelemetryDataErrorType};
use crate::exporter::{Batch, Entry, RecordKind};

/// A telemetry data error with its type, which depends on whether something has reached this
/// exporter's backend.
pub(super) fn data_error(
    given: Attributes,
    has_exported: bool,
    time_unix_nanos: u64,
    is_own: bool,
) -> Batch {
    let kind = match has_exported {
        true => TelemetryDataErrorType::IncompleteTelemetryData,
        false => TelemetryDataErrorType::NoTelemetryData,
    };
    let mut given = given.into_iter();
    // The message comes first, then the type, then what else there is.
    let mut attributes: Attributes = given.by_ref().take(1).collect();
    attributes.set(attribute::TELEMETRY_DATA_ERROR_TYPE, kind.as_str());
    attributes.extend(given);
    let kind = RecordKind::TelemetryDataError;
    single(kind, event::TELEMETRY_DATA_ERROR, &attributes, time_unix_nanos, is_own)
}

/// Says how much is lost, and why.
pub(super) fn losses(counts: &Counts, time_unix_nanos: u64) -> Batch {
    let message = format!("{} of {} records are lost", counts.lost_total(), counts.recorded);
    let mut attributes = Attributes::new().with(attribute::ERROR_MESSAGE, message);
    let kind = TelemetryDataErrorType::IncompleteTelemetryData;
    attributes.set(attribute::TELEMETRY_DATA_ERROR_TYPE, kind.as_str());
    attributes.merge(counts.loss_attributes());
    let kind = RecordKind::TelemetryDataError;
    single(kind, event::TELEMETRY_DATA_ERROR, &attributes, time_unix_nanos, true)
}

/// The closing record, with the totals.
pub(super) fn closing(counts: &Counts, time_unix_nanos: u64) -> Batch {
    let attributes = counts.closing_attributes();
    single(RecordKind::Event, event::CLOSE, &attributes, time_unix_nanos, true)
}

/// A batch of one record that belongs to no span.
fn single(
    kind: RecordKind,
    name: &'static str,
    attributes: &Attributes,
    time_unix_nanos: u64,
    is_own: bool,
) -> Batch {
    let mut batch = Batch::default();
    let name = batch.put_name(Dynamic::named(&Name::from_static(name)));
    let attributes = batch.put_attributes(attributes);
    batch.push(Entry { is_own, time_unix_nanos, name, attributes, ..Entry::new(kind) });
    batch
}
