//! Spans that only their thread knows are spans like all others: whatever is done around them, what is
//! recorded is what the long way records, which a synchronous recorder goes.

mod futures;
mod guards;
mod job;
mod random;
mod room;
mod values;

use onelogger::{event, span, timed_span};

#[timed_span(name = "annotated", attrs(n), start_attrs(at = "start"))]
pub(crate) fn annotated(n: usize) -> Result<usize, String> {
    event!("in annotated", n);
    let _inner = span!("in annotated");
    if n.is_multiple_of(2) { Err(format!("{n} is even")) } else { Ok(n) }
}

/// Texts that find no room in a small lane of which a part is kept, and all others that do. The sizes lie
/// between what fits with and without the record that says which trace a record belongs to.
pub(crate) const LARGE_OF_START: usize = 320;
pub(crate) const LARGE_OF_OTHERS: usize = 328;
pub(crate) const LARGE_OF_UPDATE: usize = 312;
