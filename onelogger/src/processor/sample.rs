use super::{Draft, Processor, Verdict};
use crate::data::TraceRatio;

/// Keeps a part of all traces, each as a whole: for one exporter, where the recorder's
/// [`Sampler`](crate::Sampler) decides for all, at the start of each span.
///
/// Decided by the trace id, as [`Sampler::TraceIdRatioBased`](crate::Sampler::TraceIdRatioBased) does,
/// so that all processes keep the same traces. What belongs to no trace is kept.
#[derive(Clone, Copy, Debug)]
pub struct SampleTraces(TraceRatio);

impl SampleTraces {
    /// Such a part, from 0 to 1; what lies outside of that counts as the nearest of the two.
    pub fn ratio(ratio: f64) -> SampleTraces {
        SampleTraces(TraceRatio::new(ratio))
    }
}

impl Processor for SampleTraces {
    fn name(&self) -> &str {
        "sample"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let trace = draft.record().trace_id();
        match self.0.takes(trace) || !trace.is_valid() {
            true => Verdict::Keep,
            false => Verdict::Withhold,
        }
    }
}
