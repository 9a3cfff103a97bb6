//! An exporter of the SDK that does what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::support::LIMIT;

/// What the next export does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Accept,
    Refuse,
    /// Never answers, without blocking.
    Hang,
    /// Blocks until it is released, then accepts.
    Block,
    Panic,
    /// Accepts after it has waited for a task of the runtime that it runs on.
    Spawn,
    /// Accepts after it has run a runtime of its own, as blocking clients do.
    RunRuntime,
    /// Accepts after it has recorded something itself.
    Record,
}

/// Copies are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backend(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
pub(crate) struct State {
    replies: VecDeque<Reply>,
    /// How many spans each export had.
    pub(crate) batches: Vec<usize>,
    /// Those that were accepted.
    pub(crate) spans: Vec<SpanData>,
    pub(crate) resource: Option<Resource>,
    pub(crate) flushes: usize,
    pub(crate) shutdowns: usize,
    /// How many exports have begun that never ended.
    pub(crate) dropped: usize,
    is_released: bool,
}

impl Backend {
    pub(crate) fn replying(replies: impl IntoIterator<Item = Reply>) -> Backend {
        let backend = Backend::default();
        backend.reply(replies);
        backend
    }

    /// The next exports do this; those that follow accept.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().replies.extend(replies);
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no test panics here")
    }

    /// Lets go an export that blocks, now or later.
    pub(crate) fn release(&self) {
        self.state().is_released = true;
        self.0.1.notify_all();
    }

    /// Waits until something is so.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
        let waited = self.0.1.wait_timeout_while(self.state(), LIMIT, |state| !is_so(state));
        assert!(!waited.expect("no test panics here").1.timed_out(), "never");
    }

    /// The spans without those that open and close the run.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        let mut spans = self.state().spans.clone();
        spans.retain(|span| !["onelogger.open", "onelogger.close"].contains(&&*span.name));
        spans
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.spans().into_iter().map(|span| span.name.into_owned()).collect()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }
}

/// Counts an export that is dropped before it has ended.
struct Unended<'a>(Option<&'a Backend>);

impl Drop for Unended<'_> {
    fn drop(&mut self) {
        if let Some(backend) = self.0.take() {
            backend.change(|state| state.dropped += 1);
        }
    }
}

impl SpanExporter for Backend {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut unended = Unended(Some(self));
        let reply = {
            let mut state = self.state();
            state.batches.push(batch.len());
            state.replies.pop_front().unwrap_or(Reply::Accept)
        };
        let result = match reply {
            Reply::Accept => Ok(()),
            Reply::Refuse => Err(OTelSdkError::InternalFailure("no such tenant".to_owned())),
            Reply::Hang => std::future::pending().await,
            Reply::Block => {
                self.wait_until(|state| state.is_released);
                Ok(())
            }
            Reply::Panic => panic!("as told"),
            Reply::Spawn => {
                let wait = tokio::time::sleep(std::time::Duration::from_millis(1));
                tokio::spawn(wait).await.expect("a task");
                Ok(())
            }
            Reply::RunRuntime => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(tokio::task::yield_now());
                Ok(())
            }
            Reply::Record => {
                let _span = onelogger::span!("from within");
                onelogger::event!("from within");
                onelogger::recorder().event(None, "from within").expect("a call that does nothing");
                Ok(())
            }
        };
        unended.0 = None;
        if result.is_ok() {
            self.change(|state| state.spans.extend(batch));
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.change(|state| state.flushes += 1);
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.change(|state| state.shutdowns += 1);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.change(|state| state.resource = Some(resource.clone()));
    }
}
