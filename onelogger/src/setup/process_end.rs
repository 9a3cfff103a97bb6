//! What is done when the process ends without the guard: by `std::process::exit`, or by a panic
//! that aborts.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::OneLoggerProvider;
use super::provider::CLOSE_TIMEOUT;
use crate::context;
use crate::data::is_formatting;
use crate::pipeline::is_pipeline_thread;
use crate::signal::note_panic;
use crate::sync::at_exit;

/// How long a panic may wait for its flush.
const PANIC_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// Panics that follow each other more closely (caught ones, in a loop) do not flush again.
const PANIC_FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// From now on, closes the provider of the process at its exit, and flushes it at a panic, after
/// the hook that was in place. Spans learn what a panic said.
pub(super) fn watch() {
    static WATCHING: OnceLock<()> = OnceLock::new();
    if std::thread::panicking() {
        // The standard library would refuse a hook now; the next one who configures sets it.
        return;
    }
    WATCHING.get_or_init(|| {
        at_exit(close);
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if is_formatting() || is_pipeline_thread() {
                // It will be caught, and ends neither a span nor the job. And a flush would wait for the
                // very thread that waits here.
                return before(panic);
            }
            note_panic(panic);
            before(panic);
            flush();
        }));
    });
}

extern "C" fn close() {
    // A panic must not leave this function, and there is nobody left to tell.
    let _ = catch_unwind(|| OneLoggerProvider::instance().close(CLOSE_TIMEOUT));
}

fn flush() {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    // Only tried: another panic that is here right now does the flush.
    let Ok(mut last) = LAST.try_lock() else { return };
    if last.is_none_or(|last| last.elapsed() >= PANIC_FLUSH_INTERVAL) {
        *last = Some(Instant::now());
        let Some(configured) = context::try_of_process() else { return };
        // What is not flushed in time is still on its way.
        let flush = move || configured.recorder.force_flush(PANIC_FLUSH_TIMEOUT);
        // On a thread of its own: a recorder of the application's own may panic, and a panic within
        // this hook would end the process.
        let (done, is_done) = mpsc::channel();
        let work = move || {
            let _ = done.send(catch_unwind(AssertUnwindSafe(flush)).is_ok());
        };
        if thread::Builder::new().name("onelogger-flush".to_owned()).spawn(work).is_ok() {
            let _ = is_done.recv_timeout(PANIC_FLUSH_TIMEOUT);
        }
    }
}
