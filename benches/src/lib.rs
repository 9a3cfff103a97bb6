//! What the programs of this package share: the operations that are measured, and those who are
//! compared, each of which knows how to do them.

pub mod contender;
pub mod operation;

use std::error::Error;
use std::fmt;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// An argument that names nothing.
#[derive(Debug)]
pub struct Unknown(pub String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is unknown", self.0)
    }
}

impl Error for Unknown {}
