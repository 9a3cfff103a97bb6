//! Whatever many threads do at once: each record is in each exporter's output, or counted as lost.
//!
//! Every test counts the calls that succeeded and compares that number with the recorder's own, for
//! each exporter, and with the file. `ONELOGGER_FULL=1` runs the large ones at full size.

mod closing;
mod contents;
mod exporters;
mod lanes;
mod probe;
mod trial;
