//! Chapters on recording a training job.

#[doc = include_str!("../guide/training.md")]
pub mod training {}

#[doc = include_str!("../guide/coming_from_python.md")]
pub mod coming_from_python {}
