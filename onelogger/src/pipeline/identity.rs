//! Where ids come from.

use std::hash::{BuildHasher, RandomState};

use crate::data::{SpanId, TraceId};
use crate::exporter::version_8;
use crate::sync::Counter;

/// Hands out raw ids and turns them into span ids and trace ids.
///
/// Raw ids are counted: each lane takes a block of them and counts on by itself. A keyed bijection
/// makes span ids of them, so that ids are unique within a recorder and unpredictable outside. The
/// key is drawn from the operating system's randomness; no generator that the application can seed
/// takes part.
#[derive(Debug)]
pub(crate) struct IdSource {
    next_block: Counter,
    key: Option<[u64; 2]>,
    pub(crate) record_id_upper: u64,
}

/// Raw ids in a block.
const BLOCK: u64 = 1 << 20;
/// Bits of a span id that differ; the two above are always `10`.
const SPAN_BITS: u32 = 62;
const SPAN_MASK: u64 = (1 << SPAN_BITS) - 1;

/// The raw ids that a lane may still use.
#[derive(Debug, Default)]
pub(crate) struct IdBlock {
    next: u64,
    end: u64,
}

impl IdBlock {
    pub(crate) fn next(&mut self, source: &IdSource) -> u64 {
        if self.next == self.end {
            self.next = source.next_block.add(1) * BLOCK + 1;
            self.end = self.next + BLOCK;
        }
        self.next += 1;
        self.next - 1
    }
}

impl IdSource {
    pub(crate) fn random() -> IdSource {
        let draw = || RandomState::new().hash_one(std::process::id());
        IdSource {
            next_block: Counter::new(0),
            key: Some([draw(), draw()]),
            record_id_upper: version_8(draw()),
        }
    }

    /// The same ids in every run, for tests.
    pub(crate) fn fixed() -> IdSource {
        IdSource { next_block: Counter::new(0), key: None, record_id_upper: version_8(0) }
    }

    /// The span id of a raw id; none for 0.
    pub(crate) fn span_id(&self, raw: u64) -> SpanId {
        if raw == 0 {
            return SpanId::INVALID;
        }
        let mixed = self.key.map_or(raw & SPAN_MASK, |[key, _]| mix(raw, key));
        SpanId::from_u64(1 << 63 | mixed)
    }

    /// The raw id of a span id that [`span_id`](IdSource::span_id) can have made.
    pub(crate) fn raw(&self, span: SpanId) -> Option<u64> {
        let id = span.to_u64();
        let mixed = (id >> SPAN_BITS == 0b10).then_some(id & SPAN_MASK)?;
        let raw = self.key.map_or(mixed, |[key, _]| unmix(mixed, key));
        (raw != 0).then_some(raw)
    }

    /// The id of the trace whose root has this raw id.
    pub(crate) fn trace_id(&self, root: u64) -> TraceId {
        let [high, low] = match self.key {
            None => [0, root],
            // The lower half is a bijection of the root, so no two traces of a recorder share it;
            // the bits that it leaves at zero are filled from the upper half.
            Some([key, other]) => {
                let high = mix(root, other) << 2 ^ other;
                [high, mix(root, key ^ other) | high << SPAN_BITS]
            }
        };
        TraceId::from_u128((high as u128) << 64 | low as u128)
    }
}

/// A bijection on [`SPAN_BITS`] bits: additions, odd multiplications and xor-shifts are each
/// invertible there.
fn mix(raw: u64, key: u64) -> u64 {
    let mut value = raw.wrapping_add(key) & SPAN_MASK;
    for factor in [0x9e37_79b9_7f4a_7c15_u64, 0xbf58_476d_1ce4_e5b9] {
        value ^= value >> 31;
        value = value.wrapping_mul(factor) & SPAN_MASK;
    }
    value ^ value >> 29
}

/// Undoes [`mix`].
fn unmix(mixed: u64, key: u64) -> u64 {
    let mut value = mixed ^ mixed >> 29 ^ mixed >> 58;
    // The factors times those of `mix` are 1, on as many bits.
    for factor in [0x96de_1b17_3f11_9089_u64, 0xf1de_83e1_9937_733d] {
        value = value.wrapping_mul(factor) & SPAN_MASK;
        value ^= value >> 31;
    }
    value.wrapping_sub(key) & SPAN_MASK
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_have_the_form_of_the_lower_half_of_a_uuid() {
        let ids = IdSource::random();
        let (mut a, mut b) = (IdBlock::default(), IdBlock::default());
        let mut spans = HashSet::new();
        let mut traces = HashSet::new();
        for _ in 0..50_000 {
            for block in [&mut a, &mut b] {
                let raw = block.next(&ids);
                let span = ids.span_id(raw);
                assert_eq!(span.to_u64() >> 62, 0b10);
                assert!(spans.insert(span) && traces.insert(ids.trace_id(raw)));
                assert!(ids.trace_id(raw).is_valid());
                assert_eq!(ids.raw(span), Some(raw));
            }
        }
        assert_eq!(ids.record_id_upper >> 12 & 0xf, 8);
    }

    #[test]
    fn every_id_of_our_form_has_a_raw_id_and_no_other_has() {
        for ids in [IdSource::random(), IdSource::fixed()] {
            for id in [1, 2, 0x1234_5678_9abc_def0 & SPAN_MASK, SPAN_MASK] {
                let span = SpanId::from_u64(1 << 63 | id);
                assert_eq!(ids.raw(span).map(|raw| ids.span_id(raw)), Some(span));
            }
            let others = [0, 1, 1 << 62, 3 << 62, u64::MAX];
            assert!(others.iter().all(|&id| ids.raw(SpanId::from_u64(id)).is_none()));
        }
    }

    #[test]
    fn a_block_that_is_used_up_is_followed_by_another() {
        let ids = IdSource::fixed();
        let mut block = IdBlock { next: BLOCK, end: BLOCK };
        ids.next_block.add(7);
        assert_eq!(block.next(&ids), 7 * BLOCK + 1);
    }
}
