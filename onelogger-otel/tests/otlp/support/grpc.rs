//! A collector over gRPC: tonic's server, which shares no code of ours.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::sync::mpsc;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::KeyAndValueRef;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use super::collector::{Orders, Received, Reply};

/// What ends a server.
enum End {
    Reset,
    Stop,
}

/// Serves until what is returned is called.
pub(super) fn serve(listener: TcpListener, orders: Orders) -> Box<dyn FnOnce() + Send> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let stop = sender.clone();
    listener.set_nonblocking(true).expect("a listener");
    let server = thread::spawn(move || {
        let service = Arc::new(Service { orders, end: sender });
        loop {
            let listener = listener.try_clone().expect("a listener");
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            let end = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let traces = TraceServiceServer::from_arc(Arc::clone(&service))
                    .accept_compressed(Gzip)
                    .max_decoding_message_size(16 << 20);
                let logs = LogsServiceServer::from_arc(Arc::clone(&service))
                    .accept_compressed(Gzip)
                    .max_decoding_message_size(16 << 20);
                let server = Server::builder().add_service(traces).add_service(logs);
                tokio::select! {
                    _ = server.serve_with_incoming(TcpIncoming::from(listener)) => End::Stop,
                    end = receiver.recv() => end.unwrap_or(End::Stop),
                }
            });
            // All connections end with their runtime.
            runtime.shutdown_timeout(Duration::from_secs(5));
            if matches!(end, End::Stop) {
                break;
            }
        }
    });
    Box::new(move || {
        let _ = stop.send(End::Stop);
        server.join().expect("the server ends well");
    })
}

struct Service {
    orders: Orders,
    end: mpsc::UnboundedSender<End>,
}

impl Service {
    /// How many items are rejected.
    async fn answer<T>(&self, received: Received, request: &Request<T>) -> Result<i64, Status> {
        let header = |entry: KeyAndValueRef<'_>| match entry {
            KeyAndValueRef::Ascii(key, value) => {
                format!("{key}: {}", value.to_str().unwrap_or_default()).to_lowercase()
            }
            KeyAndValueRef::Binary(key, _) => key.to_string(),
        };
        let headers: Vec<String> = request.metadata().iter().map(header).collect();
        let is_compressed = headers.iter().any(|header| header == "grpc-encoding: gzip");
        match self.orders.take(Received { headers, is_compressed, ..received }) {
            Reply::Accept => Ok(0),
            Reply::Reject(items) => Ok(items as i64),
            Reply::Unavailable => Err(Status::unavailable("not now")),
            Reply::Busy(None) => Err(Status::resource_exhausted("too fast")),
            Reply::Busy(Some(wait)) => {
                let details = retry_info(wait).into();
                Err(Status::with_details(Code::ResourceExhausted, "too fast", details))
            }
            Reply::Refuse => Err(Status::invalid_argument("no such tenant")),
            Reply::Hang => std::future::pending().await,
            Reply::Reset => {
                let _ = self.end.send(End::Reset);
                std::future::pending().await
            }
            Reply::Page => Err(Status::unknown("<html>welcome</html>")),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let received = Received::traces(request.get_ref().clone());
        let rejected_spans = self.answer(received, &request).await?;
        let error_message = "too old".to_owned();
        let partial = ExportTracePartialSuccess { rejected_spans, error_message };
        let partial_success = (rejected_spans > 0).then_some(partial);
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let received = Received::logs(request.get_ref().clone());
        let rejected_log_records = self.answer(received, &request).await?;
        let error_message = "too old".to_owned();
        let partial = ExportLogsPartialSuccess { rejected_log_records, error_message };
        let partial_success = (rejected_log_records > 0).then_some(partial);
        Ok(Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

/// A `google.rpc.Status` with a `google.rpc.RetryInfo`, put together field by field.
fn retry_info(wait: Duration) -> Vec<u8> {
    #[derive(Clone, PartialEq, Message)]
    struct Pair {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Info {
        #[prost(message, optional, tag = "1")]
        delay: Option<Pair>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Any {
        #[prost(string, tag = "1")]
        url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Details {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }
    let delay = Pair { seconds: wait.as_secs() as i64, nanos: wait.subsec_nanos() as i32 };
    let value = Info { delay: Some(delay) }.encode_to_vec();
    let url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    Details { code: 8, details: vec![Any { url, value }] }.encode_to_vec()
}
