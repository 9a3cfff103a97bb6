//! One item of a signal, sent to see whether it gets through.

use std::time::Duration;

use bytes::Bytes;
use onelogger::Attributes;
use onelogger::exporter::Run;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::Message;

use super::clock::{self, now};
use super::connection::Route;
use super::engine::Engine;
use super::ids::Ids;
use super::resource::{resource, scope};
use super::retry::{self, Patience, RetryPolicy};
use super::signal::Signal;
use super::transport::{Accepted, Transport};
use crate::names::event::VERIFY;

/// Sends one span, log record or data point, once. How long that took and what the collector said of
/// it; or why it did not get through.
pub(crate) fn probe(
    route: &Route,
    of: &Attributes,
    timeout: Duration,
) -> Result<(Duration, Accepted), String> {
    let route = Route { timeout: timeout.min(route.timeout), ..route.clone() };
    let engine = Engine::new().map_err(|error| format!("no runtime: {error}"))?;
    let transport = engine.enter(|| Transport::new(&route));
    let mut transport = transport.map_err(|error| format!("no TLS: {error}"))?;
    let body = body(route.signal, resource(of, &Run::new("unknown_service", 0)));
    let began = now();
    let patience = Patience { policy: RetryPolicy::NEVER, began, run: None };
    let sending = retry::send(&mut transport, body, patience);
    let sent = engine.run(sending).map_err(|error| error.to_string())?;
    let accepted = sent.map_err(|failure| failure.message)?;
    Ok((now().saturating_duration_since(began), accepted))
}

fn body(signal: Signal, resource: Resource) -> Bytes {
    let (resource, scope, time_unix_nano) = (Some(resource), Some(scope()), clock::unix_nanos());
    let body = match signal {
        Signal::Traces => {
            let (trace, id) = Ids::new().root();
            let span = Span {
                trace_id: trace.to_u128().to_be_bytes().to_vec(),
                span_id: id.to_u64().to_be_bytes().to_vec(),
                name: VERIFY.to_owned(),
                kind: span::SpanKind::Internal as i32,
                start_time_unix_nano: time_unix_nano,
                end_time_unix_nano: time_unix_nano,
                ..Span::default()
            };
            let scope_spans = vec![ScopeSpans { scope, spans: vec![span], ..Default::default() }];
            let of = ResourceSpans { resource, scope_spans, ..Default::default() };
            ExportTraceServiceRequest { resource_spans: vec![of] }.encode_to_vec()
        }
        Signal::Logs => {
            let log = LogRecord {
                time_unix_nano,
                observed_time_unix_nano: time_unix_nano,
                severity_number: SeverityNumber::Info as i32,
                severity_text: "INFO".to_owned(),
                event_name: VERIFY.to_owned(),
                ..LogRecord::default()
            };
            let scope_logs =
                vec![ScopeLogs { scope, log_records: vec![log], ..Default::default() }];
            let of = ResourceLogs { resource, scope_logs, ..Default::default() };
            ExportLogsServiceRequest { resource_logs: vec![of] }.encode_to_vec()
        }
        Signal::Metrics => {
            let value = Some(number_data_point::Value::AsInt(1));
            let point = NumberDataPoint { time_unix_nano, value, ..Default::default() };
            let data = Some(metric::Data::Gauge(Gauge { data_points: vec![point] }));
            let (name, unit) = (VERIFY.to_owned(), "1".to_owned());
            let metrics = vec![Metric { name, unit, data, ..Default::default() }];
            let scope_metrics = vec![ScopeMetrics { scope, metrics, ..Default::default() }];
            let of = ResourceMetrics { resource, scope_metrics, ..Default::default() };
            ExportMetricsServiceRequest { resource_metrics: vec![of] }.encode_to_vec()
        }
    };
    body.into()
}
