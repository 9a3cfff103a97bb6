//! Telemetry for long-running jobs and services: spans, events and errors, recorded without waiting
//! and written where they can be read while the job runs.
//!
//! ```no_run
//! use onelogger::prelude::*;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(8).build()?;
//!     let recorder = DefaultRecorder::builder().exporter(FileExporter::new("run.jsonl")).build()?;
//!     let onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
//!
//!     let recorder = onelogger::recorder();
//!     let epoch = recorder.start(SpanBuilder::new("epoch").with("index", 0))?;
//!     recorder.event(&epoch, Event::new("progress").with("loss", 0.25))?;
//!     recorder.stop(&epoch)?;
//!
//!     drop(onelogger); // flushes and closes; at the end of `main` this happens by itself
//!     println!("{}", onelogger::read::file("run.jsonl")?.runs()[0].tree());
//!     Ok(())
//! }
//! ```
//!
//! # Signals
//!
//! | signal | is | call |
//! | --- | --- | --- |
//! | span | a timed operation, with attributes, under another span or at the root of a trace | [`start`](RecorderHandle::start), [`stop`](RecorderHandle::stop) |
//! | event | something that happened within a span, or in none | [`event`](RecorderHandle::event) |
//! | error | an error of the application: message, type, text, sources, backtrace | [`error`](RecorderHandle::error) |
//!
//! A [`Span`] is a handle: it may be stopped on another thread than the one that started it. Spans,
//! events and errors carry [`Attributes`]: texts, booleans, whole numbers, numbers with a fraction,
//! and lists of one such kind.
//!
//! # How data flows
//!
//! ```text
//! call ─> lane (one per thread) ─> pipeline: drain in time order, assemble ─┬─> queue ─> exporter
//!                                                                           └─> queue ─> exporter
//! ```
//!
//! [`recorder()`] gives the recorder in force. It writes each record into a bounded ring that
//! belongs to the thread. One thread of the library's own drains these rings in time order and hands
//! batches to each [`exporter`], which has a thread and a bounded queue of its own. A
//! [`Recorder`] of your own may stand before the default one, to rename, drop and add.
//!
//! # Setting up
//!
//! The application configures [`OneLoggerProvider::instance`] once, in `main`, and keeps the guard.
//! A library records and never configures: where nothing is configured, and on a rank that the
//! configuration disables, every call does nothing and succeeds.
//!
//! The way in is the recorder's calls, shown above. An exporter can also be used alone, with records
//! made by hand ([`exporter::Batch`]); that is discouraged, because then nobody orders records,
//! counts losses or flushes at the end.
//!
//! # What is guaranteed
//!
//! - **Recording does not wait.** No lock; no system call but what the memory allocator does, and one
//!   that wakes the pipeline when a quarter of a lane is full. A record that finds no room is lost,
//!   and counted. [`FullPolicy::Block`] makes a call wait instead, for so long at most.
//! - **Nothing is lost unsaid.** For each exporter
//!   `recorded + added = delivered + lost + withheld` ([`Counts`]). The exporter's own output says so:
//!   a `telemetry_data_error` with `onelogger.lost.*` when a loss begins, and a closing record with
//!   the totals. [`read`] checks a file by them.
//! - **A start is written while the span is open,** within a second, so that a job that is killed
//!   leaves behind what it was doing.
//! - **A span that has started has its stop,** also when there is no room. At the close, spans that
//!   are open are stopped, children first, and marked `onelogger.truncated`.
//! - **An exporter that fails harms no other and not the application.** It is told of the gap in its
//!   own output, switched off when it goes on failing, and tried again ([`DisableRule`]).
//! - **Misuse is refused on the thread that does it,** and handled as the
//!   [`ErrorHandlingStrategy`] says. By default the call is dropped, counted and reported.
//! - **The end is bounded.** The guard, a normal exit without it and `close` flush and close within a
//!   time; a panic flushes. A forked child starts clean, and may configure for itself.
//!
//! The limits: what is recorded in the last tenth of a second before a process is killed is lost with
//! it. A record longer than a lane (1 MiB by default) is lost, and counted. Nothing is synced to the
//! disk.
//!
//! # The family
//!
//! This crate depends on nothing of OpenTelemetry and on no async runtime. It has no cargo features.
//! It is built and tested with Rust 1.95, on Linux.

#![deny(unsafe_code)]

pub mod context;
mod data;
mod diagnostics;
pub mod exporter;
mod pipeline;
pub mod prelude;
pub mod read;
pub mod recorder;
mod setup;
mod signal;
#[allow(unsafe_code, reason = "the one room of unsafe code; each block has its argument")]
mod sync;
pub mod testing;

pub use data::names;
pub use data::{
    ApplicationType, AttributeTypeError, Attributes, AttributesRef, ErrorEvent, Event, EventRecord,
    Level, Link, LinksRef, ListRef, Name, Outcome, Parent, ParseIdError, Record, RecordId,
    SpanContext, SpanId, SpanKind, SpanRecord, TelemetryDataErrorType, TimeWindow, TimeWindowError,
    Timestamp, TraceId, Value, ValueRef,
};
pub use diagnostics::{LogLevel, LoggerConfig};
pub use exporter::{Exporter, FileExporter, MemoryExporter};
pub use pipeline::{
    Counts, DisableRule, ExporterHealth, ExporterState, FullPolicy, Health, LossReason, ManualClock,
};
pub use recorder::{
    DefaultRecorder, ErrorHandlingStrategy, Recorder, Span, SpanBuilder, SpanFilter, SpanParent,
    SpanStop, TelemetryDataError,
};
pub use setup::{
    ConfigError, ConfigureError, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerGuard,
    OneLoggerProvider, TelemetryConfig, recorder,
};
pub use signal::RecorderHandle;
