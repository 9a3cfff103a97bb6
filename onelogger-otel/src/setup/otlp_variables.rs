//! `OTEL_EXPORTER_OTLP_*`: where each signal goes, and how.

use super::variables::Variables;
use crate::otlp::{Compression, OtlpConnection, Protocol, Signal, shown};

/// The connection of a signal, from its own variables and those for all signals.
pub(super) fn connection(variables: &mut Variables<'_>, signal: Signal) -> OtlpConnection {
    let own = match signal {
        Signal::Traces => "OTEL_EXPORTER_OTLP_TRACES_",
        Signal::Logs => "OTEL_EXPORTER_OTLP_LOGS_",
        Signal::Metrics => "OTEL_EXPORTER_OTLP_METRICS_",
    };
    let mut reader = Reader { variables, own };
    let protocol = reader.protocol();
    let mut connection = OtlpConnection::new().protocol(protocol);
    connection = reader.endpoint(connection, protocol);
    for (name, value) in reader.headers() {
        connection = connection.header(name, value);
    }
    const COMPRESSIONS: [(&str, Compression); 2] =
        [("none", Compression::None), ("gzip", Compression::Gzip)];
    if let Some(name) = reader.set("COMPRESSION")
        && let Some(compression) = reader.variables.word(&name, &COMPRESSIONS)
    {
        connection = connection.compression(compression);
    }
    if let Some(name) = reader.set("TIMEOUT")
        && let Some(timeout) = reader.variables.timeout(&name)
    {
        connection = connection.timeout(timeout);
    }
    reader.certificates(connection)
}

/// What every variable for all signals begins with.
const GENERAL: &str = "OTEL_EXPORTER_OTLP_";

struct Reader<'v, 'a> {
    variables: &'v mut Variables<'a>,
    own: &'static str,
}

impl Reader<'_, '_> {
    /// The name of the variable that counts: that of the signal, else that for all; the first that is
    /// set.
    fn set(&self, what: &str) -> Option<String> {
        let names = [format!("{}{what}", self.own), format!("{GENERAL}{what}")];
        names.into_iter().find(|name| self.variables.raw(name).is_some())
    }

    fn protocol(&mut self) -> Protocol {
        const PROTOCOLS: [(&str, Protocol); 2] =
            [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpProtobuf)];
        let name = self.set("PROTOCOL");
        let chosen = name.and_then(|name| self.variables.word(&name, &PROTOCOLS));
        chosen.unwrap_or_default()
    }

    fn endpoint(&mut self, connection: OtlpConnection, protocol: Protocol) -> OtlpConnection {
        let Some(name) = self.set("ENDPOINT") else {
            return connection;
        };
        let mut address = self.variables.raw(&name).unwrap_or_default();
        if protocol == Protocol::Grpc && !address.contains("://") {
            // The specification allows it for gRPC, and has a variable for what is then meant.
            let insecure = self.set("INSECURE");
            let is_insecure = insecure.is_some_and(|name| self.variables.flag(&name));
            address = format!("{}://{address}", if is_insecure { "http" } else { "https" });
        }
        self.variables.understood(&name, shown(&address));
        match name.starts_with(self.own) {
            true => connection.signal_endpoint(address),
            false => connection.endpoint(address),
        }
    }

    /// The signal's own instead of those for all, not beside them: where it goes to another store, the
    /// credentials of the first are none of its business.
    fn headers(&mut self) -> Vec<(String, String)> {
        let name = self.set("HEADERS");
        name.map_or_else(Vec::new, |name| self.variables.pairs(&name, true))
    }

    fn certificates(&mut self, mut connection: OtlpConnection) -> OtlpConnection {
        if let Some(pem) = self.file("CERTIFICATE") {
            connection = connection.root_certificates(pem);
        }
        match (self.file("CLIENT_CERTIFICATE"), self.file("CLIENT_KEY")) {
            (Some(chain), Some(key)) => connection.client_certificate(chain, key),
            (Some(_), None) => {
                let name = format!("{GENERAL}CLIENT_KEY");
                self.variables.problem(&name, "is missing: a client certificate needs its key");
                connection
            }
            (None, Some(_)) => {
                let name = format!("{GENERAL}CLIENT_CERTIFICATE");
                self.variables.problem(&name, "is missing: a client key needs its certificate");
                connection
            }
            (None, None) => connection,
        }
    }

    /// The contents of the file that a variable names.
    fn file(&mut self, what: &str) -> Option<Vec<u8>> {
        let name = self.set(what)?;
        let path = self.variables.text(&name)?;
        match std::fs::read(&path) {
            Ok(contents) => Some(contents),
            Err(error) => {
                self.variables.problem(&name, format_args!("cannot read `{path}`: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(signal: Signal, set: &[(&str, &str)]) -> (OtlpConnection, Vec<String>, String) {
        let lookup = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut variables = Variables::new(&lookup);
        let connection = connection(&mut variables, signal);
        (connection, variables.problems, format!("{:?}", variables.understood))
    }

    fn check(signal: Signal, set: &[(&str, &str)], expected: &[&str]) {
        let (connection, problems, _) = read(signal, set);
        assert!(problems.is_empty(), "{problems:?}");
        let shown = format!("{connection:?}");
        for part in expected {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }

    #[test]
    fn a_signal_s_own_variables_come_before_those_for_all() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318");
        let own = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.example/in");
        check(Signal::Logs, &[all, own], &[r#"Exact("https://logs.example/in")"#]);
        check(Signal::Traces, &[all, own], &[r#"Base("http://all:4318")"#]);
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let http = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf");
        check(Signal::Metrics, &[grpc, http], &["HttpProtobuf"]);
        check(Signal::Logs, &[grpc, http], &["Grpc"]);
        let timeout = ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500");
        let gzip = ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
        check(Signal::Logs, &[timeout, gzip], &["2.5s", "Gzip"]);
        let headers = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=2"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=3,c=4"),
        ];
        check(Signal::Traces, &headers, &[r#"["b", "c"]"#]);
        check(Signal::Logs, &headers, &[r#"["a", "b"]"#]);
    }

    #[test]
    fn a_password_in_an_endpoint_shows_nowhere_however_it_is_written() {
        for endpoint in [
            "http://me:secret@host:4318",
            "me:secret@host:4318",
            "http:/me:secret@host",
            "http://me:se/cret@host",
            "http://me:secret@",
        ] {
            for protocol in ["grpc", "http/protobuf"] {
                let set = [
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
                ];
                let (connection, problems, understood) = read(Signal::Traces, &set);
                let error = connection.route(Signal::Traces).err().map(|error| error.to_string());
                let said = format!("{error:?} {problems:?} {understood} {connection:?}");
                assert!(error.is_some() && !said.contains("cret"), "{endpoint}: {said}");
            }
        }
    }

    #[test]
    fn a_key_in_the_query_of_an_endpoint_shows_nowhere() {
        let set = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://c.example/in?key=secret")];
        let (connection, problems, understood) = read(Signal::Traces, &set);
        let address = connection.route(Signal::Traces).map(|route| route.address());
        let said = format!("{address:?} {problems:?} {understood} {connection:?}");
        assert!(said.contains("c.example/in?***") && !said.contains("secret"), "{said}");
    }

    #[test]
    fn grpc_takes_an_address_without_a_scheme() {
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let address = ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
        let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
        check(Signal::Traces, &[grpc, address], &["https://collector:4317"]);
        check(Signal::Traces, &[grpc, address, insecure], &["http://collector:4317"]);
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_is() {
        let set = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@host"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
        ];
        let (connection, problems, understood) = read(Signal::Traces, &set);
        assert!(connection.route(Signal::Traces).is_err());
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("`http/json` is not known; expected `grpc`"), "{problems:?}");
        assert!(!understood.contains("secret") && !problems.concat().contains("secret"));
    }
}
