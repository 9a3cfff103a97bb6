use crate::data::{TraceFlags, TraceId, TraceRatio};

/// Which spans are recorded, decided when they start: OpenTelemetry's samplers.
///
/// A span that is not sampled is [withheld](crate::Counts::withheld), and with it all that is said of
/// it: events, errors, attributes, its stop. It has ids all the same, and so have its children; other
/// processes get them with the sampled flag cleared, so that those who sample by their parent record
/// nothing of the trace either. What is recorded outside of any span is not sampled.
///
/// ```
/// use onelogger::{DefaultRecorder, Sampler};
/// // A tenth of the traces that begin here, and what others have sampled.
/// let sampler = Sampler::parent_based(Sampler::TraceIdRatioBased(0.1));
/// let recorder = DefaultRecorder::builder().sampler(sampler).build()?;
/// # drop(recorder);
/// # Ok::<(), onelogger::recorder::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// All spans, also those whose parent is not sampled.
    #[default]
    AlwaysOn,
    /// No span.
    AlwaysOff,
    /// The spans of such a part of all traces, from 0 to 1.
    ///
    /// Decided by the last seven bytes of the trace id, as OpenTelemetry's consistent sampling does:
    /// every process that asks for the same part, or for more, records the same trace. The ids of a
    /// recorder with [fixed ids](super::DefaultRecorderBuilder::fixed_ids) are no random ones.
    TraceIdRatioBased(f64),
    /// A span that has a parent, in this process or another, as its parent; one that begins a trace as
    /// this sampler says.
    ParentBased(Box<Sampler>),
}

/// A text names no sampler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// There is no sampler of this name.
    #[error(
        "there is no sampler `{name}`; expected always_on, always_off, traceidratio, \
         parentbased_always_on, parentbased_always_off or parentbased_traceidratio"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The argument of a sampler by ratio is no part of a whole.
    #[error("`{argument}` is no ratio; expected a number from 0 to 1")]
    Ratio {
        /// The argument.
        argument: String,
    },
}

impl Sampler {
    /// A span that has a parent as its parent, others as this sampler says.
    pub fn parent_based(root: Sampler) -> Sampler {
        Sampler::ParentBased(Box::new(root))
    }

    /// The sampler that OpenTelemetry's configuration calls so: `always_on`, `always_off`,
    /// `traceidratio`, and each of these after `parentbased_`. The argument is the ratio, 1 if there
    /// is none; other samplers have no use for it.
    ///
    /// ```
    /// use onelogger::Sampler;
    /// let sampler = Sampler::from_name("parentbased_traceidratio", Some("0.25"))?;
    /// assert_eq!(sampler, Sampler::parent_based(Sampler::TraceIdRatioBased(0.25)));
    /// # Ok::<(), onelogger::recorder::SamplerError>(())
    /// ```
    ///
    /// # Errors
    /// If there is no sampler of this name, or the argument is no ratio.
    pub fn from_name(name: &str, argument: Option<&str>) -> Result<Sampler, SamplerError> {
        if let Some(root) = name.strip_prefix("parentbased_")
            && !root.starts_with("parentbased_")
        {
            let root = Sampler::from_name(root, argument);
            return root.map(Sampler::parent_based).map_err(|error| match error {
                SamplerError::Name { .. } => SamplerError::Name { name: name.to_owned() },
                SamplerError::Ratio { .. } => error,
            });
        }
        match name {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => {
                let argument = argument.unwrap_or("1");
                let ratio = argument.trim().parse().ok().filter(is_ratio);
                let wrong = || SamplerError::Ratio { argument: argument.to_owned() };
                ratio.map(Sampler::TraceIdRatioBased).ok_or_else(wrong)
            }
            _ => Err(SamplerError::Name { name: name.to_owned() }),
        }
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Sampler::TraceIdRatioBased(ratio) if !is_ratio(ratio) => {
                Err(format!("a sampler cannot take {ratio} of all traces; give it 0 to 1"))
            }
            Sampler::ParentBased(root) => root.check(),
            _ => Ok(()),
        }
    }
}

fn is_ratio(ratio: &f64) -> bool {
    (0.0..=1.0).contains(ratio)
}

/// A sampler in the form in which it decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    /// Whether the parent decides where there is one.
    follows_parent: bool,
    ratio: TraceRatio,
}

impl Sampling {
    pub(super) fn of(sampler: &Sampler) -> Sampling {
        let ratio = match sampler {
            Sampler::AlwaysOn => TraceRatio::ALL,
            Sampler::AlwaysOff => TraceRatio::NONE,
            Sampler::TraceIdRatioBased(ratio) => TraceRatio::new(*ratio),
            Sampler::ParentBased(root) => {
                return Sampling { follows_parent: true, ..Sampling::of(root) };
            }
        };
        Sampling { follows_parent: false, ratio }
    }

    /// Whether every span is recorded that begins a trace.
    pub(super) fn takes_all(self) -> bool {
        self.ratio.is_all()
    }

    /// Whether a span of this trace is recorded; `parent` has the flags of the span that it hangs
    /// under, if it hangs under one.
    pub(super) fn takes(self, trace: TraceId, parent: impl FnOnce() -> Option<TraceFlags>) -> bool {
        if self.follows_parent
            && let Some(parent) = parent()
        {
            return parent.is_sampled();
        }
        self.ratio.takes(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::identity::{IdBlock, IdSource};

    fn takes(sampler: &Sampler, trace: u128, parent: Option<TraceFlags>) -> bool {
        Sampling::of(sampler).takes(TraceId::from_u128(trace), || parent)
    }

    #[test]
    fn only_a_sampler_by_parent_looks_at_the_parent() {
        let ours = TraceFlags::SAMPLED;
        for root in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
            let is_on = root == Sampler::AlwaysOn;
            for parent in [None, Some(ours), Some(TraceFlags::NONE)] {
                assert_eq!(takes(&root, 7, parent), is_on);
            }
            let by_parent = Sampler::parent_based(root);
            assert_eq!(takes(&by_parent, 7, None), is_on);
            assert!(takes(&by_parent, 7, Some(ours)));
            assert!(!takes(&by_parent, 7, Some(TraceFlags::RANDOM)));
        }
    }

    #[test]
    fn as_many_traces_of_ours_are_taken_as_were_asked_for() {
        let ids = IdSource::random();
        let mut block = IdBlock::default();
        let traces: Vec<TraceId> = (0..100_000).map(|_| ids.trace_id(block.next(&ids))).collect();
        for ratio in [0.01, 0.1, 0.5, 0.9] {
            let sampling = Sampling::of(&Sampler::TraceIdRatioBased(ratio));
            let taken = traces.iter().filter(|&&trace| sampling.takes(trace, || None)).count();
            // Ten times the deviation that chance allows once in three cases.
            let deviation = (traces.len() as f64 * ratio * (1.0 - ratio)).sqrt();
            let off = taken as f64 - traces.len() as f64 * ratio;
            assert!(off.abs() < 10.0 * deviation, "{ratio}: {taken}");
        }
    }

    #[test]
    fn a_name_that_is_wrong_is_answered_with_those_that_are_right() {
        let parse = |name, argument| Sampler::from_name(name, argument);
        assert_eq!(parse("traceidratio", None), Ok(Sampler::TraceIdRatioBased(1.0)));
        let off = Sampler::parent_based(Sampler::AlwaysOff);
        assert_eq!(parse("parentbased_always_off", Some("x")), Ok(off));
        for name in ["", "jaeger_remote", "parentbased_", "parentbased_parentbased_always_on"] {
            let error = parse(name, None).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("there is no sampler `{name}`; expected")),
                "{error}"
            );
        }
        for argument in ["", "-0.1", "1.5", "NaN", "half"] {
            let error = parse("parentbased_traceidratio", Some(argument)).unwrap_err();
            assert_eq!(error, SamplerError::Ratio { argument: argument.to_owned() });
        }
        let nan = Sampler::parent_based(Sampler::TraceIdRatioBased(f64::NAN));
        assert!(nan.check().unwrap_err().contains("give it 0 to 1"));
    }
}
