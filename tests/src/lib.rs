//! What the tests that need more than one crate share: the player of scenarios, the comparison of
//! files, and trees of what was recorded.

pub mod compare;
pub mod player;
pub mod scenario;
pub mod tree;
