//! Metrics: the SDK's meters, and where their values go.

use std::io::{self, Write};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Histogram, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, PeriodicReader, Stream,
    Temporality,
};

use super::environment::{Destination, Environment};
use crate::otlp::{MetricCounts, OtlpConfigError, OtlpMetricExporter, RetryPolicy};

/// Adds readers as the environment wants them; `is_sent` says whether values go to a collector. Gives
/// the counts of the OTLP exporter, if there is one.
pub(super) fn with_readers(
    mut builder: MeterProviderBuilder,
    environment: &Environment,
    is_sent: bool,
) -> Result<(MeterProviderBuilder, Option<MetricCounts>), OtlpConfigError> {
    // The SDK reads the variable itself, and must not see what was refused.
    let interval = environment.metric_interval.unwrap_or(Duration::from_secs(60));
    let mut counts = None;
    if is_sent {
        let within = environment.metric_timeout.unwrap_or(RetryPolicy::default().within);
        let exporter = OtlpMetricExporter::new(&environment.metrics_connection)?
            .with_temporality(environment.temporality)
            .with_retry(RetryPolicy { within, ..RetryPolicy::default() });
        counts = Some(exporter.counts());
        builder =
            builder.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build());
    }
    if environment.metrics.contains(&Destination::Console) {
        let reader = PeriodicReader::builder(ConsoleMetrics).with_interval(interval);
        builder = builder.with_reader(reader.build());
    }
    if environment.has_exponential_histograms {
        builder = builder.with_view(exponential);
    }
    Ok((builder, counts))
}

/// Histograms whose buckets fit themselves to the values, with the specification's sizes.
fn exponential(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let aggregation = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    Stream::builder().with_aggregation(aggregation).build().ok()
}

/// Writes metrics to the standard output, a line a data point.
struct ConsoleMetrics;

impl PushMetricExporter for ConsoleMetrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut text = String::new();
        metrics.scope_metrics().for_each(|scope| lines(scope, &mut text));
        // `println!` would panic where the standard output is closed.
        let written = io::stdout().lock().write_all(text.as_bytes());
        written.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn lines(scope: &ScopeMetrics, out: &mut String) {
    for metric in scope.metrics() {
        let mut line = |attributes: String, value: String| {
            let unit = metric.unit();
            let space = if unit.is_empty() { "" } else { " " };
            out.push_str(&format!("metric {}{attributes} {value}{space}{unit}\n", metric.name()));
        };
        match metric.data() {
            AggregatedMetrics::F64(data) => points(data, &mut line),
            AggregatedMetrics::U64(data) => points(data, &mut line),
            AggregatedMetrics::I64(data) => points(data, &mut line),
        }
    }
}

fn points<T: Copy + std::fmt::Display>(
    data: &MetricData<T>,
    line: &mut impl FnMut(String, String),
) {
    match data {
        MetricData::Gauge(gauge) => gauge
            .data_points()
            .for_each(|point| line(braces(point.attributes()), point.value().to_string())),
        MetricData::Sum(sum) => sum
            .data_points()
            .for_each(|point| line(braces(point.attributes()), point.value().to_string())),
        MetricData::Histogram(histogram) => histogram_points(histogram, line),
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.data_points() {
                let text = format!("count={} sum={}", point.count(), point.sum());
                line(braces(point.attributes()), text);
            }
        }
    }
}

fn histogram_points<T: Copy + std::fmt::Display>(
    histogram: &Histogram<T>,
    line: &mut impl FnMut(String, String),
) {
    for point in histogram.data_points() {
        let mut text = format!("count={} sum={}", point.count(), point.sum());
        if let (Some(min), Some(max)) = (point.min(), point.max()) {
            text.push_str(&format!(" min={min} max={max}"));
        }
        line(braces(point.attributes()), text);
    }
}

fn braces<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let all = attributes.map(|attribute| format!("{}={}", attribute.key.as_str(), attribute.value));
    let all: Vec<String> = all.collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}
