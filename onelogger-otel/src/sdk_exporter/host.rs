//! The thread that an exporter of the SDK lives on.
//!
//! Such an exporter may need a runtime (tonic, hyper), may block and so forbid one around it
//! (reqwest's blocking client), may hang or panic. So it has a thread of its own, which polls what
//! it does and can block, within reach of a runtime that the caller drives while it waits. Whoever
//! does not answer in time is given up: an asynchronous export is dropped, and a blocking one is
//! left alone until it returns; what is asked meanwhile fails at once.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use onelogger::OneLoggerProvider;
use onelogger::exporter::{ExportError, Run};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::oneshot;

use crate::otlp::deadline;
use crate::otlp::engine::Engine;

/// An exporter of the SDK, whichever it is: its own trait does not allow for that.
pub(super) trait AnySpanExporter: Send {
    fn export(
        &self,
        spans: Vec<SpanData>,
    ) -> Pin<Box<dyn Future<Output = OTelSdkResult> + Send + '_>>;
    fn force_flush(&self) -> OTelSdkResult;
    fn shutdown(&self) -> OTelSdkResult;
    fn set_resource(&mut self, resource: &Resource);
}

impl<E: SpanExporter> AnySpanExporter for E {
    fn export(
        &self,
        spans: Vec<SpanData>,
    ) -> Pin<Box<dyn Future<Output = OTelSdkResult> + Send + '_>> {
        Box::pin(SpanExporter::export(self, spans))
    }

    fn force_flush(&self) -> OTelSdkResult {
        SpanExporter::force_flush(self)
    }

    /// Without a time: an exporter that has only one of the two ways to shut down has this one, or
    /// is reached through it.
    fn shutdown(&self) -> OTelSdkResult {
        SpanExporter::shutdown(self)
    }

    fn set_resource(&mut self, resource: &Resource) {
        SpanExporter::set_resource(self, resource);
    }
}

pub(super) struct Host {
    jobs: SyncSender<Job>,
    engine: Engine,
    limit: Duration,
    /// Says how long a close may take.
    run: Run,
}

/// What the exporter is asked to do.
pub(super) enum Work {
    Export(Vec<SpanData>),
    Flush,
    /// The last: the exporter is dropped after it.
    Shutdown,
}

struct Job {
    work: Work,
    /// Closed when nobody waits for the answer any more.
    answer: oneshot::Sender<Result<(), String>>,
}

impl Host {
    /// Gives an exporter a thread; it is gone from where it was only if that has succeeded.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(
        engine: Engine,
        exporter: &mut Option<Box<dyn AnySpanExporter>>,
        limit: Duration,
        run: &Run,
    ) -> std::io::Result<Host> {
        // One job may wait for the one that is being done, and no more: nobody waits for those.
        let (jobs, to_do) = sync_channel(1);
        let (hand_over, guest) = sync_channel(1);
        let runtime = engine.handle();
        let work = move || {
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            // What the exporter itself is instrumented with says nothing: it would never end.
            let _silent = OneLoggerProvider::new().attach();
            let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
            if let Ok(Some(exporter)) = guest.recv() {
                serve(exporter, &to_do);
            }
        };
        thread::Builder::new().name("onelogger-otel".to_owned()).spawn(work)?;
        let _ = hand_over.send(exporter.take());
        Ok(Host { jobs, engine, limit, run: run.clone() })
    }

    /// Lets the exporter do something, and waits for it within the limit, and within the time that a
    /// close has.
    pub(super) fn call(&self, work: Work) -> Result<(), ExportError> {
        let gone = || ExportError::new("the exporter is shut down");
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job { work, answer }).map_err(|error| match error {
            TrySendError::Full(_) => {
                ExportError::new("the exporter has not returned from an earlier call")
            }
            TrySendError::Disconnected(_) => gone(),
        })?;
        // Not waited for any more, `answered` is dropped, and the job with it.
        let run = Some(&self.run);
        match self.engine.run(deadline::wait(self.limit, run, answered))? {
            Some(Ok(result)) => result.map_err(ExportError::new),
            Some(Err(_)) => Err(gone()),
            None if deadline::is_over(run) => {
                Err(ExportError::new("the exporter has not returned before the close was over"))
            }
            None => {
                let limit = self.limit;
                Err(ExportError::new(format!("the exporter has not returned within {limit:?}")))
            }
        }
    }
}

/// Does the jobs, one by one, and shuts the exporter down at the end.
fn serve(exporter: Box<dyn AnySpanExporter>, jobs: &Receiver<Job>) {
    let mut last = None;
    while let Ok(Job { work, mut answer }) = jobs.recv() {
        let result = match work {
            Work::Shutdown => {
                last = Some(answer);
                break;
            }
            _ if answer.is_closed() => continue,
            Work::Flush => caught(|| exporter.force_flush()),
            Work::Export(spans) => caught(|| wait(export(&*exporter, spans, &mut answer))),
        };
        let _ = answer.send(result);
    }
    // Also when nobody has asked for it: it was dropped, or had not returned in time.
    let result = caught(move || {
        let result = exporter.shutdown();
        // Before the answer: what it holds is free when the close returns.
        drop(exporter);
        result
    });
    let _ = last.map(|answer| answer.send(result));
}

/// What the exporter says, or that it has panicked.
fn caught(call: impl FnOnce() -> OTelSdkResult) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("the exporter has panicked: {}", message_of(&*panic))),
    }
}

/// Exports until that is done or nobody waits for it.
async fn export(
    exporter: &dyn AnySpanExporter,
    spans: Vec<SpanData>,
    answer: &mut oneshot::Sender<Result<(), String>>,
) -> OTelSdkResult {
    let mut exporting = exporter.export(spans);
    poll_fn(|context| match exporting.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => answer.poll_closed(context).map(|()| Ok(())),
    })
    .await
}

/// Polls a future to its end, without being a runtime: what blocks in it, or starts a runtime of
/// its own, may.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
