//! The macros that look like functions. Each hands this crate's own path on, so that they work
//! wherever the crate is re-exported.

/// Opens a span.
///
/// | form | the span ends |
/// | --- | --- |
/// | `let span = span!("epoch", index = epoch);` | when the [`SpanGuard`](crate::SpanGuard) is dropped, on the same thread |
/// | `span!("epoch", index = epoch; { … })` | with the block, which may use `?`, `return`, `break`; gives the block's value |
/// | `span!(async "fetch", url; { … }).await` | when the future is ready or dropped. In the block `?` and `return` end the block. `async move` moves what the block uses into it |
///
/// An `Err` that leaves an annotated function is the span's error; a block's value is not looked at
/// ([`SpanGuard::set_outcome`](crate::SpanGuard::set_outcome) says how a span ends that fails).
///
/// Only the third form crosses an `.await`: the guard is not `Send`, so that a span that one thread
/// has open never ends up on another one.
///
/// ```
/// use onelogger::{event, span};
/// # let capture = onelogger::testing::capture();
/// fn load(shards: &[&str]) -> Option<usize> {
///     let span = span!("load", shards);
///     let mut bytes = 0;
///     for shard in shards {
///         bytes += span!("read", shard = %shard; { shard.strip_prefix("s3://")?.len() });
///     }
///     event!(in span, "loaded", bytes);
///     Some(bytes)
/// }
/// assert_eq!(load(&["s3://a", "s3://bc"]), Some(3));
/// # assert_eq!(capture.finish().len(), 7);
/// ```
///
/// # Name
///
/// A literal, a constant of type `&'static str`, or a value that implements
/// [`SpanName`](crate::SpanName) (an enum of names). Not a text made at run time: put what varies into
/// attributes. (A name of that kind is possible with [`recorder()`](crate::recorder()).)
///
/// # Attributes
///
/// After the name, with commas between them; the same everywhere:
///
/// | form | key | value |
/// | --- | --- | --- |
/// | `step` | `step` | the variable's, typed: texts, booleans, numbers, lists, `Option` ([`ToValue`](crate::ToValue)) |
/// | `lr = self.rate * 2.0` | `lr` | that of any expression |
/// | `batch.len = xs.len()` | `batch.len` | keys may have dots, and be keywords |
/// | `"http.route" = route` | `http.route` | any text as key |
/// | `path = %path.display()`, `%path` | `path` | what `Display` shows |
/// | `config = ?config`, `?config` | `config` | what `Debug` shows |
/// | `self.rate` | `rate` | a field |
///
/// They are evaluated once, in the order in which they are written, and only when the callsite is on.
///
/// # Options
///
/// Before the name, in any order:
///
/// ```
/// # use onelogger::{SpanContext, span};
/// # let upstream = SpanContext::default();
/// # let caller: Option<SpanContext> = None;
/// # let step = 1;
/// let _step = span!(level: debug, group: "per_step", "step", step);
/// let _call = span!(kind: client, parent: caller, links: [upstream], "call");
/// let _job = span!(root: true, "job");
/// ```
///
/// `level` and `group` say what [`callsite`](crate::callsite)'s filter lets through, `kind` is
/// OpenTelemetry's, `parent` a [`Span`](crate::Span), a guard, the
/// [`SpanContext`](crate::SpanContext) of a span elsewhere, or an `Option` of these (`None` is the
/// current span), and `links` are contexts, spans, or contexts with attributes.
///
/// # Cost
///
/// A callsite that is off costs one relaxed load.
#[macro_export]
macro_rules! span {
    ($($input:tt)*) => { $crate::__private::span!($crate, $($input)*) };
}

/// Records an event: something that happened, at one point in time.
///
/// It belongs to the current span, or to the one that is given. Name, attributes and the options
/// `level` and `group` are those of [`span!`](crate::span!).
///
/// ```
/// use onelogger::{event, span};
/// # let (loss, step, epoch) = (0.5, 3, 1);
/// # let capture = onelogger::testing::capture();
/// event!("progress", loss, step);
/// let epoch = span!("epoch", index = epoch);
/// event!(in epoch, level: debug, "batch", step);
/// # drop(epoch);
/// # assert_eq!(capture.finish().len(), 3);
/// ```
#[macro_export]
macro_rules! event {
    ($($input:tt)*) => { $crate::__private::event!($crate, $($input)*) };
}

/// Records an error of the application.
///
/// It belongs to the current span, or to the one that is given. The first literal is the message and
/// may capture variables; an error value before it keeps its type, its text and its sources.
/// Attributes are those of [`span!`](crate::span!).
///
/// ```
/// use onelogger::{error, span};
/// # let capture = onelogger::testing::capture();
/// # let (tries, loss, epoch) = (3, 0.25, 7);
/// error!("gave up after {tries} tries", epoch);
/// error!("loss is {loss:.1}");
/// if let Err(problem) = "x".parse::<u32>() {
///     error!(problem, "bad count", line = 7);
///     error!(problem);
///     let span = span!("count");
///     error!(in span, problem, "bad count");
/// }
/// # assert_eq!(capture.finish().len(), 7);
/// ```
#[macro_export]
macro_rules! error {
    ($($input:tt)*) => { $crate::__private::error!($crate, $($input)*) };
}
