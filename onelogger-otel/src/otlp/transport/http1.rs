//! OTLP/HTTP with binary messages.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression as Effort;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;

use super::answer::{RpcStatus, accepted, excerpt};
use super::{Accepted, chain, connector, http_date};
use crate::otlp::clock;
use crate::otlp::connection::{Compression, Route};
use crate::otlp::retry::Retry;
use crate::otlp::signal::Signal;
use crate::otlp::tls::TlsError;
use crate::otlp::transport::Failure;

const PROTOBUF: &str = "application/x-protobuf";

/// More than any collector has to say.
const LONGEST_ANSWER: usize = 1 << 20;

pub(super) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    connector: HttpsConnector<HttpConnector>,
    signal: Signal,
    uri: Uri,
    headers: HeaderMap,
    is_compressed: bool,
}

impl HttpClient {
    pub(super) fn new(route: &Route) -> Result<HttpClient, TlsError> {
        let connector = connector(route)?;
        let is_compressed = route.compression == Compression::Gzip;
        let mut headers = route.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(super::USER_AGENT));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(HttpClient {
            client: client(&connector),
            connector,
            signal: route.signal,
            uri: route.uri.clone(),
            headers,
            is_compressed,
        })
    }

    pub(super) fn prepare(&self, body: Bytes) -> Result<Bytes, Failure> {
        if !self.is_compressed {
            return Ok(body);
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Effort::fast());
        let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
        let failure = |error| {
            let message = format!("a request cannot be compressed: {error}");
            Failure { message, retry: Retry::Never }
        };
        compressed.map(Bytes::from).map_err(failure)
    }

    pub(super) fn reconnect(&mut self) {
        self.client = client(&self.connector);
    }

    pub(super) async fn send(&mut self, body: Bytes) -> Result<Accepted, (Retry, String)> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| (Retry::Later, chain(&error)))?;
        let status = answer.status();
        let wait = retry_after(answer.headers());
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| unreadable(&*error))?.to_bytes();
        if status.is_success() {
            let no_collector = || {
                let reason = format!("{status}, but the answer is none of a collector");
                (Retry::Never, reason)
            };
            return accepted(self.signal, body).ok_or_else(no_collector);
        }
        let explained = explanation(&body);
        let reason = match explained.is_empty() {
            true => status.to_string(),
            false => format!("{status}: {explained}"),
        };
        Err((retry(status, wait), reason))
    }
}

fn client(
    connector: &HttpsConnector<HttpConnector>,
) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector.clone())
}

fn unreadable(error: &(dyn Error + 'static)) -> (Retry, String) {
    let is_too_long = error.is::<LengthLimitError>();
    let retry = if is_too_long { Retry::Never } else { Retry::Later };
    (retry, format!("the answer cannot be read: {}", chain(error)))
}

/// The statuses that the protocol allows to be tried again; all others are for good.
fn retry(status: StatusCode, wait: Option<Duration>) -> Retry {
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => wait.map_or(Retry::Later, Retry::After),
        _ => Retry::Never,
    }
}

/// A pause in seconds, or until a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let pause = text(RETRY_AFTER)?;
    if let Ok(seconds) = pause.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // By the server's own clock, if it tells the time: ours may be another.
    let ours = clock::unix_nanos() / 1_000_000_000;
    let now = text(DATE).and_then(|date| http_date::unix_seconds(date, ours)).unwrap_or(ours);
    http_date::until(pause, now)
}

/// What a refusal says: a message of the protocol, or a text of something in between.
fn explanation(body: &Bytes) -> String {
    match RpcStatus::decode(body.clone()) {
        Ok(status) => excerpt(&status.message).to_owned(),
        Err(_) => excerpt(&String::from_utf8_lossy(body)).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let wait = Some(Duration::from_secs(3));
        for code in [429, 502, 503, 504] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(retry(status, None), Retry::Later);
            assert_eq!(retry(status, wait), Retry::After(Duration::from_secs(3)));
        }
        for code in [301, 307, 400, 401, 403, 404, 413, 500, 501] {
            assert_eq!(retry(StatusCode::from_u16(code).unwrap(), wait), Retry::Never, "{code}");
        }
    }

    #[test]
    fn a_pause_is_given_in_seconds_or_ends_at_a_date() {
        let headers =
            |value| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        assert_eq!(retry_after(&headers("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&headers("-7")), None);
        assert_eq!(retry_after(&headers("tomorrow")), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
        let past = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(retry_after(&headers(past)), Some(Duration::ZERO));
        let distant = retry_after(&headers("Fri, 31 Dec 9999 23:59:59 GMT"));
        assert!(distant.is_some_and(|pause| pause > Duration::from_secs(1 << 37)), "{distant:?}");
        // Of a server whose clock is years behind.
        let mut by_its_clock = headers("Sun, 06 Nov 1994 08:49:42 GMT");
        by_its_clock.insert(DATE, HeaderValue::from_static(past));
        assert_eq!(retry_after(&by_its_clock), Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_refusal_is_explained_in_a_line() {
        let status = RpcStatus { message: "no such tenant".into(), details: Vec::new() };
        assert_eq!(explanation(&status.encode_to_vec().into()), "no such tenant");
        assert_eq!(explanation(&Bytes::from_static(b"<html>\nbusy")), "<html>");
        assert_eq!(explanation(&Bytes::new()), "");
    }
}
