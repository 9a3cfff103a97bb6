//! What the tests that need more than one crate share: the player of scenarios and the comparison
//! of files.

pub mod compare;
pub mod player;
pub mod scenario;
