//! What both kinds of collectors have in common: orders, and what they have received.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use onelogger_otel::Protocol;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::job::LIMIT;
use super::{grpc, http};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

/// How a collector answers a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Accept,
    /// Accepts, but for so many items.
    Reject(usize),
    /// 503, `UNAVAILABLE`.
    Unavailable,
    /// 429, `RESOURCE_EXHAUSTED`; with the pause it asks for.
    Busy(Option<Duration>),
    /// 400, `INVALID_ARGUMENT`.
    Refuse,
    /// Answers when it is too late.
    Hang,
    /// Closes the connection instead of answering. Over gRPC: all connections.
    Reset,
    /// Over HTTP: 200 and a page. Over gRPC: a message that is none.
    Page,
}

/// A request that has arrived, whatever the answer was.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) signal: Signal,
    pub(crate) at: Instant,
    pub(crate) is_accepted: bool,
    pub(crate) is_compressed: bool,
    /// `name: value`, in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) resource: Resource,
    /// With how many items of each there are.
    pub(crate) scopes: Vec<(InstrumentationScope, usize)>,
    /// That of the resource, then those of the scopes.
    pub(crate) schema_urls: Vec<String>,
    pub(crate) spans: Vec<Span>,
    pub(crate) logs: Vec<LogRecord>,
}

/// A collector on a port of the loopback. Ends when dropped.
pub(crate) struct Collector {
    pub(crate) address: String,
    orders: Orders,
    // Kept for the collector that comes back.
    listener: TcpListener,
    protocol: Protocol,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

/// What a collector is to do and what it has seen, shared with its threads.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    traces: VecDeque<Reply>,
    logs: VecDeque<Reply>,
    received: Vec<Received>,
    is_over: bool,
}

impl Collector {
    pub(crate) fn start(protocol: Protocol) -> Collector {
        let mut collector = Collector::absent(protocol);
        collector.come();
        collector
    }

    /// A port where nobody answers yet: connections wait in the system's queue.
    pub(crate) fn absent(protocol: Protocol) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        Collector { address, orders: Orders::default(), listener, protocol, stop: None }
    }

    pub(crate) fn come(&mut self) {
        let listener = self.listener.try_clone().expect("a listener");
        self.orders.lock().is_over = false;
        self.stop = Some(match self.protocol {
            Protocol::HttpProtobuf => http::serve(listener, self.orders.clone()),
            _ => grpc::serve(listener, self.orders.clone()),
        });
    }

    /// Ends all connections.
    pub(crate) fn go(&mut self) {
        self.orders.end();
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }

    /// Answers the next requests with spans like this, and accepts those that follow.
    pub(crate) fn traces(&self, replies: impl IntoIterator<Item = Reply>) {
        self.orders.lock().traces.extend(replies);
    }

    /// The same for those with log records.
    pub(crate) fn logs(&self, replies: impl IntoIterator<Item = Reply>) {
        self.orders.lock().logs.extend(replies);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.orders.lock().received.clone()
    }

    /// The spans of all requests that were accepted.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let accepted = self.received().into_iter().filter(|request| request.is_accepted);
        accepted.flat_map(|request| request.spans).collect()
    }

    /// The log records of all requests that were accepted.
    pub(crate) fn log_records(&self) -> Vec<LogRecord> {
        let accepted = self.received().into_iter().filter(|request| request.is_accepted);
        accepted.flat_map(|request| request.logs).collect()
    }

    /// The log records without the one that opens the run.
    pub(crate) fn events(&self) -> Vec<LogRecord> {
        let mut all = self.log_records();
        all.retain(|log| log.event_name != "onelogger.open");
        all
    }

    pub(crate) fn event_names(&self) -> Vec<String> {
        self.log_records().into_iter().map(|log| log.event_name).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.go();
    }
}

impl Orders {
    /// Notes a request; says how to answer it.
    pub(super) fn take(&self, mut received: Received) -> Reply {
        let mut state = self.lock();
        let next = match received.signal {
            Signal::Traces => state.traces.pop_front(),
            Signal::Logs => state.logs.pop_front(),
        };
        let reply = next.unwrap_or(Reply::Accept);
        received.is_accepted = matches!(reply, Reply::Accept | Reply::Reject(_));
        state.received.push(received);
        reply
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    pub(super) fn wait_for_end(&self) {
        let (_, changed) = &*self.0;
        let state = self.lock();
        let waited = changed.wait_timeout_while(state, LIMIT, |state| !state.is_over);
        drop(waited);
    }

    fn end(&self) {
        self.lock().is_over = true;
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no test panics here")
    }
}

impl Received {
    pub(super) fn traces(request: ExportTraceServiceRequest) -> Received {
        let of_resource = request.resource_spans.into_iter().next().expect("a resource");
        let mut received = Received::empty(Signal::Traces);
        received.schema_urls.push(of_resource.schema_url);
        received.resource = of_resource.resource.expect("a resource");
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope.expect("a scope");
            received.scopes.push((scope, of_scope.spans.len()));
            received.schema_urls.push(of_scope.schema_url);
            received.spans.extend(of_scope.spans);
        }
        received
    }

    pub(super) fn logs(request: ExportLogsServiceRequest) -> Received {
        let of_resource = request.resource_logs.into_iter().next().expect("a resource");
        let mut received = Received::empty(Signal::Logs);
        received.schema_urls.push(of_resource.schema_url);
        received.resource = of_resource.resource.expect("a resource");
        for of_scope in of_resource.scope_logs {
            let scope = of_scope.scope.expect("a scope");
            received.scopes.push((scope, of_scope.log_records.len()));
            received.schema_urls.push(of_scope.schema_url);
            received.logs.extend(of_scope.log_records);
        }
        received
    }

    fn empty(signal: Signal) -> Received {
        Received {
            signal,
            at: Instant::now(),
            is_accepted: false,
            is_compressed: false,
            headers: Vec::new(),
            resource: Resource::default(),
            scopes: Vec::new(),
            schema_urls: Vec::new(),
            spans: Vec::new(),
            logs: Vec::new(),
        }
    }
}
