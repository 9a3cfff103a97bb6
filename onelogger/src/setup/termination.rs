//! What is done when the process is asked to end, by SIGTERM.

use std::io;
use std::time::Duration;

/// From now on, closes the provider of the process at SIGTERM, within so long a time.
#[cfg(target_os = "linux")]
pub(super) fn watch(timeout: Duration) -> io::Result<()> {
    use std::sync::{Mutex, PoisonError};
    use std::thread;

    use crate::sync::{ForkLocal, write_at_sigterm};

    /// How long the close may take, once somebody has asked for it. A forked child has to ask anew.
    static TIMEOUT: ForkLocal<Mutex<Option<Duration>>> = ForkLocal::new(|| Mutex::new(None));
    let of_process = || TIMEOUT.get().lock().unwrap_or_else(PoisonError::into_inner);

    let mut asked = of_process();
    if asked.is_none() {
        let (reader, writer) = io::pipe()?;
        // Before the handler: a signal that nobody looked at would be lost. Where there is no handler
        // the pipe is closed, and the thread ends.
        let watcher = thread::Builder::new().name("onelogger-sigterm".to_owned());
        watcher.spawn(move || attend(reader, || of_process().unwrap_or_default()))?;
        if !write_at_sigterm(writer)? {
            return Ok(());
        }
    }
    *asked = Some(timeout);
    Ok(())
}

/// Waits for signals.
#[cfg(target_os = "linux")]
fn attend(mut signals: io::PipeReader, timeout: impl Fn() -> Duration) {
    use std::io::Read as _;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::OneLoggerProvider;
    use crate::diagnostics;
    use crate::sync::{end_by_sigterm, is_sigterm_unhandled};

    let provider = OneLoggerProvider::instance();
    while matches!(signals.read(&mut [0; 64]), Ok(1..)) {
        let timeout = timeout();
        // A recorder of the application's own may panic; the process ends all the same.
        if !is_sigterm_unhandled() {
            // The application ends itself as it likes, and closes then.
            let flush = || provider.recorder().force_flush(timeout);
            let _ = catch_unwind(AssertUnwindSafe(flush));
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| provider.close(timeout))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => diagnostics::error(format_args!("{error}")),
            Err(_) => diagnostics::error(format_args!("the recorder has panicked in its close")),
        }
        if let Err(error) = end_by_sigterm() {
            diagnostics::error(format_args!("the process cannot be ended as asked: {error}"));
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn watch(_timeout: Duration) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
