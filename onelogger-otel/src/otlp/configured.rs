//! The exporter type `otlp`: an exporter as a configuration describes it.

use std::error::Error;

use onelogger::Exporter;
use onelogger::config::Settings;

use super::connection::{Compression, OtlpConnection, Protocol};
use super::limits::{LogLimits, SpanLimits};
use super::retry::RetryPolicy;
use super::settings::EventMode;
use super::{OtlpExporter, OtlpExporterBuilder};

onelogger::register_exporter_type!("otlp", make);

fn make(settings: &mut Settings<'_>) -> Result<Box<dyn Exporter>, Box<dyn Error>> {
    let mut shared = connection(settings, OtlpConnection::new());
    if let Some(endpoint) = settings.text("endpoint") {
        shared = shared.endpoint(endpoint);
    }
    let mut builder = OtlpExporter::builder().connection(shared.clone());
    let [traces, logs] = ["traces", "logs"].map(|key| signal(settings, key, &shared));
    if let (Signal::Nowhere, Signal::Nowhere) = (&traces, &logs) {
        settings.problem("", "sends neither traces nor logs; `enabled: false` leaves it out");
    }
    builder = match traces {
        Signal::Shared => builder,
        Signal::Own(connection) => builder.traces_connection(connection),
        Signal::Nowhere => builder.without_traces(),
    };
    builder = match logs {
        Signal::Shared => builder,
        Signal::Own(connection) => builder.logs_connection(connection),
        Signal::Nowhere => builder.without_logs(),
    };
    Ok(Box::new(contents(settings, builder).build()?))
}

/// What is said of a connection, but where it leads.
fn connection(settings: &mut Settings<'_>, mut connection: OtlpConnection) -> OtlpConnection {
    let protocols = [("http/protobuf", Protocol::HttpProtobuf), ("grpc", Protocol::Grpc)];
    if let Some(protocol) = settings.choice("protocol", &protocols) {
        connection = connection.protocol(protocol);
    }
    for (name, value) in settings.headers("headers").unwrap_or_default() {
        connection = connection.header(name, value);
    }
    let compressions = [("none", Compression::None), ("gzip", Compression::Gzip)];
    if let Some(compression) = settings.choice("compression", &compressions) {
        connection = connection.compression(compression);
    }
    if let Some(timeout) = settings.duration("timeout") {
        connection = connection.timeout(timeout);
    }
    if let Some(pem) = file(settings, "certificate") {
        connection = connection.root_certificates(pem);
    }
    let chain = file(settings, "client_certificate");
    let key = file(settings, "client_key");
    if settings.is_set("client_certificate") != settings.is_set("client_key") {
        settings.problem("", "`client_certificate` and `client_key` belong together");
    }
    match chain.zip(key) {
        Some((chain, key)) => connection.client_certificate(chain, key),
        None => connection,
    }
}

/// The contents of a file that a field names.
fn file(settings: &mut Settings<'_>, key: &'static str) -> Option<Vec<u8>> {
    let path = settings.path(key)?;
    match std::fs::read(&path) {
        Ok(contents) => Some(contents),
        Err(error) => {
            settings.problem(key, format!("{} cannot be read: {error}", path.display()));
            None
        }
    }
}

/// Where a signal goes.
enum Signal {
    Shared,
    Own(OtlpConnection),
    Nowhere,
}

/// `traces: {enabled: false}`, or what is other for traces than for both; the endpoint is the whole
/// address then, as that of `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is.
fn signal(settings: &mut Settings<'_>, key: &'static str, shared: &OtlpConnection) -> Signal {
    let own = settings.table(key, |settings| {
        let is_enabled = settings.bool("enabled").unwrap_or(true);
        let mut own = connection(settings, shared.clone());
        if let Some(endpoint) = settings.text("endpoint") {
            own = own.signal_endpoint(endpoint);
        }
        is_enabled.then_some(own)
    });
    own.map_or(Signal::Shared, |own| own.map_or(Signal::Nowhere, Signal::Own))
}

/// What is sent, when, and how much of it.
fn contents(settings: &mut Settings<'_>, mut builder: OtlpExporterBuilder) -> OtlpExporterBuilder {
    if let Some(policy) = settings.table("retry", retry) {
        builder = builder.retry(policy);
    }
    for (name, value) in settings.attributes("resource").unwrap_or_default().iter() {
        builder = builder.resource(name.clone(), value.clone());
    }
    let modes = [
        ("log_records", EventMode::LogRecords),
        ("span_events", EventMode::SpanEvents),
        ("zero_length_spans", EventMode::ZeroLengthSpans),
    ];
    if let Some(mode) = settings.choice("events", &modes) {
        builder = builder.events(mode);
    }
    if let Some(age) = settings.duration("announce_open_spans_after") {
        builder = builder.announce_open_spans_after(age);
    }
    if settings.bool("announce_open_spans") == Some(false) {
        builder = builder.announce_open_spans_after(None);
    }
    if let Some(bytes) = settings.bytes("memory") {
        builder = builder.memory(bytes);
    }
    if let Some(items) = count(settings, "max_export_batch_size") {
        builder = builder.max_export_batch_size(items);
    }
    if let Some(limits) = settings.table("span_limits", span_limits) {
        builder = builder.span_limits(limits);
    }
    if let Some(limits) = settings.table("log_limits", log_limits) {
        builder = builder.log_limits(limits);
    }
    builder
}

/// A number that is at least one.
fn count(settings: &mut Settings<'_>, key: &'static str) -> Option<usize> {
    let count = settings.integer(key)?;
    if count == 0 {
        settings.problem(key, "must be at least 1");
    }
    Some(count)
}

fn retry(settings: &mut Settings<'_>) -> RetryPolicy {
    let default = RetryPolicy::default();
    RetryPolicy {
        first_pause: settings.duration("first_pause").unwrap_or(default.first_pause),
        longest_pause: settings.duration("longest_pause").unwrap_or(default.longest_pause),
        within: settings.duration("within").unwrap_or(default.within),
    }
}

fn span_limits(settings: &mut Settings<'_>) -> SpanLimits {
    let default = SpanLimits::default();
    let mut count = |key, default| settings.integer(key).unwrap_or(default);
    SpanLimits {
        attribute_count: count("attribute_count", default.attribute_count),
        event_count: count("event_count", default.event_count),
        link_count: count("link_count", default.link_count),
        attributes_per_event: count("attributes_per_event", default.attributes_per_event),
        attributes_per_link: count("attributes_per_link", default.attributes_per_link),
        attribute_value_length: settings.integer("attribute_value_length"),
    }
}

fn log_limits(settings: &mut Settings<'_>) -> LogLimits {
    let default = LogLimits::default();
    LogLimits {
        attribute_count: settings.integer("attribute_count").unwrap_or(default.attribute_count),
        attribute_value_length: settings.integer("attribute_value_length"),
    }
}
