//! A job that ends in one of several ways: `ending_job HOW FILE`.

use std::error::Error;
use std::process::{abort, exit};

use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, FileExporter, OneLoggerConfig, OneLoggerGuard,
    OneLoggerProvider, recorder,
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
        return Err("usage: ending_job return|exit|forget|panic-abort|fork FILE".into());
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
        _ => return Err(format!("unknown way to end: {how}").into()),
    }
    Ok(())
}

/// The child records nothing with what it has inherited, and what it configures itself is its own.
#[cfg(unix)]
fn fork(guard: OneLoggerGuard, file: &str) -> Result<(), Box<dyn Error>> {
    let inherited = recorder();
    // SAFETY: the child uses no lock that another thread of its parent may hold; that this is so
    // is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        if OneLoggerProvider::instance().is_ready() || inherited.start("inherited").is_ok() {
            exit(1);
        }
        drop(guard);
        let _own = configure(&format!("{file}.child"))?;
        let span = recorder().start("child's work")?;
        recorder().stop(&span)?;
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
