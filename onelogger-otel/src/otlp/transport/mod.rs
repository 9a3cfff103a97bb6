//! How a request gets to the collector, and what its answer means.

mod answer;
mod grpc;
mod http1;

use bytes::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

use self::grpc::GrpcClient;
use self::http1::HttpClient;
use super::draft::Signal;
use super::retry::Retry;
use super::settings::{Protocol, Settings};
use super::tls::TlsError;

/// What is said with each request of who sends it.
const USER_AGENT: &str = concat!("onelogger-otel/", env!("CARGO_PKG_VERSION"));

/// The answer to a request that the collector has taken, if not all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// So many items were refused.
    pub(super) rejected: usize,
    /// Why; or, if none was, a warning.
    pub(super) message: String,
}

/// Why a request did not get through.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) retry: Retry,
}

impl Failure {
    pub(super) fn after(mut self, attempts: usize) -> Failure {
        if attempts > 1 {
            self.message.push_str(&format!(" ({attempts} attempts)"));
        }
        self
    }
}

/// A connection to the collector: made when it is needed, kept, made anew when it breaks.
///
/// To be made and used within the exporter's runtime, which drives it.
pub(super) struct Transport {
    client: Client,
    /// For messages.
    endpoint: String,
}

enum Client {
    Http(Box<HttpClient>),
    Grpc(Box<GrpcClient>),
}

impl Transport {
    /// Connects to nothing yet.
    pub(super) fn new(settings: &Settings) -> Result<Transport, TlsError> {
        let client = match settings.protocol {
            Protocol::HttpProtobuf => Client::Http(Box::new(HttpClient::new(settings)?)),
            Protocol::Grpc => Client::Grpc(Box::new(GrpcClient::new(settings)?)),
        };
        Ok(Transport { client, endpoint: settings.endpoint.clone() })
    }

    /// What goes over the wire for a body, the same in each attempt.
    pub(super) fn prepare(&self, body: Bytes) -> Result<Bytes, Failure> {
        match &self.client {
            Client::Http(client) => client.prepare(body),
            // Compressed where it is framed.
            Client::Grpc(_) => Ok(body),
        }
    }

    /// Sends a request once.
    pub(super) async fn attempt(
        &mut self,
        signal: Signal,
        body: Bytes,
    ) -> Result<Accepted, Failure> {
        // Lets a connection that was closed meanwhile find out before it is used: nothing drives it
        // between two calls.
        tokio::task::yield_now().await;
        let answer = match &mut self.client {
            Client::Http(client) => client.send(signal, body).await,
            Client::Grpc(client) => client.send(signal, body).await,
        };
        answer.map_err(|(retry, reason)| self.failure(signal, retry, &reason))
    }

    /// Gives up the present connection.
    pub(super) fn reconnect(&mut self) {
        match &mut self.client {
            Client::Http(client) => client.reconnect(),
            Client::Grpc(client) => client.reconnect(),
        }
    }

    /// Puts a reason into words.
    pub(super) fn failure(&self, signal: Signal, retry: Retry, reason: &str) -> Failure {
        let what = match signal {
            Signal::Traces => "spans",
            Signal::Logs => "log records",
        };
        Failure { message: format!("{what} to {}: {reason}", self.endpoint), retry }
    }
}

/// Makes connections of either protocol, with TLS where the endpoint asks for it.
fn connector(settings: &Settings) -> Result<HttpsConnector<HttpConnector>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(settings.timeout));
    let is_tls = settings.uri.scheme_str() == Some("https");
    let tls = if is_tls { settings.tls.client_config()? } else { settings.tls.unused_config()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match settings.protocol {
        Protocol::HttpProtobuf => builder.enable_http1().wrap_connector(tcp),
        Protocol::Grpc => builder.enable_http2().wrap_connector(tcp),
    })
}

/// The texts of an error and of what caused it, the outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some errors repeat what caused them.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
