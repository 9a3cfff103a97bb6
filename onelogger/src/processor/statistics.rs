use std::time::Duration;

use super::sketch::Sketch;
use super::{Draft, Processor, Verdict};
use crate::data::names::{attribute, event};
use crate::data::{Attributes, EventRecord, Name, ValueRef};
use crate::exporter::RecordKind;

/// Statistics of a number that events of one name have: over all of them, or over those since the last
/// time that was said.
///
/// They are added as an event of their own, [`onelogger.statistics`](event::STATISTICS), after so many
/// events or when so much time has passed, as the records that come by are [made](Draft::made_unix_nanos);
/// and with the close, if there is something that was not said yet. It belongs to no span, and has these attributes:
///
/// | attribute | |
/// | --- | --- |
/// | `onelogger.statistics.event`, `.attribute` | what it is about |
/// | `onelogger.statistics.count` | events with such a number |
/// | `onelogger.statistics.ignored` | events without: it is missing, no number, infinite |
/// | `onelogger.statistics.min`, `.max`, `.average` | |
/// | `onelogger.statistics.p50`, `.p90`, `.p95`, `.p99` | percentiles, to within 1 % |
///
/// ```
/// use std::time::Duration;
/// use onelogger::processor::EventStatistics;
/// let statistics = EventStatistics::of("save_checkpoint", "duration")
///     .every_events(100)
///     .every(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EventStatistics {
    event: Name,
    attribute: Name,
    every_events: Option<u64>,
    every_nanos: Option<u64>,
    is_windowed: bool,
    sketch: Sketch,
    ignored: u64,
    /// Events that came since it was said last.
    unsaid: u64,
    said_unix_nanos: Option<u64>,
}

impl EventStatistics {
    /// Of this attribute over all events of this name. Said with the close alone, if nothing else is
    /// asked for.
    pub fn of(event: impl Into<Name>, attribute: impl Into<Name>) -> EventStatistics {
        EventStatistics {
            event: event.into(),
            attribute: attribute.into(),
            every_events: None,
            every_nanos: None,
            is_windowed: false,
            sketch: Sketch::default(),
            ignored: 0,
            unsaid: 0,
            said_unix_nanos: None,
        }
    }

    /// Says it after each so many events; at least 1.
    pub fn every_events(mut self, events: u64) -> EventStatistics {
        self.every_events = Some(events.max(1));
        self
    }

    /// Says it when so much time has passed, if there is something new to say.
    pub fn every(mut self, period: Duration) -> EventStatistics {
        self.every_nanos = Some(u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).max(1));
        self
    }

    /// Begins anew each time that it was said.
    pub fn windowed(mut self) -> EventStatistics {
        self.is_windowed = true;
        self
    }

    fn take(&mut self, value: Option<ValueRef<'_>>) {
        let is_taken = match value {
            Some(ValueRef::I64(value)) => self.sketch.add(value as f64),
            Some(ValueRef::F64(value)) => self.sketch.add(value),
            _ => false,
        };
        self.ignored += !is_taken as u64;
        self.unsaid += 1;
    }

    fn is_due(&self, now_unix_nanos: u64) -> bool {
        let is_old = |period: u64| {
            self.said_unix_nanos.is_some_and(|said| now_unix_nanos.saturating_sub(said) >= period)
        };
        self.unsaid > 0
            && (self.every_events.is_some_and(|events| self.unsaid >= events)
                || self.every_nanos.is_some_and(is_old))
    }

    fn say(&mut self, time_unix_nanos: u64) -> EventRecord {
        let sketch = &self.sketch;
        let mut attributes = Attributes::new()
            .with(attribute::STATISTICS_EVENT, self.event.as_str())
            .with(attribute::STATISTICS_ATTRIBUTE, self.attribute.as_str())
            .with(attribute::STATISTICS_COUNT, sketch.count())
            .with(attribute::STATISTICS_IGNORED, self.ignored);
        if sketch.count() > 0 {
            attributes = attributes
                .with(attribute::STATISTICS_MIN, sketch.min())
                .with(attribute::STATISTICS_MAX, sketch.max())
                .with(attribute::STATISTICS_AVERAGE, sketch.average())
                .with(attribute::STATISTICS_P50, sketch.percentile(50))
                .with(attribute::STATISTICS_P90, sketch.percentile(90))
                .with(attribute::STATISTICS_P95, sketch.percentile(95))
                .with(attribute::STATISTICS_P99, sketch.percentile(99));
        }
        self.unsaid = 0;
        self.said_unix_nanos = Some(time_unix_nanos);
        if self.is_windowed {
            (self.sketch, self.ignored) = (Sketch::default(), 0);
        }
        let name = Name::from_static(event::STATISTICS);
        EventRecord { name, attributes, time_unix_nanos, ..EventRecord::default() }
    }
}

impl Processor for EventStatistics {
    fn name(&self) -> &str {
        "event_statistics"
    }

    fn process(&mut self, draft: &mut Draft<'_>) -> Verdict {
        let record = draft.record();
        let now = draft.made_unix_nanos();
        // The first period begins with the first record, and where a wall clock was set back a new one.
        self.said_unix_nanos = Some(self.said_unix_nanos.map_or(now, |said| said.min(now)));
        if record.kind() == RecordKind::Event && record.name() == self.event.as_str() {
            self.take(record.attributes().get(self.attribute.as_str()));
        }
        if self.is_due(now) {
            let said = self.say(now);
            draft.add_event(said);
        }
        Verdict::Keep
    }

    fn finish(&mut self, now_unix_nanos: u64) -> Vec<EventRecord> {
        if self.unsaid == 0 {
            return Vec::new();
        }
        vec![self.say(now_unix_nanos)]
    }
}
