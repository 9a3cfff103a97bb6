//! What user code holds.

mod handle;

pub use handle::RecorderHandle;
