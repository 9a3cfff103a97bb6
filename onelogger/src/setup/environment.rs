//! What the environment says of this process.

/// The rank of this process: `RANK`, if it is a whole number. Anything else counts as not set, so
/// that a strange environment never keeps a program from starting.
pub(super) fn rank() -> Option<u32> {
    std::env::var("RANK").ok()?.trim().parse().ok()
}
