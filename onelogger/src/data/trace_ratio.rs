use super::TraceId;

/// A part of all traces, decided by the last seven bytes of the trace id, as OpenTelemetry's consistent
/// sampling does: every process that asks for the same part, or for more, takes the same trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceRatio {
    /// The least random part of a trace id that is taken: OpenTelemetry's rejection threshold.
    threshold: u64,
}

/// What the last seven bytes of a trace id are below.
const RANDOM_END: u64 = 1 << 56;

impl TraceRatio {
    pub(crate) const ALL: TraceRatio = TraceRatio { threshold: 0 };
    pub(crate) const NONE: TraceRatio = TraceRatio { threshold: RANDOM_END };

    /// A part from 0 to 1; what lies outside of that counts as the nearest of the two, and a NaN as 0.
    pub(crate) fn new(ratio: f64) -> TraceRatio {
        // Exact for every ratio: the product has the bits of the ratio and another exponent.
        let taken = (ratio.clamp(0.0, 1.0) * RANDOM_END as f64).round() as u64;
        TraceRatio { threshold: RANDOM_END - taken }
    }

    pub(crate) fn is_all(self) -> bool {
        self.threshold == 0
    }

    pub(crate) fn takes(self, trace: TraceId) -> bool {
        trace.to_u128() as u64 % RANDOM_END >= self.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(ratio: f64, trace: u128) -> bool {
        TraceRatio::new(ratio).takes(TraceId::from_u128(trace))
    }

    #[test]
    fn the_last_seven_bytes_of_the_trace_id_decide() {
        for high in [0, u128::MAX << 56] {
            assert!(!takes(0.5, high | 0x7f_ffff_ffff_ffff));
            assert!(takes(0.5, high | 0x80_0000_0000_0000));
        }
        // An example of the standard: a threshold of 0xc for a quarter.
        assert_eq!(TraceRatio::new(0.25).threshold, 0xc0_0000_0000_0000);
        assert!(takes(1.0, 0) && takes(7.0, 0) && !takes(0.0, u128::MAX));
        assert!(!takes(f64::NAN, u128::MAX));
        let least = 2_f64.powi(-56);
        assert!(takes(least, u128::MAX) && !takes(least, u128::MAX - 1));
    }
}
