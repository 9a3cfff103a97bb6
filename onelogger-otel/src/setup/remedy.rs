//! What to do about a request that did not get through.

use crate::otlp::{Protocol, Route};

/// What the message says, in the words of the network, TLS and both protocols, comes down to a few
/// causes. The first that fits is taken.
pub(super) fn of(message: &str, route: &Route) -> String {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let (ours, other, port) = match route.protocol() {
        Protocol::HttpProtobuf => ("http/protobuf", "grpc", "4317"),
        Protocol::Grpc => ("grpc", "http/protobuf", "4318"),
    };
    let text: &str = if says(&["connection refused"]) {
        "nobody listens there: start a collector, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it is"
    } else if says(&["dns error", "failed to lookup", "name or service not known"]) {
        "the host's name is not known: check OTEL_EXPORTER_OTLP_ENDPOINT"
    } else if says(&["unreachable", "no route"]) {
        "there is no way to that address: check the network, or OTEL_EXPORTER_OTLP_ENDPOINT"
    } else if says(&["unknownissuer", "unknown issuer", "self-signed", "trusts no certificate"]) {
        "the server's certificate is signed by nobody who is trusted: set \
         OTEL_EXPORTER_OTLP_CERTIFICATE to a PEM file of its authority"
    } else if says(&["notvalidforname", "not valid for name"]) {
        "the certificate is for another name: use that in OTEL_EXPORTER_OTLP_ENDPOINT"
    } else if says(&["expired", "notvalidyet", "not valid yet"]) {
        "the certificate is out of date: renew it, or set this machine's clock"
    } else if says(&["certificaterequired", "certificate required", "handshakefailure"]) {
        "the server wants a certificate: set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY"
    } else if says(&["invalid certificate", "invalid peer certificate"]) {
        "the server's certificate is not accepted: see the message"
    } else if says(&["corruptmessage", "invalidcontenttype", "received corrupt message"]) {
        "the server does not speak TLS: write http:// instead of https:// in the endpoint"
    } else if says(&["401", "403", "unauthenticated", "permissiondenied"]) {
        "the collector wants credentials, or others: set OTEL_EXPORTER_OTLP_HEADERS to \
         authorization=Bearer%20…"
    } else if says(&["none of a collector", "404", "unimplemented", "405", "415"]) {
        return format!(
            "what listens there is no collector that takes {ours} at this address: check port and path \
             of the endpoint, or set OTEL_EXPORTER_OTLP_PROTOCOL to {other} (usually port {port})"
        );
    } else if says(&["h2 protocol error", "frame with invalid size", "invalid http version"])
        || says(&["http2 error", "message head", "invalid http", "connection closed before"])
        || says(&["stream closed", "connection reset", "broken pipe"])
    {
        return format!(
            "what listens there does not understand {ours}: set OTEL_EXPORTER_OTLP_PROTOCOL to {other} \
             (usually port {port}), or write https:// in the endpoint if it wants TLS"
        );
    } else if says(&["no answer within", "deadlineexceeded", "timed out", "deadline has elapsed"]) {
        "it does not answer in time: check firewalls and proxies, or set OTEL_EXPORTER_OTLP_TIMEOUT"
    } else if says(&["429", "resourceexhausted"]) {
        "the collector has too much to do: give it more memory, or send to another"
    } else if says(&["413", "too large", "outofrange"]) {
        "the request is larger than the collector takes: raise its limit to 4 MiB"
    } else if says(&["50", "unavailable"]) {
        "the collector, or something before it, is not able to work now: see its own log"
    } else if says(&["rejected"]) {
        "the collector takes requests, and not what is in them: see its message and its own log"
    } else {
        "see the message, and the collector's own log"
    };
    text.to_owned()
}
