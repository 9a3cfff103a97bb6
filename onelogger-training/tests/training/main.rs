//! What is recorded of training jobs, and where that is better than what the Python library records: a
//! test whose name begins with `p` and a number is about an entry in the list of its faults.

mod checkpoints;
mod failures;
mod iterations;
mod loaded;
mod loops;
mod phases;
mod setup;
mod shape;
mod storm;
mod support;
mod window;
