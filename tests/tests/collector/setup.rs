//! Programs that are set up by their environment alone, and what of them arrives through a real
//! collector.

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Received, Sink, over_both, until};
use serde_json::{Value, json};

use super::service::Service;

/// The last value of each metric of a service: its name, its type and its points.
fn metrics(received: &Received) -> Vec<&Value> {
    received.items("metrics").map(|item| &item.body).collect()
}

fn metric<'a>(received: &'a Received, name: &str) -> &'a Value {
    let found = metrics(received).into_iter().rfind(|metric| metric["name"] == name);
    found.unwrap_or_else(|| panic!("no metric {name}"))
}

#[test]
fn all_signals_of_a_service_arrive_and_a_library_s_spans_are_part_of_its_trace() {
    let sink = Sink::start();
    over_both(|protocol| {
        let collector = Collector::start(&sink, protocol);
        for compression in ["none", "gzip"] {
            let name = format!("{protocol} {compression}");
            let mut service = Service::scenario("requests", &name)
                .to(protocol, &collector.endpoint(protocol))
                .with("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
                .with("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2,team=north%20sea")
                .with("ENVIRONMENT", "staging");
            let said = service.run();
            assert!(said.contains("0 lost"), "{said}");
            let received = until("all of the service", || {
                let received = sink.received().of(&name);
                let is_complete = received.spans().len() == 3
                    && received.logs().len() == 4
                    && metrics(&received).len() >= 2;
                is_complete.then_some(received)
            });
            assert_eq!(received.problems(), Vec::<&String>::new());
            assert_eq!(received.repeated(), 0);
            let names = received.logs().into_iter().map(|log| log.event_name);
            let names: std::collections::BTreeSet<_> = names.collect();
            assert!(names.iter().eq(["exception", "found", "onelogger.close", "onelogger.open"]));
            one_trace_of_three_levels(&received);
            metrics_are_typed(&received);
            for item in ["traces", "logs", "metrics"].into_iter().flat_map(|s| received.items(s)) {
                let of = &item.resource["attributes"];
                assert_eq!(of["service.version"], "1.2", "{item:?}");
                assert_eq!(of["team"], "north sea");
                assert_eq!(of["deployment.environment.name"], "staging");
                assert_eq!(of["onelogger.world_size"], 1);
                assert_eq!(of["service.instance.id"].as_str().map(str::len), Some(36));
            }
        }
    });
}

#[track_caller]
fn one_trace_of_three_levels(received: &Received) {
    let (request, query, row) =
        (received.span("request"), received.span("query"), received.span("row"));
    assert_eq!(request.parent_span_id, "");
    assert_eq!(query.parent_span_id, request.span_id);
    assert_eq!(row.parent_span_id, query.span_id);
    assert!(query.trace_id == request.trace_id && row.trace_id == request.trace_id);
    assert_eq!(received.events("found")[0].span_id, row.span_id);
    assert_eq!(received.events("exception")[0].span_id, request.span_id);
    let scopes = received.items("traces").map(|item| item.scope["name"].as_str());
    let scopes: std::collections::BTreeSet<_> = scopes.flatten().collect();
    assert!(scopes.into_iter().eq(["onelogger-tests", "other-library"]));
}

#[track_caller]
fn metrics_are_typed(received: &Received) {
    let queries = metric(received, "queries");
    assert_eq!((&queries["unit"], &queries["type"]), (&json!("{query}"), &json!("sum")));
    let duration = metric(received, "query.duration");
    assert_eq!((&duration["unit"], &duration["type"]), (&json!("s"), &json!("histogram")));
}

#[test]
fn what_is_not_wanted_is_not_sent() {
    let sink = Sink::start();
    let run = |name: &str, set: &[(&str, &str)]| {
        let mut service = Service::scenario("requests", name)
            .to(Protocol::HttpProtobuf, &sink.endpoint(Protocol::HttpProtobuf));
        for (name, value) in set {
            service = service.with(name, value);
        }
        service.run();
        let received = sink.received().of(name);
        ["traces", "logs", "metrics"].map(|signal| received.items(signal).count() > 0)
    };
    assert_eq!(run("all", &[]), [true, true, true]);
    assert_eq!(run("disabled", &[("OTEL_SDK_DISABLED", "true")]), [false, false, false]);
    assert_eq!(run("no traces", &[("OTEL_TRACES_EXPORTER", "none")]), [false, true, true]);
    assert_eq!(run("no logs", &[("OTEL_LOGS_EXPORTER", "none")]), [true, false, true]);
    assert_eq!(run("no metrics", &[("OTEL_METRICS_EXPORTER", "none")]), [true, true, false]);
    assert_eq!(run("not sampled", &[("OTEL_TRACES_SAMPLER", "always_off")]), [false, true, true]);
    // Without log records, events and errors stand in their spans.
    let received = sink.received().of("no logs");
    let events = |name: &str| {
        let span = received.items("traces").find(|item| item.body["name"] == name).unwrap();
        let events = span.body["events"].as_array().unwrap().iter();
        events.map(|event| event["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(events("row"), ["found"]);
    assert_eq!(events("request"), ["exception"]);
}

#[test]
fn the_console_shows_what_no_collector_gets() {
    let said = Service::scenario("requests", "console")
        .with("OTEL_TRACES_EXPORTER", "console")
        .with("OTEL_LOGS_EXPORTER", "console")
        .with("OTEL_METRICS_EXPORTER", "console")
        .run();
    for part in
        ["request", "row", "found", "no such row", "metric queries{db.system.name=testdb} 1"]
    {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
}

#[test]
fn each_worker_of_a_server_that_forks_is_set_up_for_itself() {
    let sink = Sink::start();
    let endpoint = sink.endpoint(Protocol::Grpc);
    for (scenario, expected, set) in [
        ("workers", vec![("worker-1", 1), ("worker-2", 2)], ("_OTEL_DEFER_SETUP", "true")),
        ("forked", vec![("child", 3), ("parent", 1), ("parent", 4)], ("UNUSED", "")),
    ] {
        let service = Service::scenario(scenario, scenario).to(Protocol::Grpc, &endpoint);
        service.with(set.0, set.1).run();
        let received = sink.received().of(scenario);
        let requests = received.items("traces").filter(|item| item.body["name"] == "request");
        let mut requests: Vec<_> = requests
            .map(|item| {
                let of = item.resource["attributes"]["service.instance.id"].as_str().unwrap();
                (of, item.body["attributes"]["number"].as_i64().unwrap())
            })
            .collect();
        requests.sort_unstable();
        assert_eq!(requests, expected, "{scenario}");
        let mut ids: Vec<_> = received.spans().into_iter().map(|span| span.span_id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "no id twice");
    }
}

#[test]
fn a_second_set_up_changes_nothing() {
    let sink = Sink::start();
    let protocol = Protocol::HttpProtobuf;
    for scenario in ["twice", "at-once"] {
        Service::scenario(scenario, scenario).to(protocol, &sink.endpoint(protocol)).run();
        let received = sink.received().of(scenario);
        assert_eq!(received.spans().len(), 3, "{scenario}");
        assert_eq!(received.events("onelogger.open").len(), 1, "{scenario}");
    }
}

#[test]
fn a_disabled_rank_is_silent() {
    let sink = Sink::start();
    let protocol = Protocol::HttpProtobuf;
    let service = Service::scenario("silent", "silent").to(protocol, &sink.endpoint(protocol));
    // Something that would be warned of.
    let said = service.with("OTEL_TRACES_SAMPLER", "sometimes").run();
    assert_eq!(said, "");
    assert!(sink.requests().is_empty());
}

#[test]
fn within_a_runtime_the_set_up_works_and_ends() {
    let sink = Sink::start();
    over_both(|protocol| {
        for runtime in ["current-thread", "multi-thread"] {
            let name = format!("{runtime} {protocol}");
            Service::scenario(runtime, &name).to(protocol, &sink.endpoint(protocol)).run();
            let received = sink.received().of(&name);
            let spans = received.spans();
            // The span of the verification is one more.
            assert_eq!(spans.len(), 41, "{name}");
            let tasks = spans.iter().filter(|span| span.name == "request");
            assert_eq!(tasks.filter(|span| span.parent_span_id.is_empty()).count(), 10);
            assert_eq!(received.problems(), Vec::<&String>::new());
        }
    });
}

#[test]
fn what_is_wrong_with_the_environment_is_said_and_the_program_works() {
    let said = Service::scenario("requests", "api-prod")
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@collector:4318")
        .with("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
        .with("OTEL_TRACES_SAMPLER", "sometimes")
        .with("OTEL_BSP_SCHEDULE_DELAY", "soon")
        .run();
    for part in [
        "send them in a header",
        "there is no sampler `sometimes`",
        "`soon` is no whole number of milliseconds",
        "deployment.environment.name",
        "authorization=***",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}
