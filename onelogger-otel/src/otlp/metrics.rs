//! Metrics, which the SDK collects and this sends.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use onelogger::{Event, diagnostics};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics, metric};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics as SdkMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use prost::Message;

use super::clock;
use super::connection::{OtlpConfigError, OtlpConnection, Route};
use super::engine::Engine;
use super::outbox::LONGEST_REQUEST;
use super::retry::{self, Patience, RetryPolicy};
use super::signal::Signal;
use super::transport::{Accepted, Transport};
use crate::names::{attribute, event};

/// Sends metrics to an OpenTelemetry collector, as an exporter of the OpenTelemetry SDK.
///
/// To be given to a [`PeriodicReader`](opentelemetry_sdk::metrics::PeriodicReader), which
/// [`setup`](crate::setup()) does. It goes the same ways as [`OtlpExporter`](crate::OtlpExporter), and needs
/// no runtime: an export takes place on the thread that asks for it, and takes as long as the timeout
/// and [`RetryPolicy`] allow.
///
/// Data points that are lost are counted, and the next that get through are followed by an event
/// `onelogger.metrics.lost` of the recorder in force. With [`Temporality::Cumulative`] the next values
/// make up for what is lost; with [`Temporality::Delta`] nothing does.
pub struct OtlpMetricExporter {
    retry: RetryPolicy,
    temporality: Temporality,
    route: Route,
    /// Gone after the shutdown; made by the first export.
    session: Mutex<Option<Session>>,
    counts: MetricCounts,
}

#[derive(Default)]
struct Session {
    /// With the runtime that drives it. The transport goes first.
    open: Option<(Transport, Engine)>,
    /// Lost, and not yet said to the collector.
    unsaid: u64,
    /// Whether it was logged that something is lost, since it last worked.
    is_logged: bool,
}

/// How many data points an [`OtlpMetricExporter`] has sent and lost; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct MetricCounts(Arc<Mutex<MetricHealth>>);

/// What a [`MetricCounts`] holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricHealth {
    /// Data points that the collector has accepted.
    pub exported: u64,
    /// Data points that it has rejected, or that did not get there.
    pub lost: u64,
    /// Why, the last time.
    pub last_error: Option<String>,
}

impl MetricCounts {
    /// The counts as they are now.
    pub fn health(&self) -> MetricHealth {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, MetricHealth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OtlpMetricExporter {
    /// An exporter with cumulative temporality. Nothing is connected yet.
    ///
    /// # Errors
    /// If a setting can never work; each variant says what to do.
    pub fn new(connection: &OtlpConnection) -> Result<OtlpMetricExporter, OtlpConfigError> {
        Ok(OtlpMetricExporter {
            retry: RetryPolicy::default(),
            temporality: Temporality::Cumulative,
            route: connection.route(Signal::Metrics)?,
            session: Mutex::new(Some(Session::default())),
            counts: MetricCounts::default(),
        })
    }

    /// What a counter's value means: since the start, or since the last export.
    #[must_use]
    pub fn with_temporality(mut self, temporality: Temporality) -> OtlpMetricExporter {
        self.temporality = temporality;
        self
    }

    /// When a request is sent again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> OtlpMetricExporter {
        self.retry = policy;
        self
    }

    /// Counts what becomes of data points, for as long as somebody looks.
    pub fn counts(&self) -> MetricCounts {
        self.counts.clone()
    }

    fn send(&self, request: ExportMetricsServiceRequest) -> OTelSdkResult {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = session.as_mut() else {
            return Err(OTelSdkError::AlreadyShutdown);
        };
        let (mut exported, mut lost, mut reason) = (0, 0, None);
        for part in parts(request) {
            let points = data_points(&part);
            match self.send_part(session, &part) {
                Ok(Accepted { rejected, message }) => {
                    let rejected = (rejected as u64).min(points);
                    (exported, lost) = (exported + points - rejected, lost + rejected);
                    if rejected > 0 {
                        let told = format!("the collector has rejected {rejected} data points");
                        reason = Some(format!("{told}: {message}"));
                    }
                }
                Err(message) => {
                    lost += points;
                    reason = Some(message);
                }
            }
        }
        let last_error = {
            let mut counts = self.counts.lock();
            counts.exported += exported;
            counts.lost += lost;
            counts.last_error = reason.clone().or_else(|| counts.last_error.take());
            counts.last_error.clone()
        };
        session.unsaid += lost;
        if exported > 0 && session.unsaid > 0 {
            let event = Event::new(event::METRICS_LOST)
                .with(attribute::LOST_DATA_POINTS, session.unsaid)
                .with(attribute::REASON, last_error.unwrap_or_default());
            // Refused where the recorder is closed; the counts stay.
            if onelogger::recorder().event(None, event).is_ok() {
                session.unsaid = 0;
            }
        }
        if let Some(reason) = reason.as_ref().filter(|_| !session.is_logged) {
            // The SDK says it to nobody.
            diagnostics::error(format_args!("Error exporting metrics: {reason}"));
        }
        session.is_logged = reason.is_some();
        reason.map_or(Ok(()), |reason| Err(OTelSdkError::InternalFailure(reason)))
    }

    /// Makes what sends; connects to nothing yet.
    fn open(&self) -> Result<(Transport, Engine), String> {
        let engine = Engine::new().map_err(|error| format!("no runtime: {error}"))?;
        let transport = engine.enter(|| Transport::new(&self.route));
        Ok((transport.map_err(|error| format!("no TLS: {error}"))?, engine))
    }

    fn send_part(
        &self,
        session: &mut Session,
        part: &ExportMetricsServiceRequest,
    ) -> Result<Accepted, String> {
        let length = part.encoded_len();
        if length > LONGEST_REQUEST {
            return Err(format!("a metric of {length} bytes, more than collectors take"));
        }
        let (transport, engine) = match &mut session.open {
            Some(open) => open,
            not_yet => not_yet.insert(self.open()?),
        };
        let body = Bytes::from(part.encode_to_vec());
        let patience = Patience { policy: self.retry, began: clock::now(), run: None };
        let sending = retry::send(transport, body, patience);
        let sent = engine.run(sending).map_err(|error| error.to_string())?;
        sent.map_err(|failure| failure.message)
    }
}

impl fmt::Debug for OtlpMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpMetricExporter").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl PushMetricExporter for OtlpMetricExporter {
    async fn export(&self, metrics: &SdkMetrics) -> OTelSdkResult {
        self.send(ExportMetricsServiceRequest::from(metrics))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// The request in parts that collectors take: by scope, then by metric.
fn parts(request: ExportMetricsServiceRequest) -> Vec<ExportMetricsServiceRequest> {
    if request.encoded_len() <= LONGEST_REQUEST {
        return vec![request];
    }
    let mut parts = Vec::new();
    for of_resource in request.resource_metrics {
        for of_scope in of_resource.scope_metrics {
            let mut taken = Vec::new();
            let mut bytes = 0;
            let mut close = |metrics: Vec<Metric>| {
                let scope_metrics = vec![ScopeMetrics {
                    scope: of_scope.scope.clone(),
                    schema_url: of_scope.schema_url.clone(),
                    metrics,
                }];
                let resource_metrics = vec![ResourceMetrics {
                    resource: of_resource.resource.clone(),
                    schema_url: of_resource.schema_url.clone(),
                    scope_metrics,
                }];
                parts.push(ExportMetricsServiceRequest { resource_metrics });
            };
            for metric in of_scope.metrics {
                let length = metric.encoded_len();
                // Half of what is allowed leaves room for the resource.
                if bytes + length > LONGEST_REQUEST / 2 && !taken.is_empty() {
                    close(std::mem::take(&mut taken));
                    bytes = 0;
                }
                bytes += length;
                taken.push(metric);
            }
            close(taken);
        }
    }
    parts
}

fn data_points(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request.resource_metrics.iter().flat_map(|of| &of.scope_metrics);
    let points = |metric: &Metric| match &metric.data {
        Some(metric::Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(metric::Data::Sum(sum)) => sum.data_points.len(),
        Some(metric::Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(metric::Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(metric::Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    };
    scopes.flat_map(|of| &of.metrics).map(points).sum::<usize>() as u64
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};

    use super::*;

    fn metric(name: String, points: usize) -> Metric {
        let data_points = vec![NumberDataPoint::default(); points];
        let data = Some(metric::Data::Gauge(Gauge { data_points }));
        Metric { name, data, ..Metric::default() }
    }

    fn request(scopes: Vec<Vec<Metric>>) -> ExportMetricsServiceRequest {
        let of_scope = |metrics| ScopeMetrics { metrics, ..ScopeMetrics::default() };
        let scope_metrics = scopes.into_iter().map(of_scope).collect();
        let of_resource = ResourceMetrics { scope_metrics, ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
    }

    #[test]
    fn a_large_request_is_cut_between_metrics_and_loses_none() {
        let small = request(vec![vec![metric("a".into(), 2)], vec![metric("b".into(), 1)]]);
        assert_eq!(parts(small.clone()), [small]);
        let long = |letter: &str| metric(letter.repeat(1 << 20), 3);
        let large = request(vec![
            vec![long("a"), long("b"), long("c")],
            vec![long("d"), metric("e".into(), 1)],
        ]);
        assert_eq!(data_points(&large), 13);
        let parts = parts(large);
        assert!(parts.iter().all(|part| part.encoded_len() <= LONGEST_REQUEST));
        assert_eq!(parts.iter().map(data_points).sum::<u64>(), 13);
        assert_eq!(parts.len(), 4);
    }
}
