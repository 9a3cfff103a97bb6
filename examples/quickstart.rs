//! A job that counts the words of all files below a directory, told by the macros alone.
//!
//! ```text
//! cargo run -q -p onelogger-examples --example quickstart [DIRECTORY]
//! ```
//!
//! Things go wrong in it on purpose: a file that is missing, an answer that comes too late, a
//! division by zero. The job survives, and its records say what happened. They go to the terminal
//! while the job runs, and into `run.jsonl` in the current folder.

use std::error::Error;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use onelogger::context::FutureExt as _;
use onelogger::prelude::*;
use onelogger::{ConsoleExporter, error, event, read, span, timed_span};

fn main() -> Result<(), Box<dyn Error>> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = env::args_os().nth(1).map_or_else(|| examples.to_owned(), PathBuf::from);

    // Once, in `main`: who we are, and where the records go.
    let file = FileExporter::new("run.jsonl");
    // A file that exists is not overwritten; the exporter knows the name it has chosen instead.
    let path = file.path();
    let recorder = DefaultRecorder::builder().exporter(file).exporter(ConsoleExporter::stderr());
    let config = OneLoggerConfig::builder("quickstart").session_tag("example").world_size(1);
    let provider = OneLoggerProvider::instance();
    let _onelogger = provider.configure(config.build()?, recorder.build()?)?;

    job(&root)?;

    // The end of `_onelogger` would do that as well; but the file is to be read here.
    provider.close(Duration::from_secs(10))?;
    let path = path.get().ok_or("the file could not be opened")?;
    let log = read::file(&path)?;
    let run = log.runs().last().ok_or("the file is empty")?;
    println!("\n{}\n{}", run.statistics(), run.completeness());
    println!("records: {}", path.display());
    println!(
        "to see them as a tree: cargo run -q -p onelogger-examples --example show -- run.jsonl"
    );
    Ok(())
}

/// The whole job. An `Err` that leaves it would be the span's error.
#[timed_span(name = "application", attrs(root = %root.display()))]
fn job(root: &Path) -> io::Result<()> {
    let words = directory(root)?;
    event!("counted", words);

    // An error that is survived: the span of `count` has it, and we go on.
    let words = count(&root.join("missing.txt")).unwrap_or(0);

    // A panic that is caught: the span of `mean_length` says what it was, and where.
    if catch_unwind(|| mean_length(0, words)).is_err() {
        error!("no mean length", words);
    }

    tokio::runtime::Builder::new_multi_thread().enable_time().build()?.block_on(publish(words));
    Ok(())
}

/// Counts the words below a directory; what cannot be read counts as none.
#[timed_span(name = "directory", attrs(path = %path.display()), ret(words = |total| *total))]
fn directory(path: &Path) -> io::Result<usize> {
    let mut entries =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut total = 0;
    for entry in entries {
        let words = if entry.is_dir() { directory(&entry) } else { count(&entry) };
        total += words.unwrap_or(0);
    }
    Ok(total)
}

#[timed_span(name = "count", attrs(file = %path.file_name().unwrap_or_default().display()))]
fn count(path: &Path) -> io::Result<usize> {
    let text = span!("read"; { fs::read_to_string(path)? });
    let words = text.split_whitespace().count();
    event!("words", words, bytes = text.len());
    Ok(words)
}

#[timed_span(name = "mean_length")]
fn mean_length(bytes: usize, words: usize) -> usize {
    bytes / words
}

/// Tells two mirrors at the same time, each in a task of its own, and waits for as long as it likes.
#[timed_span(name = "publish")]
async fn publish(words: usize) {
    let near = tokio::spawn(send("near", Duration::from_millis(5), words).with_current_context());
    let far = send("far", Duration::from_secs(60), words);
    // When the time is over the future is dropped, and its span ends as cancelled.
    if tokio::time::timeout(Duration::from_millis(30), far).await.is_err() {
        event!("gave up", mirror = "far");
    }
    if let Err(problem) = near.await {
        error!(problem, "a task is lost");
    }
}

#[timed_span(name = "send", kind = client, attrs(mirror, words))]
async fn send(mirror: &str, delay: Duration, words: usize) {
    tokio::time::sleep(delay).await;
    event!("sent", words);
}
