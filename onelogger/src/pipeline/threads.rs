//! The threads of the pipeline and its exporters, which record nothing.

use std::cell::Cell;

thread_local! {
    /// Whether this thread is the pipeline's or an exporter's, and records nothing.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the current thread works for a pipeline, so that what it records would feed itself.
pub(crate) fn is_pipeline_thread() -> bool {
    IS_OURS.try_with(Cell::get).unwrap_or(false)
}

/// Marks the current thread as working for the pipeline until it is dropped.
pub(super) struct Ours(bool);

impl Ours {
    pub(super) fn enter() -> Ours {
        Ours(IS_OURS.with(|is_ours| is_ours.replace(true)))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        IS_OURS.with(|is_ours| is_ours.set(self.0));
    }
}

pub(super) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}
