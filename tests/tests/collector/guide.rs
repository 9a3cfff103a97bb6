//! The collector's settings that the guide has do what the guide says.

use std::process::Command;

use onelogger_otel::Protocol;
use onelogger_tests::collector::{Collector, Sink, until};

const SETTINGS: &str = include_str!("../../../onelogger-otel/guide/collector.env");

/// The variables of the file, with the store at this address.
fn settings(store: &str) -> Vec<(String, String)> {
    let lines = SETTINGS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pair = |line: &str| {
        // What a shell, systemd and docker would read differently.
        assert!(!line.contains(['"', '\'', ' ', '$', '\\']), "{line}");
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.replace("https://store.example:4317", store))
    };
    let settings: Vec<(String, String)> = lines.map(pair).collect();
    assert!(settings.iter().any(|(_, value)| value == store), "{settings:?}");
    settings
}

/// One item of each signal over each transport, sent by the example `doctor` as if this was its
/// collector.
#[test]
fn all_signals_get_through_a_collector_with_the_settings_of_the_guide() {
    // The store lets in nobody else.
    let sink = Sink::with(&["--require-header", "x-api-key=change-me"]);
    let collector = Collector::configured(settings(&sink.endpoint(Protocol::Grpc)));
    for (protocol, word) in [(Protocol::HttpProtobuf, "http/protobuf"), (Protocol::Grpc, "grpc")] {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_doctor"));
        doctor.arg("--strict").env("OTEL_SERVICE_NAME", word);
        doctor.env("OTEL_EXPORTER_OTLP_PROTOCOL", word);
        doctor.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint(protocol));
        doctor.env("OTEL_EXPORTER_OTLP_TIMEOUT", "60000");
        let output = doctor.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        for (signal, name) in [("traces", "name"), ("logs", "event_name"), ("metrics", "name")] {
            sink.until_received(&format!("{signal} over {protocol}"), |received| {
                let received = received.of(word);
                received.items(signal).any(|item| item.body[name] == "onelogger.verify")
            });
        }
    }
    assert_eq!(sink.received().problems(), Vec::<&String>::new());
    // A request is noted after what is in it.
    let requests = until("requests of all signals", || {
        Some(sink.requests()).filter(|requests| requests.len() >= 3)
    });
    for request in requests {
        assert_eq!(request["headers"]["x-api-key"], "change-me", "{request}");
        // Compressed, as the file says: it was shorter on its way.
        let length = request["headers"]["content-length"].as_str();
        let length: Option<u64> = length.and_then(|length| length.parse().ok());
        assert!(length < request["body_bytes"].as_u64() && length.is_some(), "{request}");
    }
}
