//! What the library knows of itself, as metrics. In a process of its own: `setup()` reads the
//! environment, and there is one meter provider.

use std::collections::BTreeMap;
use std::process::Command;

use onelogger::OneLoggerProvider;
use onelogger_otel::opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, MetricData, ResourceMetrics,
};
use onelogger_otel::opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader};
use onelogger_otel::{Protocol, Setup};

use crate::support::{Collector, LIMIT, Reply};

const CHILD: &str = "ONELOGGER_TEST_IS_CHILD";

/// The values of all points by name and attributes, as they were read last.
fn read(exporter: &InMemoryMetricExporter) -> BTreeMap<String, i64> {
    let finished = exporter.get_finished_metrics().unwrap();
    let mut values = BTreeMap::new();
    for metric in finished.last().into_iter().flat_map(ResourceMetrics::scope_metrics) {
        for metric in metric.metrics() {
            let mut put = |attributes: Vec<String>, value: i64| {
                let name = format!("{}{{{}}}", metric.name(), attributes.join(","));
                values.insert(name, value);
            };
            match metric.data() {
                AggregatedMetrics::U64(data) => points(data, |at, value| put(at, value as i64)),
                AggregatedMetrics::I64(data) => points(data, &mut put),
                AggregatedMetrics::F64(_) => panic!("{} is a float", metric.name()),
            }
        }
    }
    values
}

fn points<T: Copy>(data: &MetricData<T>, mut put: impl FnMut(Vec<String>, T)) {
    let shown = |attributes: Vec<_>| {
        let is_address = |text: &String| text.starts_with("server.");
        let mut shown: Vec<String> = attributes;
        shown.retain(|text| !is_address(text));
        shown.sort();
        shown
    };
    macro_rules! each {
        ($points:expr) => {
            for point in $points {
                let attributes = point.attributes().map(|it| format!("{}={}", it.key, it.value));
                put(shown(attributes.collect()), point.value());
            }
        };
    }
    match data {
        MetricData::Sum(sum) => each!(sum.data_points()),
        MetricData::Gauge(gauge) => each!(gauge.data_points()),
        _ => panic!("neither a sum nor a gauge"),
    }
}

/// The job: two spans, one that stays open, an event, a call that is refused.
fn work() -> BTreeMap<String, i64> {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter.clone()).build();
    let setup = Setup::new().meters(|meters| meters.with_reader(reader));
    let telemetry = setup.install().unwrap();
    let recorder = onelogger::recorder();
    let open = recorder.start_detached("open").unwrap();
    for _ in 0..2 {
        let span = recorder.start_detached("span").unwrap();
        recorder.stop(&span).unwrap();
        recorder.event(None, "event").unwrap();
    }
    recorder.force_flush(LIMIT).unwrap();
    telemetry.meter_provider().unwrap().force_flush().unwrap();
    let values = read(&exporter);
    recorder.stop(&open).unwrap();
    OneLoggerProvider::instance().close(LIMIT).unwrap();
    telemetry.meter_provider().unwrap().force_flush().unwrap();
    if !values.is_empty() {
        // What is counted does not become less by a close.
        let after = read(&exporter);
        let started = values.keys().find(|name| name.starts_with("otel.sdk.span.started")).unwrap();
        assert_eq!(after.get(started), values.get(started));
        assert!(after.len() >= values.len(), "{after:?}");
    }
    drop(telemetry.close_timeout(LIMIT));
    values
}

/// Runs this test once more, as the job.
fn run(collector: &Collector, self_metrics: &str) {
    let test = "self_metrics::the_library_tells_of_itself_as_conventions_want_it";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().contains("OTEL"))
    {
        child.env_remove(name);
    }
    let variables = [
        (CHILD, "1"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address),
        ("OTEL_BSP_SCHEDULE_DELAY", "1000"),
        ("ONELOGGER_SELF_METRICS", self_metrics),
    ];
    let output = child.envs(variables).output().unwrap();
    let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn the_library_tells_of_itself_as_conventions_want_it() {
    if std::env::var_os(CHILD).is_none() {
        let collector = Collector::start(Protocol::HttpProtobuf);
        // One of the two spans is rejected, the request with the log records refused.
        collector.traces([Reply::Reject(1)]);
        collector.logs([Reply::Refuse]);
        run(&collector, "true");
        run(&collector, "false");
        return;
    }
    let values = work();
    if std::env::var("ONELOGGER_SELF_METRICS").unwrap() == "false" {
        return assert_eq!(values, BTreeMap::new());
    }
    let spans = "otel.component.name=otlp_http_span_exporter/0,\
                 otel.component.type=otlp_http_span_exporter";
    let logs = spans.replace("span_exporter", "log_exporter");
    let (recorded, exporter) =
        ("otel.span.sampling_result=RECORD_AND_SAMPLE", "otel.component.name=OtlpExporter/0");
    let expected = [
        (format!("otel.sdk.span.started{{{recorded}}}"), 3),
        (format!("otel.sdk.span.live{{{recorded}}}"), 1),
        // One of the two, and those that say of the failure and of the losses: each is a log record too.
        (format!("otel.sdk.exporter.span.exported{{{spans}}}"), 3),
        (format!("otel.sdk.exporter.span.exported{{error.type=rejected,{spans}}}"), 1),
        (format!("otel.sdk.exporter.span.inflight{{{spans}}}"), 0),
        // With them went the log record that opens the run, which was refused with the two events.
        (format!("otel.sdk.exporter.log.exported{{{logs}}}"), 3),
        (format!("otel.sdk.exporter.log.exported{{error.type=export_failed,{logs}}}"), 3),
        (format!("otel.sdk.exporter.log.inflight{{{logs}}}"), 0),
        // Three starts, of which one waits; a span is two records, and the events are lost.
        (format!("onelogger.exporter.records{{onelogger.record.fate=delivered,{exporter}}}"), 3),
        (format!("onelogger.exporter.records{{onelogger.record.fate=withheld,{exporter}}}"), 0),
        (
            format!(
                "onelogger.exporter.records{{error.type=export_failed,\
                 onelogger.record.fate=lost,{exporter}}}"
            ),
            4,
        ),
        (format!("onelogger.exporter.failures{{{exporter}}}"), 1),
        (format!("onelogger.exporter.ready{{{exporter}}}"), 1),
        (format!("onelogger.exporter.queue.size{{{exporter}}}"), 0),
        (format!("onelogger.exporter.queue.capacity{{{exporter}}}"), 16 << 20),
        ("onelogger.refused_calls{}".to_owned(), 0),
    ];
    assert_eq!(values, expected.into_iter().collect());
}
