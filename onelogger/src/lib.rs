//! Telemetry for long-running jobs and services: spans, events and errors, recorded without waiting
//! and written where they can be read while the job runs.
//!
//! ```no_run
//! use onelogger::prelude::*;
//! use onelogger::{error, event, span, timed_span};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = OneLoggerConfig::builder("trainer").session_tag("run-42").world_size(1).build()?;
//!     let recorder = DefaultRecorder::builder().exporter(FileExporter::new("run.jsonl")).build()?;
//!     let _onelogger = OneLoggerProvider::instance().configure(config, recorder)?;
//!     train(2)?;
//!     Ok(())
//! }
//!
//! #[timed_span(name = "train", attrs(epochs))]
//! fn train(epochs: u32) -> Result<(), std::num::ParseFloatError> {
//!     for epoch in 0..epochs {
//!         let _epoch = span!("epoch", index = epoch);
//!         let loss: f64 = if epoch == 0 { "0.25" } else { "nan" }.parse()?;
//!         event!("progress", loss, step = epoch);
//!         if loss.is_nan() {
//!             error!("loss diverged", epoch);
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! leaves a tree in `run.jsonl`, as `cargo run -q -p onelogger-examples --example show -- run.jsonl`
//! shows it:
//!
//! ```text
//! train  182 µs  epochs=2
//!   epoch  31.0 µs  index=0
//!     progress  +9.0 µs  loss=0.25 step=0
//!   epoch  24.6 µs  index=1
//!     progress  +4.5 µs  loss="NaN" step=1
//!     ! error: loss diverged  +8.2 µs  epoch=1
//! ```
//!
//! # Signals
//!
//! | signal | is | macro | explicit call |
//! | --- | --- | --- | --- |
//! | span | a timed operation, with attributes, under another span or at the root of a trace | [`#[timed_span]`](macro@timed_span), [`span!`] | [`start`](RecorderHandle::start), [`stop`](RecorderHandle::stop) |
//! | event | something that happened, in a span or in none | [`event!`] | [`event`](RecorderHandle::event) |
//! | error | an error of the application: message, type, text, sources, backtrace | [`error!`] | [`error`](RecorderHandle::error) |
//!
//! They carry [`Attributes`]: texts, booleans, whole numbers, numbers with a fraction, and lists of
//! one such kind. A span ends with one of four outcomes ([`Outcome`]): ok, error (an `Err` left the
//! annotated function), panic, cancelled (a future was dropped before it was ready). One that ends by
//! an error or a panic has an error record that says which.
//!
//! # How data flows
//!
//! ```text
//! macro ─> callsite: on or off ─┐
//!                               v
//! call ──────────────────> recorder ─> lane (one per thread) ─> pipeline: drain in time order,
//!                                                               assemble ─┬─> queue ─> exporter
//!                                                                         └─> queue ─> exporter
//! ```
//!
//! A [`callsite`] that is off costs one relaxed load, and evaluates nothing. [`recorder()`] gives the
//! recorder in force. It writes each record into a bounded ring that belongs to the thread. One thread
//! of the library's own drains these rings in time order and hands batches to each [`exporter`], which
//! has a thread and a bounded queue of its own. A [`Recorder`] of your own may stand before the default
//! one, to rename, drop and add. The current span of a thread or task is in its [`context`].
//!
//! # Setting up
//!
//! The application configures [`OneLoggerProvider::instance`] once, in `main`, and keeps the guard.
//! A library annotates and never configures: where nothing is configured, and on a rank that the
//! configuration disables, every macro and every call does nothing and succeeds.
//!
//! What stands in `main` here can stand in a file and in the environment as well:
//! [`config::Loader`] reads them, and [`config::explain()`] says which value came from where.
//!
//! There are three ways in: the macros, the recorder's own calls, and an exporter alone, with records
//! made by hand ([`exporter::Batch`]). The last is discouraged, because then nobody orders records,
//! counts losses or flushes at the end.
//!
//! # Exporters
//!
//! | exporter | writes |
//! | --- | --- |
//! | [`FileExporter`] | JSON Lines; a path may hold `{rank}` and the like |
//! | [`ConsoleExporter`] | an indented tree for people, as spans end |
//! | [`LoggerExporter`] | a line of `key=value` a record, through the `log` crate |
//! | [`MemoryExporter`] | into the program itself; [`testing::capture`] uses it |
//!
//! A [`processor`] stands between the recorder and exporters, all of them or one: it filters, redacts,
//! samples, limits rates, sums up.
//!
//! # What it costs
//!
//! Off: one relaxed load, and nothing is evaluated. On, a span or an event is written into the thread's
//! own ring, and sent from another thread; values that are given as `%` or `?` are formatted at once.
//! [The guide](guide::_06_what_it_costs) has figures, and how to take them.
//!
//! # What is guaranteed
//!
//! - **Recording does not wait.** `#[timed_span]`, `span!` and `event!` take no lock, ask for no memory and
//!   make no system call, once a thread has warmed up, but one that wakes the pipeline when a quarter of
//!   a lane is full; explicit calls and `error!` ask for memory. A record that finds no room is lost, and
//!   counted. [`FullPolicy::Block`] makes a call wait instead, for so long at most.
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
//! # Crate features
//!
//! | feature | |
//! | --- | --- |
//! | `off` | compiles every callsite out. For applications only: it holds for the whole program |
//! | `toml` | [configuration](config) files in TOML; JSON is always read |
//! | `yaml` | configuration files in YAML |
//!
//! # The family
//!
//! [`guide`] has chapters for those who begin, instrument a library, or come from elsewhere. The crate
//! `onelogger-otel` exports to OpenTelemetry collectors, set up by one line; `onelogger-training` knows
//! the phases of training jobs; this one depends on nothing of OpenTelemetry and on no async runtime. It
//! is built and tested with Rust 1.95, on Linux.

#![deny(unsafe_code)]

#[doc(hidden)]
pub mod __private;
pub mod callsite;
pub mod config;
pub mod context;
mod data;
pub mod diagnostics;
pub mod exporter;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod macros;
mod pipeline;
pub mod prelude;
pub mod processor;
pub mod read;
pub mod recorder;
mod setup;
mod signal;
#[allow(unsafe_code, reason = "the one room of unsafe code; each block has its argument")]
mod sync;
pub mod testing;

pub use callsite::SpanName;
pub use data::names;
pub use data::{
    ApplicationType, Argument, AttributeTypeError, Attributes, AttributesRef, ErrorEvent, Event,
    EventRecord, InstrumentationScope, Level, Link, LinksRef, ListRef, Name, Outcome, Parent,
    ParseIdError, Record, RecordId, ScopeRef, SpanContext, SpanId, SpanKind, SpanRecord,
    TelemetryDataErrorType, TimeWindow, TimeWindowError, Timestamp, ToValue, TraceFlags, TraceId,
    Value, ValueRef,
};
pub use diagnostics::{LogLevel, LoggerConfig};
pub use exporter::{ConsoleExporter, Exporter, FileExporter, LoggerExporter, MemoryExporter};
pub use pipeline::{
    Counts, DisableRule, ExporterHealth, ExporterState, FullPolicy, Health, LossReason,
    ManualClock, QueueHealth,
};
pub use recorder::{
    DefaultRecorder, ErrorHandlingStrategy, Recorder, Sampler, Span, SpanBuilder, SpanFilter,
    SpanParent, SpanStop, TelemetryDataError,
};
pub use setup::{
    ConfigError, ConfigureError, OneLoggerConfig, OneLoggerConfigBuilder, OneLoggerGuard,
    OneLoggerProvider, TelemetryConfig,
};
pub use signal::{AsSpan, RecorderHandle, SpanGuard, recorder};

#[doc(inline)]
pub use onelogger_macros::timed_span;
