//! How a request gets to the collector, and what its answer means.

mod answer;
mod grpc;
mod http1;
mod http_date;

use std::time::Duration;

use bytes::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

use self::grpc::GrpcClient;
use self::http1::HttpClient;
use super::connection::{Protocol, Route};
use super::retry::Retry;
use super::signal::Signal;
use super::tls::TlsError;

/// What is said with each request of who sends it.
const USER_AGENT: &str = concat!("onelogger-otel/", env!("CARGO_PKG_VERSION"));

/// The answer to a request that the collector has taken, if not all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// So many items were refused.
    pub(crate) rejected: usize,
    /// Why; or, if none was, a warning.
    pub(crate) message: String,
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

/// A connection to the collector, for one signal: made when it is needed, kept, made anew when it breaks.
///
/// To be made and used within the exporter's runtime, which drives it.
pub(super) struct Transport {
    client: Client,
    signal: Signal,
    /// For messages.
    address: String,
    timeout: Duration,
}

enum Client {
    Http(Box<HttpClient>),
    Grpc(Box<GrpcClient>),
}

impl Transport {
    /// Connects to nothing yet.
    pub(super) fn new(route: &Route) -> Result<Transport, TlsError> {
        let client = match route.protocol {
            Protocol::HttpProtobuf => Client::Http(Box::new(HttpClient::new(route)?)),
            Protocol::Grpc => Client::Grpc(Box::new(GrpcClient::new(route)?)),
        };
        let (signal, address) = (route.signal, route.address());
        Ok(Transport { client, signal, address, timeout: route.timeout })
    }

    /// How long an attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
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
    pub(super) async fn attempt(&mut self, body: Bytes) -> Result<Accepted, Failure> {
        // Lets a connection that was closed meanwhile find out before it is used: nothing drives it
        // between two calls.
        tokio::task::yield_now().await;
        let answer = match &mut self.client {
            Client::Http(client) => client.send(body).await,
            Client::Grpc(client) => client.send(body).await,
        };
        answer.map_err(|(retry, reason)| self.failure(retry, &reason))
    }

    /// Gives up the present connection.
    pub(super) fn reconnect(&mut self) {
        match &mut self.client {
            Client::Http(client) => client.reconnect(),
            Client::Grpc(client) => client.reconnect(),
        }
    }

    /// Puts a reason into words.
    pub(super) fn failure(&self, retry: Retry, reason: &str) -> Failure {
        let message = format!("{} to {}: {reason}", self.signal.items(), self.address);
        Failure { message, retry }
    }
}

/// Makes connections of either protocol, with TLS where the endpoint asks for it.
fn connector(route: &Route) -> Result<HttpsConnector<HttpConnector>, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(route.timeout));
    let is_tls = route.uri.scheme_str() == Some("https");
    let tls = if is_tls { route.tls.client_config()? } else { route.tls.unused_config()? };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    Ok(match route.protocol {
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
