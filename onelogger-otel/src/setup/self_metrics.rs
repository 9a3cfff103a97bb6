//! What the library knows of itself as metrics, under OpenTelemetry's names for the telemetry of an SDK
//! where it has one, else under our own.

use onelogger::{ExporterHealth, ExporterState, LossReason, QueueHealth, RecorderHandle};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::names::metric::{self, attribute};
use crate::names::semantic;
use crate::otlp::{ItemHealth, MetricCounts, OtlpCounts, Protocol, Route, Signal};

/// Makes the instruments. Each asks for what it shows whenever values are read: this recorder, also once it
/// is closed, because a sum must not become less.
pub(super) fn observe(
    provider: &SdkMeterProvider,
    recorder: &RecorderHandle,
    routes: &[Route],
    items: Option<&OtlpCounts>,
    data_points: Option<&MetricCounts>,
) {
    let meter = provider.meter("onelogger");
    spans(&meter, recorder);
    exporters(&meter, recorder);
    for route in routes {
        match route.signal() {
            Signal::Traces => {
                let items = items.cloned();
                let read = move || items.as_ref().map(|items| items.health().spans);
                sent(
                    &meter,
                    route,
                    [metric::SPANS_EXPORTED, metric::SPANS_IN_FLIGHT],
                    "{span}",
                    read,
                );
            }
            Signal::Logs => {
                let (items, names) =
                    (items.cloned(), [metric::LOGS_EXPORTED, metric::LOGS_IN_FLIGHT]);
                let read = move || items.as_ref().map(|items| items.health().log_records);
                sent(&meter, route, names, "{log_record}", read);
            }
            Signal::Metrics => points(&meter, route, data_points.cloned()),
        }
    }
}

fn spans(meter: &Meter, recorder: &RecorderHandle) {
    // Those that a sampler leaves out are counted among the records that are held back.
    let recorded = || [KeyValue::new(attribute::SAMPLING_RESULT, "RECORD_AND_SAMPLE")];
    let health = || {
        let recorder = recorder.clone();
        move || recorder.health()
    };
    let (started, live, refused) = (health(), health(), health());
    meter
        .u64_observable_counter(metric::SPANS_STARTED)
        .with_description("Spans that have started")
        .with_unit("{span}")
        .with_callback(move |out| out.observe(started().spans_started, &recorded()))
        .build();
    meter
        .i64_observable_up_down_counter(metric::SPANS_LIVE)
        .with_description("Spans that have started and not ended")
        .with_unit("{span}")
        .with_callback(move |out| out.observe(signed(live().spans_open), &recorded()))
        .build();
    meter
        .u64_observable_counter(metric::REFUSED_CALLS)
        .with_description("Calls that were refused because they were misuse")
        .with_unit("{call}")
        .with_callback(move |out| out.observe(refused().refused_calls, &[]))
        .build();
}

fn exporters(meter: &Meter, recorder: &RecorderHandle) {
    meter
        .u64_observable_counter(metric::RECORDS)
        .with_description("Records, by exporter and by what became of them")
        .with_unit("{record}")
        .with_callback(each(recorder, records))
        .build();
    meter
        .u64_observable_counter(metric::FAILURES)
        .with_description("Calls of an exporter that failed")
        .with_unit("{failure}")
        .with_callback(each(recorder, |exporter, name, out| out.observe(exporter.failures, name)))
        .build();
    meter
        .u64_observable_gauge(metric::READY)
        .with_description("1 where records go through, 0 where the exporter is switched off")
        .with_callback(each(recorder, |exporter, name, out| {
            out.observe((exporter.state == ExporterState::Ready) as u64, name);
        }))
        .build();
    let queue = |name, description, bytes| queue(meter, recorder, name, description, bytes);
    queue(metric::QUEUE_SIZE, "Memory of what waits for the exporter", |queue| queue.bytes);
    queue(metric::QUEUE_CAPACITY, "Memory that may wait for the exporter", |queue| {
        queue.capacity_bytes
    });
}

fn queue(
    meter: &Meter,
    recorder: &RecorderHandle,
    name: &'static str,
    description: &'static str,
    bytes: fn(QueueHealth) -> usize,
) {
    meter
        .i64_observable_up_down_counter(name)
        .with_description(description)
        .with_unit("By")
        .with_callback(each(recorder, move |exporter, name, out| {
            if let Some(queue) = exporter.queue {
                out.observe(signed(bytes(queue) as u64), name);
            }
        }))
        .build();
}

/// Each exporter with the name of its component, which tells two of one kind apart.
fn each<T, F: Fn(&ExporterHealth, &[KeyValue], &dyn AsyncInstrument<T>)>(
    recorder: &RecorderHandle,
    show: F,
) -> impl Fn(&dyn AsyncInstrument<T>) + use<T, F> {
    let recorder = recorder.clone();
    move |out| {
        for (place, exporter) in recorder.health().exporters.iter().enumerate() {
            let name = format!("{}/{place}", exporter.name);
            show(exporter, &[KeyValue::new(attribute::COMPONENT_NAME, name)], out);
        }
    }
}

fn records(exporter: &ExporterHealth, name: &[KeyValue], out: &dyn AsyncInstrument<u64>) {
    let counts = &exporter.counts;
    let put = |count, fate, why: Option<LossReason>| {
        let mut attributes = name.to_vec();
        attributes.push(KeyValue::new(attribute::FATE, fate));
        attributes.extend(why.map(|why| KeyValue::new(semantic::ERROR_TYPE, why.as_str())));
        out.observe(count, &attributes);
    };
    put(counts.delivered, "delivered", None);
    put(counts.withheld, "withheld", None);
    for reason in LossReason::ALL.into_iter().filter(|&reason| counts.lost(reason) > 0) {
        put(counts.lost(reason), "lost", Some(reason));
    }
}

/// What the OTLP exporter has sent of one signal.
fn sent(
    meter: &Meter,
    route: &Route,
    [exported, in_flight]: [&'static str; 2],
    unit: &'static str,
    read: impl Fn() -> Option<ItemHealth> + Clone + Send + Sync + 'static,
) {
    let of_exporter = component(route);
    let (read_too, same) = (read.clone(), of_exporter.clone());
    meter
        .u64_observable_counter(exported)
        .with_description("Items of which the export has ended")
        .with_unit(unit)
        .with_callback(move |out| {
            let Some(items) = read() else { return };
            finished(
                out,
                &of_exporter,
                items.exported,
                &[("rejected", items.rejected), (LossReason::ExportFailed.as_str(), items.failed)],
            );
        })
        .build();
    meter
        .i64_observable_up_down_counter(in_flight)
        .with_description("Items of which the export has begun and not ended")
        .with_unit(unit)
        .with_callback(move |out| {
            read_too().into_iter().for_each(|items| out.observe(signed(items.in_flight), &same));
        })
        .build();
}

/// What the exporter of metrics has sent, up to the export before.
fn points(meter: &Meter, route: &Route, counts: Option<MetricCounts>) {
    let of_exporter = component(route);
    meter
        .u64_observable_counter(metric::DATA_POINTS_EXPORTED)
        .with_description("Data points of which the export has ended")
        .with_unit("{data_point}")
        .with_callback(move |out| {
            let Some(health) = counts.as_ref().map(MetricCounts::health) else { return };
            let lost = [(LossReason::ExportFailed.as_str(), health.lost)];
            finished(out, &of_exporter, health.exported, &lost);
        })
        .build();
}

/// A success has no type of error, and a failure one.
fn finished(
    out: &dyn AsyncInstrument<u64>,
    of_exporter: &[KeyValue],
    exported: u64,
    lost: &[(&'static str, u64)],
) {
    out.observe(exported, of_exporter);
    for (why, count) in lost.iter().filter(|(_, count)| *count > 0) {
        let mut attributes = of_exporter.to_vec();
        attributes.push(KeyValue::new(semantic::ERROR_TYPE, *why));
        out.observe(*count, &attributes);
    }
}

fn component(route: &Route) -> Vec<KeyValue> {
    let kind = match (route.protocol(), route.signal()) {
        (Protocol::Grpc, Signal::Traces) => "otlp_grpc_span_exporter",
        (Protocol::Grpc, Signal::Logs) => "otlp_grpc_log_exporter",
        (Protocol::Grpc, Signal::Metrics) => "otlp_grpc_metric_exporter",
        (Protocol::HttpProtobuf, Signal::Traces) => "otlp_http_span_exporter",
        (Protocol::HttpProtobuf, Signal::Logs) => "otlp_http_log_exporter",
        (Protocol::HttpProtobuf, Signal::Metrics) => "otlp_http_metric_exporter",
    };
    let mut attributes = vec![
        KeyValue::new(attribute::COMPONENT_TYPE, kind),
        KeyValue::new(attribute::COMPONENT_NAME, format!("{kind}/0")),
    ];
    let (host, port) = route.server();
    attributes.extend(host.map(|host| KeyValue::new(attribute::SERVER_ADDRESS, host.to_owned())));
    attributes.extend(port.map(|port| KeyValue::new(attribute::SERVER_PORT, i64::from(port))));
    attributes
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
