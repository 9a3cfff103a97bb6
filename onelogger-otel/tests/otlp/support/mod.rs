//! Collectors that obey, and jobs that report to them.

mod collector;
mod grpc;
mod http;
mod job;
pub(crate) mod tls;

pub(crate) use collector::{Collector, Received, Reply, Signal};
pub(crate) use job::{Job, LIMIT, export, exporter};

use onelogger_otel::Protocol;

/// What holds for one transport holds for the other.
pub(crate) const PROTOCOLS: [Protocol; 2] = [Protocol::HttpProtobuf, Protocol::Grpc];
