//! What an application may choose, and what is wrong with it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use onelogger::{Attributes, Name, Value};

use super::OtlpExporter;
use super::draft::Limits;
use super::retry::RetryPolicy;
use super::tls::{Tls, TlsError};

/// How requests travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Binary messages over HTTP/1.1, to `/v1/traces` and `/v1/logs`. Usually port 4318.
    #[default]
    HttpProtobuf,
    /// gRPC. Usually port 4317.
    Grpc,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip, which every collector understands.
    Gzip,
}

/// What becomes of events.
///
/// Errors, events without a span, telemetry data errors and the records that open and close a run
/// are log records in each of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventMode {
    /// Each event is a log record with the ids of its span, sent at once.
    #[default]
    LogRecords,
    /// Events stand in their span, and errors do so too. They are sent when the span stops; until
    /// then they are kept in memory, as far as that reaches (see
    /// [`memory`](OtlpExporterBuilder::memory)), and are log records beyond.
    SpanEvents,
    /// Each event is a span of its own, `EVENT_event_for_SPAN`, without length, below the span that
    /// it belongs to; errors are too, as `error_for_SPAN`. Sent at once. What the Python library
    /// does.
    ZeroLengthSpans,
}

/// Why an exporter cannot be made as it is set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpConfigError {
    /// Write the endpoint as `http://host:port` or `https://host:port`.
    #[error("the endpoint `{0}` is no address that begins with `http://` or `https://`")]
    Endpoint(String),
    /// Send credentials in a header.
    #[error("the endpoint holds a user name or a password; send them in a header")]
    Credentials,
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

/// Settings that have been checked.
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    /// Scheme and authority, and for HTTP the path before `/v1/traces`, without a last slash.
    pub(super) endpoint: String,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
    pub(super) timeout: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) tls: Tls,
    pub(super) resource: Attributes,
    pub(super) event_mode: EventMode,
    pub(super) announce_after: Option<Duration>,
    pub(super) memory_bytes: usize,
    pub(super) limits: Limits,
}

/// Settings of an [`OtlpExporter`]; see [`OtlpExporter::builder`].
pub struct OtlpExporterBuilder {
    endpoint: Option<String>,
    protocol: Protocol,
    headers: Vec<(String, String)>,
    compression: Compression,
    timeout: Duration,
    retry: RetryPolicy,
    tls: Tls,
    resource: Attributes,
    event_mode: EventMode,
    announce_after: Option<Duration>,
    memory_bytes: usize,
}

impl OtlpExporterBuilder {
    pub(super) fn new() -> OtlpExporterBuilder {
        OtlpExporterBuilder {
            endpoint: None,
            protocol: Protocol::default(),
            headers: Vec::new(),
            compression: Compression::default(),
            timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            tls: Tls::default(),
            resource: Attributes::new(),
            event_mode: EventMode::default(),
            announce_after: Some(Duration::from_secs(5)),
            memory_bytes: 16 << 20,
        }
    }

    /// Where the collector is: `http://host:4318`. For HTTP a path may follow, to which
    /// `/v1/traces` and `/v1/logs` are added. The default is the protocol's port on `localhost`.
    #[must_use]
    pub fn endpoint(mut self, address: impl Into<String>) -> OtlpExporterBuilder {
        self.endpoint = Some(address.into());
        self
    }

    /// How requests travel.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> OtlpExporterBuilder {
        self.protocol = protocol;
        self
    }

    /// Adds a header to each request, or replaces it. Its value shows in no message.
    #[must_use]
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> OtlpExporterBuilder {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> OtlpExporterBuilder {
        self.compression = compression;
        self
    }

    /// How long one attempt to send a request may take, connection included. 10 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> OtlpExporterBuilder {
        self.timeout = timeout;
        self
    }

    /// When a request is sent again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> OtlpExporterBuilder {
        self.retry = policy;
        self
    }

    /// Trusts these certificates, a PEM text, and no others. By default those that the system
    /// trusts.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> OtlpExporterBuilder {
        self.tls.roots = Some(pem.into());
        self
    }

    /// Shows the server a certificate, with the chain up to a root; both are PEM texts.
    #[must_use]
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> OtlpExporterBuilder {
        self.tls.identity = Some((chain.into(), key.into()));
        self
    }

    /// Adds or replaces an attribute of the resource, of whatever produces the telemetry.
    /// `service.name` is the application's name unless it is set here.
    #[must_use]
    pub fn resource(
        mut self,
        name: impl Into<Name>,
        value: impl Into<Value>,
    ) -> OtlpExporterBuilder {
        self.resource.set(name, value);
        self
    }

    /// What becomes of events.
    #[must_use]
    pub fn events(mut self, mode: EventMode) -> OtlpExporterBuilder {
        self.event_mode = mode;
        self
    }

    /// Announces a span that is open for so long, by a log record `onelogger.span.open` with its
    /// ids and name; `None` stands for never. 5 seconds by default.
    ///
    /// Looked for whenever the exporter is called: a span in a program that then records nothing
    /// more is announced with the next record.
    #[must_use]
    pub fn announce_open_spans_after(
        mut self,
        age: impl Into<Option<Duration>>,
    ) -> OtlpExporterBuilder {
        self.announce_after = age.into();
        self
    }

    /// How many bytes may be kept about open spans. 16 MiB by default, which is enough for 30,000
    /// of them. Nothing is lost for want of it: starts and events that find no room are log records
    /// at once.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> OtlpExporterBuilder {
        self.memory_bytes = bytes;
        self
    }

    /// The exporter. Nothing is connected before the provider is configured.
    ///
    /// # Errors
    /// If a setting can never work; each variant says what to do.
    pub fn build(self) -> Result<OtlpExporter, OtlpConfigError> {
        let default = match self.protocol {
            Protocol::HttpProtobuf => "http://localhost:4318",
            Protocol::Grpc => "http://localhost:4317",
        };
        let endpoint = self.endpoint.as_deref().unwrap_or(default).trim_end_matches('/').to_owned();
        let uri = endpoint_uri(&endpoint, self.protocol)?;
        if self.timeout.is_zero() {
            return Err(OtlpConfigError::Timeout);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            let parsed = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(value).ok());
            let (name, mut value) = parsed.ok_or(OtlpConfigError::Header(name))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self.tls.check()?;
        Ok(OtlpExporter::new(Settings {
            protocol: self.protocol,
            endpoint,
            uri,
            headers,
            compression: self.compression,
            timeout: self.timeout,
            retry: self.retry,
            tls: self.tls,
            resource: self.resource,
            event_mode: self.event_mode,
            announce_after: self.announce_after,
            memory_bytes: self.memory_bytes,
            limits: Limits::default(),
        }))
    }
}

fn endpoint_uri(endpoint: &str, protocol: Protocol) -> Result<Uri, OtlpConfigError> {
    // Looked for first: what holds a password must not show in another message.
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    if authority.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err(OtlpConfigError::Credentials);
    }
    let uri: Option<Uri> = endpoint.parse().ok();
    let is_address = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|h| !h.is_empty())
    };
    let uri = uri.filter(is_address).ok_or_else(|| OtlpConfigError::Endpoint(endpoint.into()))?;
    match protocol {
        _ if uri.query().is_some() => Err(OtlpConfigError::Endpoint(endpoint.into())),
        Protocol::Grpc if uri.path() != "/" => Err(OtlpConfigError::Path(endpoint.into())),
        _ => Ok(uri),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, protocol: Protocol, expected: Option<&str>) {
        let built = OtlpExporter::builder().endpoint(endpoint).protocol(protocol).build();
        let error = built.err().map(|error| error.to_string());
        match (&error, expected) {
            (None, None) => {}
            (Some(error), Some(expected)) => assert!(error.contains(expected), "{error}"),
            _ => panic!("{endpoint}: {error:?}"),
        }
    }

    #[test]
    fn endpoints_are_checked_before_anything_is_sent() {
        use Protocol::{Grpc, HttpProtobuf};
        check("http://localhost:4318/", HttpProtobuf, None);
        check("https://collector.example/otlp", HttpProtobuf, None);
        check("http://[::1]:4317", Grpc, None);
        check("localhost:4317", Grpc, Some("begins with `http://`"));
        check("ftp://localhost", HttpProtobuf, Some("begins with `http://`"));
        check("http://", HttpProtobuf, Some("begins with `http://`"));
        check("http://h/?a=b", HttpProtobuf, Some("begins with `http://`"));
        check("http://localhost:4317/v1", Grpc, Some("gRPC takes none"));
        let error = OtlpExporter::builder().endpoint("http://me:secret@host").build();
        let message = error.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("in a header") && !message.contains("secret"), "{message}");
    }

    #[test]
    fn headers_are_checked_and_their_values_never_shown() {
        let built = OtlpExporter::builder().header("authorization", "Bearer\nsecret").build();
        let message = built.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains("authorization") && !message.contains("secret"), "{message}");
        assert!(OtlpExporter::builder().header("a b", "c").build().is_err());
        assert!(OtlpExporter::builder().timeout(Duration::ZERO).build().is_err());
        assert!(OtlpExporter::builder().root_certificates("no PEM").build().is_err());
    }
}
