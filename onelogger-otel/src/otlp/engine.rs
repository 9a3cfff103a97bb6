//! The runtime that drives what an exporter sends.
//!
//! It has one thread: that which calls the exporter. Between two calls it stands still.

use std::future::Future;
use std::io;
use std::thread;

use onelogger::OneLoggerProvider;
use onelogger::exporter::ExportError;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::bridge;

pub(crate) struct Engine {
    /// Gone when this is dropped.
    runtime: Option<Runtime>,
}

impl Engine {
    pub(crate) fn new() -> io::Result<Engine> {
        let runtime = Builder::new_current_thread()
            // Names of hosts are looked up on a thread beside.
            .thread_name("onelogger-otlp")
            .max_blocking_threads(1)
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Engine { runtime: Some(runtime) })
    }

    /// Runs work to its end.
    ///
    /// # Errors
    /// If the thread that is needed for it cannot be started.
    pub(crate) fn run<T: Send>(
        &self,
        work: impl Future<Output = T> + Send,
    ) -> Result<T, ExportError> {
        let Some(runtime) = &self.runtime else {
            return Err(ExportError::new("the runtime is gone"));
        };
        // What the transport itself is instrumented with says nothing: it would never end. The
        // recorder sees to that on the threads of exporters, and the SDK is told here.
        let suppress = opentelemetry::Context::enter_telemetry_suppressed_scope;
        let is_outside = Handle::try_current().is_err_and(|error| error.is_missing_context());
        if is_outside && bridge::has_context() {
            let _suppressed = suppress();
            return Ok(runtime.block_on(work));
        }
        // In synchronous mode the caller may be a task of the application's runtime, and tokio lets
        // no runtime run within another; or a thread that ends, whose contexts are gone. The thread
        // beside records nothing: the recorder waits for it, and would wait for itself.
        let run = || {
            let _silent = OneLoggerProvider::new().attach();
            let _suppressed = suppress();
            runtime.block_on(work)
        };
        let failed = |reason: &str| ExportError::new(format!("no thread to send with: {reason}"));
        thread::scope(|scope| {
            let beside = thread::Builder::new().name("onelogger-otlp".to_owned());
            let beside = beside.spawn_scoped(scope, run);
            let beside = beside.map_err(|error| failed(&error.to_string()))?;
            beside.join().map_err(|_| failed("it has panicked"))
        })
    }

    /// The runtime, for another thread to enter. It does not keep it from ending.
    pub(crate) fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Makes what belongs to the runtime.
    pub(crate) fn enter<T>(&self, make: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        make()
    }
}

impl Drop for Engine {
    /// Waits for nothing: whoever drops it may be a task of another runtime, in which tokio forbids
    /// that.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
