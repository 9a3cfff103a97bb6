//! What user code holds, and what macros call.

mod baggage;
mod entry;
pub mod failure;
pub(crate) mod future;
mod guard;
mod handle;
mod made;
mod panic;
mod report;

pub use entry::run;
pub use guard::{SpanArguments, SpanGuard, call};
pub use handle::{RecorderHandle, recorder};
pub(crate) use panic::note_panic;
pub use report::{AsSpan, error, event};
