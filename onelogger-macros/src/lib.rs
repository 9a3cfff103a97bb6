//! The attribute and the macros of [`onelogger`], which re-exports them: use them from there. The
//! function-like ones are wrapped by macros of the same names, which hand over where `onelogger` is.
//!
//! An invocation goes through four steps, each from value to value:
//!
//! | step | from | to | refuses |
//! | --- | --- | --- | --- |
//! | `parse` | tokens | arguments and function | what is wrong by itself |
//! | `ir` | arguments and function | meaning, with defaults | nothing |
//! | `validate` | meaning | nothing | what does not go together |
//! | `expand` | meaning | tokens | nothing |
//!
//! `entry` is the way through them, and `diagnostics` collects the errors on that way: all of an
//! invocation are reported at once, each at the token that has to change. After an error the
//! function comes out as it went in, so that nothing else fails for want of it.
//!
//! What an expansion may name is `onelogger::__private`, a contract between two crates that are
//! released together. To read an expansion, build with `ONELOGGER_MACROS_DEBUG=1`: it is printed to
//! the standard error.
//!
//! [`onelogger`]: https://docs.rs/onelogger

#![forbid(unsafe_code)]

mod diagnostics;
mod entry;
mod expand;
mod ir;
mod parse;
mod validate;

use std::io::Write;

use proc_macro::TokenStream;

/// Records a span around each call of a function.
///
/// ```text
/// #[timed_span(name = "train", attrs(epochs, lr = config.lr), err(Debug))]
/// fn train(epochs: u32, config: &Config) -> Result<Model, TrainError> { … }
/// ```
///
/// It goes on functions and methods with a body: generic, `async`, `extern`, in traits and in
/// implementations of traits, and on those that return a future. A `const fn` cannot be timed.
///
/// # Arguments
///
/// Each at most once, in any order:
///
/// | argument | meaning |
/// | --- | --- |
/// | `name = "…"`, `name = PATH` | The name, instead of `module::function`. The path leads to a constant text, or to a value that implements `SpanName`; it begins with no generic parameter and not with `Self`, for all instances have one name. |
/// | `attrs(…)` | Attributes of the span, see below. |
/// | `start_attrs(…)` | Attributes of the record of the start alone. |
/// | `err` | An `Err` is a failure of the span. So it is without saying, if the function returns a `Result`. |
/// | `err = false` | An `Err` is nothing special. |
/// | `err(Debug)`, `err(Display)` | How the error is shown, instead of by what its type can do. |
/// | `err(when = \|e\| …)` | Only the errors for which the closure says `true` are failures. `err(Debug, when = …)` is possible. |
/// | `ret` | The returned value as attribute `return`; of a `Result`, the value in `Ok`. |
/// | `ret(Debug)`, `ret(Display)` | The same, as text. |
/// | `ret(rows = \|v\| v.len(), …)` | What the closures make of a reference to the value, each with its key. |
/// | `level = debug` | `error`, `warn`, `info` (if nothing is said), `debug` or `trace`. |
/// | `group = "…"` | A name under which callsites are switched together. |
/// | `kind = client` | `internal` (if nothing is said), `server`, `client`, `producer` or `consumer`. |
/// | `parent = EXPR` | The parent, instead of the current span. |
/// | `root` | No parent; not together with `parent`. |
/// | `links(EXPR, …)` | Spans that this one has to do with. |
/// | `crate = path` | Where `onelogger` is found, if it is re-exported. |
///
/// # Attributes
///
/// The same in all macros, with commas in between. They are evaluated in their order and only if the
/// callsite is on, before the body runs, and borrow what they name:
///
/// | form | key | value |
/// | --- | --- | --- |
/// | `epochs` | `epochs` | a variable, with its type |
/// | `self.lr`, `config.lr` | `lr`, `config.lr` | a field |
/// | `lr = EXPR` | `lr` | an expression, with its type |
/// | `batch.len = EXPR`, `"http.route" = EXPR` | `batch.len`, `http.route` | the same |
/// | `path = %EXPR`, `%path` | `path` | as text, by `Display` |
/// | `config = ?EXPR`, `?config` | `config` | as text, by `Debug` |
///
/// # What changes
///
/// The body is not looked into. Types, borrows, `Send`, the order in which values are dropped, errors
/// and lints are those of the function without the attribute, with these exceptions:
///
/// - Where the value is observed (`ret`, or by its type it may be a `Result`), the body runs in a
///   closure, and `#[track_caller]` would name a place in it. This is refused; `err = false` takes the
///   observation away.
/// - An `async fn` becomes a `fn` that returns its future, if no attribute on it may need it to be
///   `async`. The lints about `async` without `await` and about `async fn` in public traits then have
///   nothing to look at.
/// - A boxed future is boxed once more. The call evaluates the attributes; the span begins when the
///   future is first polled.
#[proc_macro_attribute]
pub fn timed_span(arguments: TokenStream, item: TokenStream) -> TokenStream {
    show("timed_span", entry::timed_span(arguments.into(), item.into()))
}

/// Opens a span: until a guard is dropped, for a block, or for an async block.
///
/// ```text
/// let span = span!(NAME, attributes…);
/// let value = span!(NAME, attributes…; { … });
/// let value = span!(async NAME, attributes…; { … }).await;
/// let value = span!(async move NAME, attributes…; { … }).await;
/// ```
///
/// The name is a text or a path, and attributes are written, as in [`macro@timed_span`]. Options stand
/// before the name, each with its comma, in any order: `level: debug`, `group: "…"`, `kind: client`,
/// `parent: EXPR`, `root: true`, `links: [EXPR, …]`.
#[proc_macro]
pub fn span(input: TokenStream) -> TokenStream {
    show("span", entry::span(input.into()))
}

/// Records an event.
///
/// ```text
/// event!(NAME, attributes…);
/// event!(in SPAN, level: debug, group: "…", NAME, attributes…);
/// ```
///
/// It belongs to the current span, or to that after `in`. The name is a text or a path, and attributes
/// are written, as in [`macro@timed_span`].
#[proc_macro]
pub fn event(input: TokenStream) -> TokenStream {
    show("event", entry::event(input.into()))
}

/// Records an error.
///
/// ```text
/// error!("failed after {tries} tries", attributes…);
/// error!(ERROR, attributes…);
/// error!(ERROR, "while reading {path:?}", attributes…);
/// error!(in SPAN, group: "…", …);
/// ```
///
/// It belongs to the current span, or to that after `in`. The message captures variables by their
/// names; the error is borrowed. Attributes are written as in [`macro@timed_span`].
#[proc_macro]
pub fn error(input: TokenStream) -> TokenStream {
    show("error", entry::error(input.into()))
}

/// Prints the expansion, if someone wants to read it.
fn show(name: &str, expansion: proc_macro2::TokenStream) -> TokenStream {
    if std::env::var_os("ONELOGGER_MACROS_DEBUG").is_some_and(|value| value == "1") {
        // That it cannot be printed is no reason not to compile.
        let _ = writeln!(std::io::stderr(), "{name}: {expansion}");
    }
    expansion.into()
}
