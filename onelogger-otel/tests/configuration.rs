//! The exporter type `otlp` is there because this crate is linked, and takes all its settings from a
//! configuration.

use onelogger::config::{Format, Loader};
// Linked, and otherwise not used.
use onelogger_otel as _;

/// Loads one exporter of the type, with these settings.
fn load(settings: &str) -> Result<String, String> {
    let text = format!(
        r#"{{"application_name": "a", "world_size": 1, "session_tag": "",
"exporters": {{"far": {{"type": "otlp"{settings}}}}}}}"#
    );
    let environment = [("COLLECTOR_TOKEN", "s3cret"), ("PORT", "4317")];
    let loader = Loader::new().environment(environment).document(Format::Json, text);
    loader.load().map(|loaded| loaded.explain().to_string()).map_err(|error| error.to_string())
}

#[test]
fn a_type_of_a_crate_that_is_only_linked_is_found() {
    load("").unwrap();
}

#[test]
fn every_setting_can_be_given() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let explained = load(
        r#", "endpoint": "https://collector:${PORT}", "protocol": "grpc", "compression": "gzip",
        "headers": {"x-team": "${COLLECTOR_TOKEN}", "x": "s3cret"}, "timeout": "3s",
        "traces": {"endpoint": "http://traces:1", "headers": {"x": "s3cret"}},
        "logs": {"enabled": false},
        "retry": {"first_pause": "1ms", "longest_pause": "1s", "within": "10s"},
        "resource": {"service.version": "1", "cloud": {"region": "eu"}},
        "events": "span_events", "announce_open_spans_after": "1m", "announce_open_spans": true,
        "memory": "1 MiB", "max_export_batch_size": 100,
        "span_limits": {"attribute_count": 1, "event_count": 1, "link_count": 1,
            "attributes_per_event": 1, "attributes_per_link": 1, "attribute_value_length": 1},
        "log_limits": {"attribute_count": 1, "attribute_value_length": 1}"#,
    );
    let explained = explained.unwrap();
    assert!(!explained.contains("s3cret"), "{explained}");
    assert!(explained.contains(r#"exporters.far.endpoint = "https://collector:4317""#));
    assert!(explained.contains("exporters.far.headers.x-team = <redacted>"));
    // A file that is there and holds no certificate: it was read.
    let error = load(&format!(r#", "certificate": "{certificate}""#)).unwrap_err();
    assert!(error.contains("exporters.far: the TLS settings cannot be used"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (settings, expected) in [
        (
            r#", "endpoint": "collector""#,
            "document:2:22: exporters.far: the endpoint `collector` is none like `http://host:port` \
             or `https://host:port`",
        ),
        (
            r#", "endpont": "http://collector""#,
            "document:2:39: exporters.far.endpont: unknown field; did you mean `endpoint`?",
        ),
        (
            r#", "endpoint": "http://me:s3cret@collector""#,
            "document:2:22: exporters.far: the endpoint holds a user name or a password; send them \
             in a header",
        ),
        (
            r#", "protocol": "http/json""#,
            "document:2:51: exporters.far.protocol: expected `http/protobuf` or `grpc`, found the \
             text `http/json`",
        ),
        (
            r#", "endpoint": "${COLLECTOR_TOKEN}""#,
            "document:2:22: exporters.far: the endpoint `<redacted>` is none like `http://host:port` \
             or `https://host:port`",
        ),
        (
            r#", "certificate": "/nowhere/${COLLECTOR_TOKEN}""#,
            "document:2:54: exporters.far.certificate: /nowhere/<redacted> cannot be read: No such \
             file or directory (os error 2)",
        ),
        (
            r#", "headers": {"x": ["s3cret"]}"#,
            "document:2:56: exporters.far.headers.x: expected a text, found a list",
        ),
        (
            r#", "headers": {"x": "s3cret\n"}"#,
            "document:2:22: exporters.far: `x` is no name of a header, or its value cannot be one",
        ),
        (
            r#", "client_key": "/nowhere/key.pem""#,
            "document:2:22: exporters.far: `client_certificate` and `client_key` belong together",
        ),
        (
            r#", "client_key": "/nowhere/key.pem""#,
            "document:2:53: exporters.far.client_key: /nowhere/key.pem cannot be read: No such file \
             or directory (os error 2)",
        ),
        (
            r#", "traces": {"timeout": "0s"}"#,
            "document:2:22: exporters.far: the timeout of a request is zero",
        ),
        (
            r#", "traces": {"enabled": false}, "logs": {"enabled": false}"#,
            "document:2:22: exporters.far: sends neither traces nor logs; `enabled: false` leaves it out",
        ),
        (
            r#", "max_export_batch_size": 0"#,
            "document:2:64: exporters.far.max_export_batch_size: must be at least 1",
        ),
    ] {
        let error = load(settings).unwrap_err();
        assert!(error.lines().any(|line| line == expected), "{error}\n{expected}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}
