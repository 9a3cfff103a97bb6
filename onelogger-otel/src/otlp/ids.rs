//! Ids of spans that no recorder has made: events shown as spans, and reports of faulty telemetry.

use std::hash::{BuildHasher, RandomState};

use onelogger::{SpanId, TraceId};

/// Ids that differ within a process for certain and between processes in all likelihood. The
/// application cannot seed them.
pub(crate) struct Ids {
    salt: u64,
    count: u64,
}

/// A recorder's span ids begin with the bits `10`, these with `01`: the two never meet.
const MARK: u64 = 1 << 62;

impl Ids {
    pub(crate) fn new() -> Ids {
        Ids { salt: random(), count: 0 }
    }

    pub(crate) fn span(&mut self) -> SpanId {
        self.count += 1;
        // Odd, so that the product takes every value once before it repeats.
        let spread = self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        SpanId::from_u64(self.salt.wrapping_add(spread) & (MARK - 1) | MARK)
    }

    /// A trace, and its root span.
    pub(crate) fn root(&mut self) -> (TraceId, SpanId) {
        let span = self.span();
        let trace = (u128::from(self.salt) << 64) | u128::from(span.to_u64());
        (TraceId::from_u128(trace), span)
    }
}

/// A number that nobody can foresee, from the keys of the standard library's hash maps.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_do_not_repeat_and_do_not_look_like_a_recorder_s() {
        let mut ids = Ids::new();
        let spans: HashSet<u64> = (0..10_000).map(|_| ids.span().to_u64()).collect();
        assert_eq!(spans.len(), 10_000);
        assert!(spans.iter().all(|id| id >> 62 == 1));
        let (trace, span) = ids.root();
        assert!(trace.is_valid() && span.is_valid());
    }
}
