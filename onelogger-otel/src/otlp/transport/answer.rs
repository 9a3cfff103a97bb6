//! What collectors answer, over either protocol.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::Accepted;
use crate::otlp::signal::Signal;

/// Reads the answer to a request that was taken. `None` if it is no answer of a collector.
pub(super) fn accepted(signal: Signal, body: Bytes) -> Option<Accepted> {
    let partial = match signal {
        Signal::Traces => {
            let answer = ExportTraceServiceResponse::decode(body).ok()?;
            answer.partial_success.map(|partial| (partial.rejected_spans, partial.error_message))
        }
        Signal::Logs => {
            let answer = ExportLogsServiceResponse::decode(body).ok()?;
            let partial = answer.partial_success;
            partial.map(|partial| (partial.rejected_log_records, partial.error_message))
        }
        Signal::Metrics => {
            let answer = ExportMetricsServiceResponse::decode(body).ok()?;
            let partial = answer.partial_success;
            partial.map(|partial| (partial.rejected_data_points, partial.error_message))
        }
    };
    let (rejected, message) = partial.unwrap_or_default();
    Some(Accepted { rejected: usize::try_from(rejected).unwrap_or(0), message })
}

/// `google.rpc.Status`, with which both protocols explain a refusal.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    /// How long the collector wants to be left alone, if it says so.
    pub(super) fn retry_delay(&self) -> Option<Duration> {
        let is_retry_info = |detail: &&Detail| detail.type_url.ends_with("/google.rpc.RetryInfo");
        let detail = self.details.iter().find(is_retry_info)?;
        let delay = RetryInfo::decode(detail.value.clone()).ok()?.retry_delay.unwrap_or_default();
        let seconds = u64::try_from(delay.seconds).unwrap_or(0);
        Some(Duration::new(seconds, u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999)))
    }
}

/// The first line of what a server says, if it is not long.
pub(super) fn excerpt(text: &str) -> &str {
    let line = text.trim().lines().next().unwrap_or_default();
    &line[..line.floor_char_boundary(200)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_found_among_other_details() {
        let detail = |name: &str, value: Vec<u8>| Detail {
            type_url: format!("type.googleapis.com/google.rpc.{name}"),
            value: value.into(),
        };
        let info = |seconds, nanos| RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
        let check = |details: Vec<Detail>, expected: Option<Duration>| {
            let status = RpcStatus { details, ..RpcStatus::default() };
            assert_eq!(status.retry_delay(), expected);
        };
        check(vec![], None);
        check(vec![detail("Help", vec![1, 2])], None);
        let wait = detail("RetryInfo", info(2, 500_000_000).encode_to_vec());
        check(vec![detail("Help", vec![]), wait], Some(Duration::from_millis(2500)));
        check(vec![detail("RetryInfo", vec![])], Some(Duration::ZERO));
        check(vec![detail("RetryInfo", info(-1, -1).encode_to_vec())], Some(Duration::ZERO));
        check(vec![detail("RetryInfo", vec![0xff])], None);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt("  no such tenant\n<html>"), "no such tenant");
        assert_eq!(excerpt(&"ä".repeat(150)).len(), 200);
        assert_eq!(excerpt(""), "");
    }
}
