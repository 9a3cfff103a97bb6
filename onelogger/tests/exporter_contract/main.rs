//! What the pipeline promises an exporter beside records: to be called in a quiet program, to know
//! how long a close may take, and to be switched off by exactly the rule that was chosen.

mod closing;
mod quiet;
mod rule;
mod scripted;
