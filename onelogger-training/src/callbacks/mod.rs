//! The callbacks `on_…`, by phase of a job.

mod application;
mod checkpoint;
mod evaluation;
mod initialization;
mod training;

pub use checkpoint::Checkpoint;
pub(crate) use checkpoint::save_error;
pub use training::TrainStart;

/// A pair of callbacks that do nothing but start and stop a standard span.
macro_rules! phase {
    ($start:ident, $end:ident, $standard:ident, $what:literal) => {
        #[doc = concat!("Says that ", $what, " begins.")]
        ///
        /// # Errors
        /// If it has begun already and not ended, or the time is out of the recorder's window.
        pub fn $start(&self) -> Result<Span, RecordError> {
            self.start(StandardSpan::$standard, Attributes::new())
        }

        #[doc = concat!("Says that ", $what, " ends.")]
        ///
        /// # Errors
        /// If it has not begun, or the time is out of the recorder's window; then it ends now.
        pub fn $end(&self) -> Result<(), RecordError> {
            self.stop(stringify!($end), StandardSpan::$standard, Outcome::Ok)
        }
    };
}
pub(crate) use phase;
