use std::collections::HashMap;
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
    /// Open spans, and whether an error was reported in them. Errors may also be of spans that are open
    /// elsewhere, of which no stop will come by.
    open: HashMap<SpanId, bool>,
}

impl KeepIf {
    /// No reason yet.
    pub(crate) fn never() -> KeepIf {
        KeepIf {
            keeps_errors: false,
            longer_than: None,
            conditions: Vec::new(),
            memory_bytes: 16 << 20,
            open: HashMap::new(),
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
            RecordKind::Start => {
                if self.keeps_errors {
                    self.open.insert(record.span_id(), false);
                }
                Verdict::Hold
            }
            RecordKind::Stop => {
                let had_error = self.open.remove(&record.span_id()).unwrap_or(false)
                    || matches!(record.outcome(), Outcome::Error | Outcome::Panic);
                let is_long = self.longer_than.is_some_and(|least| record.duration() > least);
                let is_wanted = (self.keeps_errors && had_error)
                    || is_long
                    || self.conditions.iter().any(|condition| condition.matches(record));
                if is_wanted { Verdict::Keep } else { Verdict::Withhold }
            }
            RecordKind::Error => {
                if let Some(has_error) = self.open.get_mut(&record.span_id()) {
                    *has_error = true;
                }
                Verdict::Keep
            }
            _ => Verdict::Keep,
        }
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{EventRecord, Record, SpanRecord};
    use crate::exporter::Batch;

    #[test]
    fn of_errors_in_spans_of_others_nothing_is_kept() {
        let mut rule = KeepIf::error();
        let mut show = |record: Record| {
            let batch: Batch = [record].into_iter().collect();
            let (record, mut added) = (batch.records().iter().next().unwrap(), Vec::new());
            rule.process(&mut Draft::new(record, 0, &mut added))
        };
        let (ours, other) = (SpanId::from_u64(1), SpanId::from_u64(2));
        let span = SpanRecord { span_id: ours, ..SpanRecord::default() };
        let error = |span_id| Record::Error(EventRecord { span_id, ..EventRecord::default() });
        assert_eq!(show(Record::Start(span.clone())), Verdict::Hold);
        // A span of another process, or of another library: it has no stop here.
        show(error(other));
        show(error(ours));
        show(error(ours));
        assert_eq!(show(Record::Stop(span)), Verdict::Keep);
        assert!(rule.open.is_empty());
    }
}
