use std::collections::HashSet;
use std::time::Duration;

use super::{Condition, Draft, Processor, Verdict};
use crate::data::{Outcome, SpanId};
use crate::exporter::RecordKind;

/// Decides at the end of each span whether it was worth keeping: one that has failed, one that took long,
/// or whatever a [`Condition`] says of its stop. One reason is enough.
///
/// Until then the span waits, with its events and errors: an exporter under such a rule shows nothing of
/// a span that is open, and gets one that is kept as it ends, start first. A job that is killed leaves
/// nothing of what was open; so give this to one exporter, beside one that shows everything. Spans are
/// judged one by one: of a kept span the parent may be missing.
///
/// What waits takes at most 16 MiB, or what [`memory`](KeepIf::memory) says. Spans that find no room are
/// let through undecided. What belongs to no span is let through.
///
/// ```
/// use std::time::Duration;
/// use onelogger::processor::KeepIf;
/// let rule = KeepIf::error().or_longer_than(Duration::from_secs(1)).or("name = checkpoint".parse()?);
/// # Ok::<(), onelogger::processor::ConditionError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct KeepIf {
    keeps_errors: bool,
    longer_than: Option<Duration>,
    conditions: Vec<Condition>,
    memory_bytes: usize,
    /// Open spans with an error.
    with_error: HashSet<SpanId>,
}

impl KeepIf {
    /// No reason yet.
    pub(crate) fn never() -> KeepIf {
        KeepIf {
            keeps_errors: false,
            longer_than: None,
            conditions: Vec::new(),
            memory_bytes: 16 << 20,
            with_error: HashSet::new(),
        }
    }

    /// Keeps spans that ended by an error or a panic, or in which an error was reported.
    pub fn error() -> KeepIf {
        KeepIf::never().or_error()
    }

    /// Keeps spans that took longer than this.
    pub fn longer_than(duration: Duration) -> KeepIf {
        KeepIf::never().or_longer_than(duration)
    }

    /// Keeps spans whose stop meets a condition.
    pub fn matches(condition: Condition) -> KeepIf {
        KeepIf::never().or(condition)
    }

    /// And those that ended by an error or a panic, or in which an error was reported.
    pub fn or_error(mut self) -> KeepIf {
        self.keeps_errors = true;
        self
    }

    /// And those that took longer than this; the shortest that was said counts.
    pub fn or_longer_than(mut self, duration: Duration) -> KeepIf {
        self.longer_than = Some(self.longer_than.map_or(duration, |least| least.min(duration)));
        self
    }

    /// And those whose stop meets a condition.
    pub fn or(mut self, condition: Condition) -> KeepIf {
        self.conditions.push(condition);
        self
    }

    /// How much memory may be taken by what waits.
    pub fn memory(mut self, bytes: usize) -> KeepIf {
        self.memory_bytes = bytes;
        self
    }
}

impl Processor for KeepIf {
    fn name(&self) -> &str {
        "keep_if"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let record = draft.record();
        match record.kind() {
            RecordKind::Start => Verdict::Hold,
            RecordKind::Stop => {
                let had_error = self.with_error.remove(&record.span_id())
                    || matches!(record.outcome(), Outcome::Error | Outcome::Panic);
                let is_long = self.longer_than.is_some_and(|least| record.duration() > least);
                let is_wanted = (self.keeps_errors && had_error)
                    || is_long
                    || self.conditions.iter().any(|condition| condition.matches(record));
                if is_wanted { Verdict::Keep } else { Verdict::Withhold }
            }
            RecordKind::Error if self.keeps_errors && record.span_id().is_valid() => {
                self.with_error.insert(record.span_id());
                Verdict::Keep
            }
            _ => Verdict::Keep,
        }
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}
