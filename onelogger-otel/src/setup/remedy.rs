//! What to do about a request that did not get through.

use crate::otlp::{Protocol, Route};

/// What the message says, in the words of the network, TLS and both protocols, comes down to a few
/// causes.
pub(super) fn of(message: &str, route: &Route) -> String {
    // Before the reason stands an address, in which a port may look like a status.
    let address = format!("{}: ", route.address());
    let reason = message.split_once(&address).map_or(message, |(_, reason)| reason);
    match status(reason) {
        Some(status) => of_status(status, reason, route),
        None => of_connection(reason, route),
    }
}

/// The status of an answer, if there was one: HTTP's, or the one that stands for gRPC's.
fn status(reason: &str) -> Option<u16> {
    Some(match reason.split([' ', ':']).next()? {
        "InvalidArgument" | "FailedPrecondition" => 400,
        "Unauthenticated" => 401,
        "PermissionDenied" => 403,
        "NotFound" | "Unimplemented" => 404,
        "OutOfRange" => 413,
        "ResourceExhausted" => 429,
        "Internal" | "Unknown" | "DataLoss" | "Aborted" => 500,
        "Unavailable" | "Cancelled" | "DeadlineExceeded" => 503,
        number => number.parse().ok()?,
    })
}

fn of_status(status: u16, reason: &str, route: &Route) -> String {
    let text = match status {
        200..=299 | 404 | 405 | 415 => return no_collector(route),
        300..=399 => {
            "what listens there sends requests elsewhere, and they do not follow: set \
             OTEL_EXPORTER_OTLP_ENDPOINT to where the collector is"
        }
        401 | 403 | 407 => {
            "the collector wants credentials, or others: set OTEL_EXPORTER_OTLP_HEADERS to \
             authorization=Bearer%20…"
        }
        // Servers of gRPC have no status of its own for it.
        413 | 429 if status == 413 || says(reason, &["larger than", "too large"]) => {
            "the request is larger than the collector takes: raise its limit to 4 MiB"
        }
        429 => "the collector has too much to do: give it more memory, or send to another",
        500.. => "the collector, or something before it, is not able to work now: see its own log",
        _ => LOOK,
    };
    text.to_owned()
}

const LOOK: &str = "see the message, and the collector's own log";

/// Words of the network and of TLS, and what helps. The first that fits is taken.
const CAUSES: [(&[&str], &str); 10] = [
    (
        &["rejected by the collector"],
        "the collector takes requests, and not what is in them: see its message and its own log",
    ),
    (
        &["no answer within", "timed out", "deadline has elapsed"],
        "it does not answer in time: check firewalls and proxies, or set OTEL_EXPORTER_OTLP_TIMEOUT",
    ),
    (
        &["connection refused"],
        "nobody listens there: start a collector, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it is",
    ),
    (
        &["dns error", "failed to lookup"],
        "the host's name is not known: check OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        &["unreachable", "no route"],
        "there is no way to that address: check the network, or OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        // The signature is wrong where another authority bears the same name.
        &["unknownissuer", "badsignature", "trusts no certificate"],
        "the server's certificate is signed by nobody who is trusted: set \
         OTEL_EXPORTER_OTLP_CERTIFICATE to a PEM file of its authority",
    ),
    (
        &["not valid for name"],
        "the certificate is for another name: use that in OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
    (
        &["certificate expired", "certificate not valid yet"],
        "the certificate is out of date: renew it, or set this machine's clock",
    ),
    (&["invalid peer certificate"], "the server's certificate is not accepted: see the message"),
    (
        &["received corrupt message"],
        "the server does not speak TLS: write http:// instead of https:// in the endpoint",
    ),
];

fn of_connection(reason: &str, route: &Route) -> String {
    let (_, protocol) = protocols(route);
    let cause = CAUSES.iter().find(|(words, _)| says(reason, words));
    if let Some((_, remedy)) = cause {
        return (*remedy).to_owned();
    }
    if says(reason, &["none of a collector"]) {
        return no_collector(route);
    }
    // How the other end leaves a conversation that it does not understand, or does not want.
    let words = ["http2 error", "invalid http", "message head", "connection", "canceled", "alert"];
    if !says(reason, &words) && !says(reason, &["broken pipe"]) {
        return LOOK.to_owned();
    }
    let tls = route.tls();
    if tls == "none" {
        format!(
            "what listens there does not understand this: set OTEL_EXPORTER_OTLP_PROTOCOL to \
             {protocol}, or write https:// instead of http:// in the endpoint if it wants TLS"
        )
    } else if tls.contains("client certificate") {
        format!(
            "the server hangs up after TLS: it does not accept the certificate in \
             OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE; or set OTEL_EXPORTER_OTLP_PROTOCOL to {protocol}"
        )
    } else {
        format!(
            "the server hangs up after TLS: it wants a certificate, so set \
             OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY; or set \
             OTEL_EXPORTER_OTLP_PROTOCOL to {protocol}"
        )
    }
}

fn no_collector(route: &Route) -> String {
    let (ours, other) = protocols(route);
    format!(
        "what listens there is no collector that takes {ours} at this address: check port and path \
         of the endpoint, or set OTEL_EXPORTER_OTLP_PROTOCOL to {other}"
    )
}

/// What OpenTelemetry calls the protocol, and the other one, with its port.
fn protocols(route: &Route) -> (&'static str, &'static str) {
    match route.protocol() {
        Protocol::HttpProtobuf => ("http/protobuf", "grpc (usually port 4317)"),
        Protocol::Grpc => ("grpc", "http/protobuf (usually port 4318)"),
    }
}

fn says(reason: &str, words: &[&str]) -> bool {
    let reason = reason.to_ascii_lowercase();
    words.iter().any(|word| reason.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{OtlpConnection, Signal};

    /// The remedy for a message that bears an address whose port is that of a status.
    fn check(protocol: Protocol, reason: &str, expected: &str) {
        let connection =
            OtlpConnection::new().endpoint("http://localhost:40415").protocol(protocol);
        let route = connection.route(Signal::Traces).unwrap();
        let remedy = of(&format!("spans to {}: {reason}", route.address()), &route);
        assert!(remedy.contains(expected), "{reason}: {remedy}");
    }

    /// Rare ones; what can be brought about is tested with real servers, in `tests/`.
    #[test]
    fn a_port_or_a_word_of_the_server_s_is_no_status() {
        use Protocol::{Grpc, HttpProtobuf};
        check(HttpProtobuf, "client error (Connect): connection refused", "nobody listens");
        check(HttpProtobuf, "500 Internal Server Error: error 404 upstream", "not able to work");
        check(HttpProtobuf, "502 Bad Gateway", "not able to work");
        check(HttpProtobuf, "405 Method Not Allowed", "check port and path");
        check(Grpc, "Unavailable: connection refused by the store", "not able to work");
        check(Grpc, "ResourceExhausted: Received message larger than max (5 vs. 4)", "4 MiB");
        check(Grpc, "ResourceExhausted: quota", "too much to do");
        check(Grpc, "OutOfRange: message length too large", "4 MiB");
        check(Grpc, "transport error: network is unreachable (os error 101)", "no way to");
        check(Grpc, "something else", "see the message");
    }

    #[test]
    fn what_has_no_address_has_a_remedy_too() {
        let route = OtlpConnection::new().route(Signal::Logs).unwrap();
        let expected = "set OTEL_EXPORTER_OTLP_CERTIFICATE";
        assert!(of("no TLS: the system trusts no certificate", &route).contains(expected));
        assert!(of("rejected by the collector: 401", &route).contains("not what is in them"));
    }
}
