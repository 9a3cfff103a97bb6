//! Metrics through a real collector: the values of every instrument, as they were measured, and what
//! becomes of them when the collector refuses.

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Received, Sink, over_both, until};
use serde_json::{Map, Value, json};

use super::service::Service;

/// The first export of each metric, by its name.
fn first_of_each(received: &Received) -> Map<String, Value> {
    let mut all = Map::new();
    for item in received.items("metrics") {
        let name = item.body["name"].as_str().unwrap().to_owned();
        all.entry(name).or_insert_with(|| item.body.clone());
    }
    all
}

/// The points of a metric by the route that they are of, without their times.
fn points(metric: &Value) -> Map<String, Value> {
    let points = metric["points"].as_array().unwrap().iter();
    points
        .map(|point| {
            let route = point["attributes"]["http.route"].as_str().unwrap_or_default();
            let mut point = point.as_object().unwrap().clone();
            let (start, time) =
                (point.remove("start_ns").unwrap(), point.remove("time_ns").unwrap());
            assert!(start.as_u64() <= time.as_u64(), "{metric}");
            point.remove("attributes");
            (route.to_owned(), Value::Object(point))
        })
        .collect()
}

#[test]
fn every_instrument_arrives_as_it_was_measured_in_both_temporalities() {
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        for temporality in ["cumulative", "delta"] {
            // The example names itself; the resource tells its runs apart.
            let instance = format!("{protocol} {temporality}");
            let said = Service::program(env!("CARGO_BIN_EXE_metrics"))
                .to(protocol, &collector.endpoint(protocol))
                .with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
                .with("OTEL_RESOURCE_ATTRIBUTES", &format!("service.instance.id={instance}"))
                .run();
            assert!(said.contains("8 data points are sent"), "{said}");
            let all = until("every metric", || {
                let received = sink.received().with_attribute("service.instance.id", &instance);
                assert_eq!(received.problems(), Vec::<&String>::new());
                Some(first_of_each(&received)).filter(|all| all.len() == 5)
            });
            check_values(&all);
            let word = format!("AGGREGATION_TEMPORALITY_{}", temporality.to_uppercase());
            for name in ["example.requests", "example.request.duration"] {
                assert_eq!(all[name]["temporality"], word, "{name}");
            }
            // What goes up and down has no delta that would mean anything.
            let active = &all["example.active"];
            assert_eq!(active["temporality"], "AGGREGATION_TEMPORALITY_CUMULATIVE");
        }
    });
}

fn check_values(all: &Map<String, Value>) {
    let shown = |name: &str, keys: [&str; 3]| keys.map(|key| all[name][key].clone());
    let keys = ["type", "unit", "description"];
    let requests = json!(["sum", "{request}", "Requests that were answered"]);
    assert_eq!(json!(shown("example.requests", keys)), requests);
    assert_eq!(all["example.requests"]["monotonic"], true);
    assert_eq!(all["example.active"]["monotonic"], false);
    let int = |value: i64| json!({ "value": value, "value_type": "int" });
    let of_requests = points(&all["example.requests"]);
    assert_eq!((&of_requests["/items"], &of_requests["/status"]), (&int(15), &int(5)));
    let active = points(&all["example.active"]);
    assert_eq!((&active["/items"], &active["/status"]), (&int(0), &int(0)));
    assert_eq!(points(&all["example.queue.length"])[""], int(1));
    let uptime = points(&all["example.uptime"]);
    assert!(uptime[""]["value"].as_f64().unwrap() > 0.0, "{uptime:?}");
    let durations = points(&all["example.request.duration"]);
    let items = &durations["/items"];
    assert_eq!(items["bounds"], json!([0.005, 0.01, 0.02, 0.05]));
    assert_eq!((&items["count"], &items["bucket_counts"]), (&json!(15), &json!([2, 2, 4, 7, 0])));
    assert_eq!((&items["min"], &items["max"]), (&json!(0.002), &json!(0.038)));
    assert!((items["sum"].as_f64().unwrap() - 0.3).abs() < 1e-9, "{items}");
}

#[test]
fn histograms_are_exponential_where_the_environment_says_so() {
    let sink = Sink::start();
    let protocol = Protocol::Grpc;
    let name = "exponential";
    let histogram = "base2_exponential_bucket_histogram";
    Service::scenario("requests", name)
        .to(protocol, &sink.endpoint(protocol))
        .with("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histogram)
        .run();
    let received = sink.received().of(name);
    let duration = &first_of_each(&received)["query.duration"];
    assert_eq!(duration["type"], "exponential_histogram", "{duration}");
    assert_eq!(duration["points"][0]["count"], 1);
    assert_eq!(received.problems(), Vec::<&String>::new());
}

#[test]
fn what_the_collector_rejects_of_metrics_is_counted_and_told() {
    over_both(|protocol| {
        // The first export has two data points; of that one is rejected.
        let sink = Sink::with(&["--fault", "partial:first=1,signal=metrics,message=too old"]);
        let name = "rejected";
        let said = Service::scenario("requests", name).to(protocol, &sink.endpoint(protocol)).run();
        assert!(said.contains("1 data points sent, 1 lost"), "{said}");
        let received = sink.received().of(name);
        let told = received.events("onelogger.metrics.lost");
        assert_eq!(told.len(), 1, "{protocol}");
        assert_eq!(told[0].attributes["onelogger.metrics.lost_data_points"], 1);
        let reason = told[0].attributes["onelogger.metrics.reason"].as_str().unwrap();
        assert!(reason.contains("too old"), "{reason}");
    });
}

#[test]
fn a_collector_that_is_away_is_told_of_the_metrics_that_it_has_missed() {
    over_both(|protocol| {
        let sink = Sink::with(&["--fault", "unavailable:first=1,signal=metrics"]);
        let name = "missed";
        let said = Service::scenario("requests", name)
            .to(protocol, &sink.endpoint(protocol))
            // Not tried again: the next export is another one.
            .with("OTEL_METRIC_EXPORT_TIMEOUT", "1")
            .run();
        assert!(said.contains("0 data points sent, 2 lost"), "{said}");
        // The values are cumulative, and come with the last export, which also tells.
        let received = sink.received().of(name);
        assert_eq!(received.items("metrics").count(), 2, "{protocol}");
        let told = received.events("onelogger.metrics.lost");
        assert_eq!(told[0].attributes["onelogger.metrics.lost_data_points"], 2);
    });
}

#[test]
fn what_the_library_knows_of_itself_arrives() {
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        let name = format!("self metrics over {protocol}");
        Service::scenario("requests", &name)
            .to(protocol, &collector.endpoint(protocol))
            .with("ONELOGGER_SELF_METRICS", "true")
            .run();
        let all = until("the library's own metrics", || {
            let received = sink.received().of(&name);
            assert_eq!(received.problems(), Vec::<&String>::new());
            let all = first_of_each(&received);
            all.contains_key("onelogger.exporter.records").then_some(all)
        });
        for name in
            ["otel.sdk.span.started", "otel.sdk.span.live", "otel.sdk.exporter.span.exported"]
        {
            assert_eq!((&all[name]["type"], &all[name]["unit"]), (&json!("sum"), &json!("{span}")));
        }
        let is_monotonic = |name: &str| all[name]["monotonic"] == true;
        assert!(is_monotonic("otel.sdk.span.started") && !is_monotonic("otel.sdk.span.live"));
    });
}
