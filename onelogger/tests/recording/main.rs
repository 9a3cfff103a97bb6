//! What is recorded of spans, by explicit calls and by macros, and what is held back.

mod job;
mod planted;
mod sampling;
