//! Where requests go and how: what an application may choose, and what is wrong with it.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::signal::Signal;
use super::tls::{Tls, TlsError};

/// How requests travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Binary messages over HTTP/1.1, to `/v1/traces`, `/v1/logs` and `/v1/metrics`. Usually port
    /// 4318.
    #[default]
    HttpProtobuf,
    /// gRPC. Usually port 4317.
    Grpc,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::HttpProtobuf => "OTLP/HTTP",
            Protocol::Grpc => "OTLP/gRPC",
        })
    }
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip, which every collector understands.
    Gzip,
}

/// Why an exporter cannot be made as it is set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpConfigError {
    /// Write the endpoint as `http://host:port` or `https://host:port`.
    #[error("the endpoint `{0}` is none like `http://host:port` or `https://host:port`")]
    Endpoint(String),
    /// Send credentials in a header.
    #[error("the endpoint holds a user name or a password; send them in a header")]
    Credentials,
    /// Leave the query away; only the [endpoint of one signal](OtlpConnection::signal_endpoint) over
    /// HTTP may have one.
    #[error("the endpoint `{0}` has a query, and only that of one signal over HTTP may have one")]
    Query(String),
    /// Leave the path away: gRPC has its own.
    #[error("the endpoint `{0}` has a path, and gRPC takes none")]
    Path(String),
    /// Use letters, digits and hyphens in a header's name, visible ASCII in its value.
    #[error("`{0}` is no name of a header, or its value cannot be one")]
    Header(String),
    /// Give PEM texts: certificates, and a private key that belongs to them.
    #[error("the TLS settings cannot be used: {0}")]
    Tls(#[from] TlsError),
    /// Choose a longer time.
    #[error("the timeout of a request is zero")]
    Timeout,
}

/// Where requests go, and how they travel.
///
/// Nothing is connected before something is sent. `Debug` shows no header's value, no key, and nothing
/// of an address that may be a secret.
///
/// ```
/// use onelogger_otel::{Compression, OtlpConnection, Protocol};
/// let connection = OtlpConnection::new()
///     .endpoint("https://collector.example:4317")
///     .protocol(Protocol::Grpc)
///     .header("authorization", "Bearer secret")
///     .compression(Compression::Gzip);
/// assert!(!format!("{connection:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct OtlpConnection {
    address: Option<Address>,
    protocol: Protocol,
    headers: Vec<(String, String)>,
    compression: Compression,
    timeout: Duration,
    tls: Tls,
}

#[derive(Clone, Debug)]
enum Address {
    /// Of all signals; for HTTP the path of the signal follows.
    Base(String),
    /// Of one signal.
    Exact(String),
}

impl Address {
    fn shown(&self) -> Address {
        match self {
            Address::Base(address) => Address::Base(shown(address)),
            Address::Exact(address) => Address::Exact(shown(address)),
        }
    }
}

impl OtlpConnection {
    /// To `http://localhost:4318`, over HTTP, without compression; 10 seconds an attempt.
    pub fn new() -> OtlpConnection {
        OtlpConnection {
            address: None,
            protocol: Protocol::default(),
            headers: Vec::new(),
            compression: Compression::default(),
            timeout: Duration::from_secs(10),
            tls: Tls::default(),
        }
    }

    /// Where the collector is: `http://host:4318`. For HTTP a path may follow, to which
    /// `/v1/traces` and the like are added. The default is the protocol's port on `localhost`.
    pub fn endpoint(mut self, address: impl Into<String>) -> OtlpConnection {
        self.address = Some(Address::Base(address.into()));
        self
    }

    /// The whole address of one signal, to which nothing is added:
    /// `https://logs.example/ingest/otlp`. Over HTTP it may have a query, which shows in no message. What `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` and its like hold.
    pub fn signal_endpoint(mut self, address: impl Into<String>) -> OtlpConnection {
        self.address = Some(Address::Exact(address.into()));
        self
    }

    /// How requests travel.
    pub fn protocol(mut self, protocol: Protocol) -> OtlpConnection {
        self.protocol = protocol;
        self
    }

    /// Adds a header to each request, or replaces it. Its value shows in no message.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> OtlpConnection {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How requests are compressed.
    pub fn compression(mut self, compression: Compression) -> OtlpConnection {
        self.compression = compression;
        self
    }

    /// How long one attempt to send a request may take, connection included. 10 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> OtlpConnection {
        self.timeout = timeout;
        self
    }

    /// Trusts these certificates, a PEM text, and no others. By default those that the system
    /// trusts.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> OtlpConnection {
        self.tls.roots = Some(pem.into());
        self
    }

    /// Shows the server a certificate, with the chain up to a root; both are PEM texts.
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> OtlpConnection {
        self.tls.identity = Some((chain.into(), key.into()));
        self
    }

    /// What it comes to for one signal, checked.
    pub(crate) fn route(&self, signal: Signal) -> Result<Route, OtlpConfigError> {
        if self.timeout.is_zero() {
            return Err(OtlpConfigError::Timeout);
        }
        let default = match self.protocol {
            Protocol::HttpProtobuf => "http://localhost:4318",
            Protocol::Grpc => "http://localhost:4317",
        };
        let (given, is_exact) = match &self.address {
            Some(Address::Base(base)) => (base.trim_end_matches('/'), false),
            Some(Address::Exact(exact)) => (exact.as_str(), true),
            None => (default, false),
        };
        let given_uri = checked_uri(given)?;
        if given_uri.query().is_some() && (!is_exact || self.protocol == Protocol::Grpc) {
            return Err(OtlpConfigError::Query(shown(given)));
        }
        let uri = match self.protocol {
            Protocol::Grpc if !matches!(given_uri.path(), "" | "/") => {
                return Err(OtlpConfigError::Path(shown(given)));
            }
            Protocol::HttpProtobuf if !is_exact => {
                checked_uri(&format!("{given}{}", signal.http_path()))?
            }
            _ => given_uri,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
            let (name, mut value) = parsed.ok_or_else(|| OtlpConfigError::Header(name.clone()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self.tls.check()?;
        Ok(Route {
            signal,
            protocol: self.protocol,
            uri,
            headers,
            compression: self.compression,
            timeout: self.timeout,
            tls: self.tls.clone(),
        })
    }
}

impl Default for OtlpConnection {
    fn default() -> OtlpConnection {
        OtlpConnection::new()
    }
}

impl fmt::Debug for OtlpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpConnection")
            .field("address", &self.address.as_ref().map(Address::shown))
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The way of one signal's requests, which has been checked.
#[derive(Clone)]
pub(crate) struct Route {
    pub(super) signal: Signal,
    pub(super) protocol: Protocol,
    /// For HTTP with the path of the signal.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
    pub(super) timeout: Duration,
    pub(super) tls: Tls,
}

impl Route {
    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where to, for people; without a last slash.
    pub(crate) fn address(&self) -> String {
        shown(&self.uri.to_string()).trim_end_matches('/').to_owned()
    }

    /// The host and the port, for a program.
    pub(crate) fn server(&self) -> (Option<&str>, Option<u16>) {
        let port = self.uri.port_u16().or_else(|| match self.uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        });
        (self.uri.host(), port)
    }

    /// How the connection is protected, for people.
    pub(crate) fn tls(&self) -> String {
        if self.uri.scheme_str() != Some("https") {
            return "none".to_owned();
        }
        let roots = if self.tls.roots.is_some() { "own roots" } else { "the system's roots" };
        let identity = if self.tls.identity.is_some() { ", client certificate" } else { "" };
        format!("{roots}{identity}")
    }
}

fn checked_uri(address: &str) -> Result<Uri, OtlpConfigError> {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    if authority.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err(OtlpConfigError::Credentials);
    }
    let uri: Option<Uri> = address.parse().ok();
    let is_address = |uri: &Uri| {
        let (authority, host) = (uri.authority()?.as_str(), uri.host()?);
        // What is no number there is no port, and would be taken for none.
        let has_port = uri.port_u16().is_some() || authority.len() == host.len();
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        (is_http && has_port && !host.is_empty()).then_some(())
    };
    uri.filter(|uri| is_address(uri).is_some())
        .ok_or_else(|| OtlpConfigError::Endpoint(shown(address)))
}

/// An address as it may be shown, however it is written: a name and a password before an `@` and a key
/// in a query are secrets.
pub(crate) fn shown(address: &str) -> String {
    let (before, rest) = match address.rsplit_once('@') {
        Some((before, rest)) => {
            // What has other signs in it is no scheme, and may be a part of the password.
            let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let scheme = before.split_once("://").filter(|(scheme, _)| is_word(scheme));
            (scheme.map_or("***@".to_owned(), |(scheme, _)| format!("{scheme}://***@")), rest)
        }
        None => (String::new(), address),
    };
    let rest = rest.split_once('?').map_or(rest.to_owned(), |(rest, _)| format!("{rest}?***"));
    before + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(connection: &OtlpConnection, expected: Result<&str, &str>) {
        let route = connection.route(Signal::Logs);
        match (route.map(|route| route.uri.to_string()), expected) {
            (Ok(uri), Ok(expected)) => assert_eq!(uri, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (got, expected) => panic!("{connection:?}: {got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn endpoints_are_checked_before_anything_is_sent() {
        use Protocol::{Grpc, HttpProtobuf};
        let base =
            |address: &str, protocol| OtlpConnection::new().endpoint(address).protocol(protocol);
        let http = |address: &str| base(address, HttpProtobuf);
        check(&OtlpConnection::new(), Ok("http://localhost:4318/v1/logs"));
        check(&http("http://localhost:4318/"), Ok("http://localhost:4318/v1/logs"));
        check(&http("https://c.example/otlp/"), Ok("https://c.example/otlp/v1/logs"));
        let exact = |address: &str| OtlpConnection::new().signal_endpoint(address);
        check(&exact("https://c.example/in/"), Ok("https://c.example/in/"));
        check(&exact("https://c.example"), Ok("https://c.example/"));
        check(&base("http://[::1]:4317", Grpc), Ok("http://[::1]:4317/"));
        check(&http("localhost:4317"), Err("is none like `http://host:port`"));
        check(&http("ftp://localhost"), Err("is none like `http://host:port`"));
        check(&http("http://"), Err("is none like `http://host:port`"));
        check(&http("http://[::1]"), Ok("http://[::1]/v1/logs"));
        check(&http("http://h:port"), Err("`http://h:port` is none like"));
        check(&http("http://h:70000"), Err("`http://h:70000` is none like"));
        check(&http("http://h/?a=b"), Err("only that of one signal"));
        check(&exact("https://c.example/in?a=b"), Ok("https://c.example/in?a=b"));
        check(&exact("https://h/?a=b").protocol(Grpc), Err("only that of one signal"));
        check(&base("http://localhost:4317/v1", Grpc), Err("gRPC takes none"));
        let error = http("http://me:secret@host").route(Signal::Traces).err();
        let message = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("in a header") && !message.contains("secret"), "{message}");
    }

    #[test]
    fn headers_are_checked_and_their_values_never_shown() {
        let connection = OtlpConnection::new().header("authorization", "Bearer\nsecret");
        let message = connection.route(Signal::Traces).err().map(|error| error.to_string());
        let message = message.unwrap_or_default() + &format!("{connection:?}");
        assert!(message.contains("authorization") && !message.contains("secret"), "{message}");
        check(&OtlpConnection::new().header("a b", "c"), Err("no name of a header"));
        check(&OtlpConnection::new().timeout(Duration::ZERO), Err("is zero"));
        check(&OtlpConnection::new().root_certificates("no PEM"), Err("TLS"));
    }
}
