use super::{Condition, Draft, Processor, Verdict};

/// Holds records back by what a [`Condition`] says of them.
///
/// A span is judged by its start, and goes or stays as a whole, with its events and errors; these are
/// judged by themselves where their span stays. So `only("kind = event")`, which no span meets, keeps only
/// events that belong to no span; `only("kind != error")` keeps all but errors. And no start meets a test of
/// `duration` or `outcome`: for those there is [`KeepIf`](super::KeepIf).
///
/// ```
/// use onelogger::processor::RecordFilter;
/// // No spans of single steps, and of events only those that matter.
/// let filter = RecordFilter::except(r#"kind = span and name ~ "step_*""#.parse()?);
/// let events = RecordFilter::only("kind != event or level <= info or .loss > 3".parse()?);
/// # Ok::<(), onelogger::processor::ConditionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordFilter {
    condition: Condition,
    /// Whether those are kept that meet the condition.
    keeps: bool,
}

impl RecordFilter {
    /// Keeps what meets the condition.
    pub fn only(condition: Condition) -> RecordFilter {
        RecordFilter { condition, keeps: true }
    }

    /// Keeps what does not meet the condition.
    pub fn except(condition: Condition) -> RecordFilter {
        RecordFilter { condition, keeps: false }
    }
}

impl Processor for RecordFilter {
    fn name(&self) -> &str {
        "filter"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        match self.condition.matches(draft.record()) == self.keeps {
            true => Verdict::Keep,
            false => Verdict::Withhold,
        }
    }
}
