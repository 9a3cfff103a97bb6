//! One item of a signal, sent to see whether it gets through.

use std::time::Duration;

use bytes::Bytes;
use onelogger::Attributes;
use onelogger::exporter::Run;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, metric, number_data_point,
};
use prost::Message;

use super::clock::{self, now};
use super::connection::Route;
use super::draft::{Draft, Envelope};
use super::engine::Engine;
use super::ids::Ids;
use super::messages;
use super::retry::{self, Patience, RetryPolicy};
use super::scopes::Scopes;
use super::signal::Signal;
use super::transport::{Accepted, Transport};
use crate::names::event::VERIFY;
use crate::names::semantic::SCHEMA_URL;
use crate::resource;

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
    let body = body(route.signal, of);
    let began = now();
    let patience = Patience { policy: RetryPolicy::NEVER, began, run: None };
    let sending = retry::send(&mut transport, body, patience);
    let sent = engine.run(sending).map_err(|error| error.to_string())?;
    let accepted = sent.map_err(|failure| failure.message)?;
    Ok((now().saturating_duration_since(began), accepted))
}

/// A request with one item. Requests with metrics are laid out as the others are.
fn body(signal: Signal, of: &Attributes) -> Bytes {
    let time_unix_nanos = clock::unix_nanos();
    let mut scopes = Scopes::new();
    let mut draft = Draft::new(signal);
    draft.write(scopes.number(None), |out| match signal {
        Signal::Traces => {
            messages::lone_span(out, Ids::new().root(), &[VERIFY], time_unix_nanos);
        }
        Signal::Logs => messages::lone_log(out, VERIFY, time_unix_nanos),
        Signal::Metrics => out.extend(metric(time_unix_nanos).encode_to_vec()),
    });
    let run = Run::new("unknown_service", 0);
    let envelope = Envelope::new(SCHEMA_URL, &resource::attributes(of, &run));
    envelope.seal(&mut draft, &scopes, &mut Vec::new()).bytes()
}

fn metric(time_unix_nano: u64) -> Metric {
    let value = Some(number_data_point::Value::AsInt(1));
    let point = NumberDataPoint { time_unix_nano, value, ..Default::default() };
    let data = Some(metric::Data::Gauge(Gauge { data_points: vec![point] }));
    Metric { name: VERIFY.to_owned(), unit: "1".to_owned(), data, ..Default::default() }
}
