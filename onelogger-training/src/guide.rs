//! Chapters on recording a training job.

#[doc = include_str!("../guide/training.md")]
pub mod training {}
