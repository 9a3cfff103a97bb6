//! A job that ends in one of several ways: `ending_job HOW FILE`.

use std::error::Error;
use std::process::{abort, exit};
#[cfg(target_os = "linux")]
use std::time::Duration;

use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, FileExporter, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, event, recorder, span,
};

fn configure(file: &str) -> Result<OneLoggerGuard, Box<dyn Error>> {
    let config = OneLoggerConfig::builder("ending job")
        .world_size(1)
        .session_tag("")
        .error_handling_strategy(ErrorHandlingStrategy::PropagateExceptions)
        .build()?;
    let recorder = DefaultRecorder::builder().exporter(FileExporter::new(file)).build()?;
    Ok(OneLoggerProvider::instance().configure(config, recorder)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [how, file] = arguments.as_slice() else {
        return Err("usage: ending_job return|exit|forget|panic-abort|fork|sigterm-… FILE".into());
    };
    let guard = configure(file)?;
    let span = recorder().start("work")?;
    recorder().event(&span, "at work")?;
    match how.as_str() {
        "return" => {}
        // The guard is still alive, and `exit` does not drop it.
        "exit" => exit(0),
        "forget" => std::mem::forget(guard),
        "panic-abort" => {
            // What a program built with `panic = "abort"` does.
            let _ = std::panic::catch_unwind(|| panic!("out of coffee"));
            abort();
        }
        "fork" => fork(guard, file)?,
        #[cfg(target_os = "linux")]
        how if how.starts_with("sigterm") => return sigterm::run(how, guard, file),
        _ => return Err(format!("unknown way to end: {how}").into()),
    }
    Ok(())
}

/// The child records nothing with what it has inherited, and what it configures itself is its own.
#[cfg(unix)]
fn fork(guard: OneLoggerGuard, file: &str) -> Result<(), Box<dyn Error>> {
    let inherited = recorder();
    let around = span!("around");
    // SAFETY: the child uses no lock that another thread of its parent may hold; that this is so
    // is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        if OneLoggerProvider::instance().is_ready() || inherited.start("inherited").is_ok() {
            exit(1);
        }
        event!("inherited");
        drop(span!("inherited"));
        drop(around);
        drop(guard);
        let _own = configure(&format!("{file}.child"))?;
        let span = recorder().start("child's work")?;
        recorder().stop(&span)?;
        drop(span!("by a macro"));
        return Ok(());
    }
    let mut status = -1;
    // SAFETY: `status` is valid for writing, and the child is ours.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    recorder().event(None, "child has ended")?;
    if status != 0 {
        return Err("the child has recorded with what it has inherited".into());
    }
    Ok(())
}

#[cfg(not(unix))]
fn fork(_: OneLoggerGuard, _: &str) -> Result<(), Box<dyn Error>> {
    Err("there is no fork here".into())
}

/// Jobs that are asked to end.
#[cfg(target_os = "linux")]
mod sigterm {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// So long that it is only reached if something hangs.
    const PATIENCE: Duration = Duration::from_secs(60);

    static IS_ASKED: AtomicBool = AtomicBool::new(false);

    extern "C" fn note(_signal: libc::c_int) {
        IS_ASKED.store(true, Ordering::SeqCst);
    }

    fn install(handler: libc::sighandler_t) {
        // SAFETY: the handler does nothing but an atomic store, or is one of the system's own.
        unsafe { libc::signal(libc::SIGTERM, handler) };
    }

    fn install_own() {
        let handler: extern "C" fn(libc::c_int) = note;
        install(handler as libc::sighandler_t);
    }

    fn ask_to_end(process: libc::pid_t) {
        // SAFETY: sends a signal to a process of ours.
        assert_eq!(unsafe { libc::kill(process, libc::SIGTERM) }, 0);
    }

    fn wait_for(process: libc::pid_t) -> libc::c_int {
        let mut status = -1;
        // SAFETY: `status` is valid for writing, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(process, &raw mut status, 0) }, process);
        status
    }

    pub(super) fn run(how: &str, guard: OneLoggerGuard, file: &str) -> Result<(), Box<dyn Error>> {
        match how {
            "sigterm-unasked" => {}
            "sigterm-before" => install_own(),
            "sigterm-ignored" => install(libc::SIG_IGN),
            _ => OneLoggerProvider::close_on_sigterm(Duration::ZERO)?,
        }
        if how != "sigterm-unasked" {
            // The last call counts.
            OneLoggerProvider::close_on_sigterm(PATIENCE)?;
        }
        match how {
            "sigterm-fork" => return fork(guard, file),
            "sigterm-after" => install_own(),
            _ => {}
        }
        println!("ready");
        if how == "sigterm-ignored" {
            ask_to_end(std::process::id().try_into()?);
            recorder().event(None, "still here")?;
            return Ok(());
        }
        while !IS_ASKED.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        recorder().event(None, "asked to end")?;
        Ok(())
    }

    /// A signal of a child is none of its parent's.
    fn fork(guard: OneLoggerGuard, file: &str) -> Result<(), Box<dyn Error>> {
        for asks in [false, true] {
            // SAFETY: as above.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let own = asks.then(|| {
                    OneLoggerProvider::close_on_sigterm(PATIENCE).expect("a thread and a pipe");
                    configure(&format!("{file}.child")).expect("a provider")
                });
                ask_to_end(std::process::id().try_into()?);
                std::thread::sleep(PATIENCE);
                drop((own, guard));
                exit(1);
            }
            let status = wait_for(child);
            if !libc::WIFSIGNALED(status) || libc::WTERMSIG(status) != libc::SIGTERM {
                return Err(format!("the child (asks: {asks}) ended with status {status}").into());
            }
        }
        recorder().event(None, "still here")?;
        Ok(())
    }
}
