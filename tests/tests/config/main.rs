//! Configuration from files, the environment and code.

mod broken;
