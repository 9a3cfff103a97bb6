//! What the tests that need more than one crate share: the player of scenarios, the comparison of
//! files, trees of what was recorded, and a real collector with what is needed around it.

#[cfg(feature = "collector")]
pub mod collector;
pub mod compare;
pub mod player;
pub mod scenario;
pub mod tree;
