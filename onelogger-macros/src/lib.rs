//! The attribute and the macros of `onelogger`.
//!
//! This crate holds nothing yet: spans, events and errors are recorded with the recorder's own
//! calls (see the `onelogger` crate). It exists so that the two crates are versioned together from
//! the first release on.
