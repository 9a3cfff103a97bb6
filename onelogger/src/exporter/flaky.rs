//! A writer for tests of what writes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Takes so many bytes, then refuses once, then takes everything.
#[derive(Clone, Default)]
pub(super) struct Flaky(pub(super) Arc<Mutex<(Vec<u8>, Option<usize>)>>);

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        let room = inner.1.map_or(bytes.len(), |limit| limit.saturating_sub(inner.0.len()));
        let taken = room.min(bytes.len());
        if taken == 0 {
            inner.1 = None;
            return Err(io::Error::other("full"));
        }
        inner.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
