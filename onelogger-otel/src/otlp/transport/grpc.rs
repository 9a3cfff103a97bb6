//! OTLP/gRPC.

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::answer::{RpcStatus, accepted, excerpt};
use super::{Accepted, USER_AGENT, chain, connector};
use crate::otlp::connection::{Compression, Route};
use crate::otlp::retry::Retry;
use crate::otlp::signal::Signal;
use crate::otlp::tls::TlsError;

pub(super) struct GrpcClient {
    client: Grpc<Channel>,
    signal: Signal,
    endpoint: Endpoint,
    connector: HttpsConnector<HttpConnector>,
    headers: MetadataMap,
    is_compressed: bool,
}

impl GrpcClient {
    pub(super) fn new(route: &Route) -> Result<GrpcClient, TlsError> {
        let connector = connector(route)?;
        let endpoint = Endpoint::from(route.uri.clone());
        // A user agent of visible ASCII is never refused.
        let endpoint = endpoint.clone().user_agent(USER_AGENT).unwrap_or(endpoint);
        let is_compressed = route.compression == Compression::Gzip;
        Ok(GrpcClient {
            client: client(&endpoint, &connector, is_compressed),
            signal: route.signal,
            endpoint,
            connector,
            headers: MetadataMap::from_headers(route.headers.clone()),
            is_compressed,
        })
    }

    pub(super) fn reconnect(&mut self) {
        self.client = client(&self.endpoint, &self.connector, self.is_compressed);
    }

    pub(super) async fn send(&mut self, body: Bytes) -> Result<Accepted, (Retry, String)> {
        let path = PathAndQuery::from_static(self.signal.grpc_path());
        let ready = self.client.ready().await;
        ready.map_err(|error| (Retry::Later, chain(&error)))?;
        let mut request = tonic::Request::new(body);
        *request.metadata_mut() = self.headers.clone();
        let answer = self.client.unary(request, path, Verbatim).await;
        let answer = answer.map_err(|status| (retry(&status), reason(&status)))?;
        let no_collector = || (Retry::Never, "the answer is none of a collector".to_owned());
        accepted(self.signal, answer.into_inner()).ok_or_else(no_collector)
    }
}

fn client(
    endpoint: &Endpoint,
    connector: &HttpsConnector<HttpConnector>,
    is_compressed: bool,
) -> Grpc<Channel> {
    let channel = endpoint.connect_with_connector_lazy(connector.clone());
    let client = Grpc::with_origin(channel, endpoint.uri().clone());
    if is_compressed { client.send_compressed(CompressionEncoding::Gzip) } else { client }
}

/// The statuses that the protocol allows to be tried again. A status that has a cause is none of
/// the collector's: the connection could not be made, or broke.
fn retry(status: &Status) -> Retry {
    if std::error::Error::source(status).is_some() {
        return Retry::Later;
    }
    let details = RpcStatus::decode(status.details()).unwrap_or_default();
    match (status.code(), details.retry_delay()) {
        (
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss,
            None,
        ) => Retry::Later,
        (
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
            | Code::ResourceExhausted,
            Some(wait),
        ) => Retry::After(wait),
        // Exhausted without a word of when it will not be: the request is too much as it is.
        _ => Retry::Never,
    }
}

fn reason(status: &Status) -> String {
    match std::error::Error::source(status) {
        Some(source) => chain(source),
        None => format!("{:?}: {}", status.code(), excerpt(status.message())),
    }
}

/// Sends bytes that are a message already, and gives the answer as bytes.
struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Verbatim;
    type Decoder = Verbatim;

    fn encoder(&mut self) -> Verbatim {
        Verbatim
    }

    fn decoder(&mut self) -> Verbatim {
        Verbatim
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(message.len());
        out.put(message);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let check =
            |code, expected| assert_eq!(retry(&Status::new(code, "")), expected, "{code:?}");
        check(Code::Unavailable, Retry::Later);
        check(Code::Aborted, Retry::Later);
        check(Code::ResourceExhausted, Retry::Never);
        check(Code::InvalidArgument, Retry::Never);
        check(Code::Unauthenticated, Retry::Never);
        check(Code::Unimplemented, Retry::Never);
        check(Code::Internal, Retry::Never);
        check(Code::Unknown, Retry::Never);
    }
}
