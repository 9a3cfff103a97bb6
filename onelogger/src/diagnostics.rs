//! The library's own messages: few, through the `log` crate, and into files where asked.
//!
//! For crates that belong to the family and for exporters: what they have to say of themselves goes
//! where the library's own messages go, as [`LoggerConfig`] has it. The functions
//! never panic and never wait for anything but the application's own logger.

use std::cell::RefCell;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::sync::ForkLocal;

/// What becomes of the library's own messages.
///
/// They go through the `log` crate to wherever the application sends its own; an error that a
/// person should see goes to the standard error where nobody listens to that. By default nothing is
/// written to files.
///
/// With `ONELOGGER_DEBUG=1` in the environment all messages are let through, whatever is set here, and
/// those that no logger takes go to the standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggerConfig {
    /// The most detailed level that is let through.
    pub log_level: LogLevel,
    /// A line in the files; `{target}`, `{level}` and `{message}` are replaced. Empty, the default,
    /// stands for `{target} - {level} - {message}`.
    pub log_format: String,
    /// A file to which messages of level `Info` and above are appended.
    pub log_file_path_for_info: Option<PathBuf>,
    /// A file to which messages of level `Error` are appended.
    pub log_file_path_for_err: Option<PathBuf>,
}

/// How much detail one of the library's own messages is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// None is let through.
    Off,
    /// What has failed.
    Error,
    /// What may be wrong.
    Warn,
    /// What is worth knowing.
    #[default]
    Info,
    /// What helps to find a fault.
    Debug,
}

impl Default for LoggerConfig {
    fn default() -> LoggerConfig {
        LoggerConfig::DEFAULT
    }
}

impl LoggerConfig {
    const DEFAULT: LoggerConfig = LoggerConfig {
        log_level: LogLevel::Info,
        log_format: String::new(),
        log_file_path_for_info: None,
        log_file_path_for_err: None,
    };
}

/// The configuration of the provider that was configured last: messages come from threads that
/// belong to none.
static CONFIG: ForkLocal<RwLock<LoggerConfig>> =
    ForkLocal::new(|| RwLock::new(LoggerConfig::DEFAULT));

/// Whether the environment asks for every message. Read once.
pub(crate) fn is_debugging() -> bool {
    static IS_DEBUGGING: ForkLocal<bool> = ForkLocal::new(|| {
        let value = std::env::var_os("ONELOGGER_DEBUG").unwrap_or_default();
        !["", "0", "false", "off"].iter().any(|no| value.eq_ignore_ascii_case(no))
    });
    *IS_DEBUGGING.get()
}

pub(crate) fn configure(config: &LoggerConfig) {
    *CONFIG.get().write().unwrap_or_else(PoisonError::into_inner) = config.clone();
}

/// Something has failed. Seen on the standard error where no logger is installed.
pub fn error(message: fmt::Arguments<'_>) {
    say(LogLevel::Error, log::Level::Error, message);
}

/// Something may be wrong.
pub fn warn(message: fmt::Arguments<'_>) {
    say(LogLevel::Warn, log::Level::Warn, message);
}

/// What is worth knowing.
pub fn info(message: fmt::Arguments<'_>) {
    say(LogLevel::Info, log::Level::Info, message);
}

/// What helps to find a fault. Seen on the standard error where `ONELOGGER_DEBUG=1` asks for it and no
/// logger takes it.
pub fn debug(message: fmt::Arguments<'_>) {
    say(LogLevel::Debug, log::Level::Debug, message);
}

thread_local! {
    /// Messages that wait until the thread has let go of what others may wait for.
    static HELD_BACK: RefCell<Option<Vec<(LogLevel, log::Level, String)>>> =
        const { RefCell::new(None) };
}

/// Calls `work`, and says what it has to say only afterwards: a logger of the application may wait
/// for another thread that waits for what `work` holds.
pub(crate) fn afterwards<R>(work: impl FnOnce() -> R) -> R {
    // At the exit of the process the thread has no place for messages any more: they are said at once.
    let is_outermost = HELD_BACK.try_with(|held| {
        let mut held = held.borrow_mut();
        let is_outermost = held.is_none();
        held.get_or_insert_default();
        is_outermost
    });
    let result = work();
    if is_outermost == Ok(true) {
        let messages = HELD_BACK.try_with(|held| held.borrow_mut().take());
        for (own_level, level, message) in messages.ok().flatten().unwrap_or_default() {
            say(own_level, level, format_args!("{message}"));
        }
    }
    result
}

fn say(own_level: LogLevel, level: log::Level, message: fmt::Arguments<'_>) {
    let is_held_back = HELD_BACK.try_with(|held| {
        let mut held = held.try_borrow_mut().ok()?;
        held.as_mut()?.push((own_level, level, message.to_string()));
        Some(())
    });
    if is_held_back.ok().flatten().is_none() {
        // A logger that panics must not take a thread of ours, or of the application, with it.
        let _ = catch_unwind(AssertUnwindSafe(|| log(own_level, level, message)));
    }
}

fn log(own_level: LogLevel, level: log::Level, message: fmt::Arguments<'_>) {
    const TARGET: &str = "onelogger";
    const FORMAT: &str = "{target} - {level} - {message}";
    let config = CONFIG.get().read().unwrap_or_else(PoisonError::into_inner);
    if own_level > config.log_level && !is_debugging() {
        return;
    }
    let files = [
        (LogLevel::Info, &config.log_file_path_for_info),
        (LogLevel::Error, &config.log_file_path_for_err),
    ];
    let wanted = files.into_iter().filter(|(least, _)| own_level <= *least);
    let paths: Vec<PathBuf> = wanted.filter_map(|(_, path)| path.clone()).collect();
    let format = if config.log_format.is_empty() { FORMAT } else { &config.log_format };
    let line = format
        .replace("{target}", TARGET)
        .replace("{level}", level.as_str())
        .replace("{message}", &message.to_string());
    // Not held while a logger of the application runs.
    drop(config);
    for path in paths {
        append(&path, &line);
    }
    if log::log_enabled!(target: TARGET, level) {
        log::log!(target: TARGET, level, "{message}");
    } else if is_debugging()
        || level == log::Level::Error && log::max_level() == log::LevelFilter::Off
    {
        // `eprintln!` would panic where the standard error is closed.
        let _ = writeln!(std::io::stderr(), "onelogger: {message}");
    }
}

/// A message about a message that cannot be written would have nowhere to go.
fn append(path: &Path, line: &str) {
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
        let _ = writeln!(file, "{line}");
    }
}
