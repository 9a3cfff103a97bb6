use std::collections::HashMap;
use std::time::Duration;

use super::{Line, LineKind, ParentId};
use crate::data::names::attribute;
use crate::data::{Attributes, Level, Link, Name, Outcome, RecordId, SpanKind, TraceId};

/// The spans of a run, in the order in which they started.
#[derive(Clone, Debug)]
pub struct Spans<'a> {
    spans: Vec<SpanView<'a>>,
    places: HashMap<RecordId, usize>,
    loose: Vec<&'a Line>,
}

/// What the lines of a run say of one span.
#[derive(Clone, Debug)]
pub struct SpanView<'a> {
    id: RecordId,
    /// The one of the two lines that exists; they are the same for a `complete` line.
    any: &'a Line,
    start: Option<&'a Line>,
    stop: Option<&'a Line>,
    records: Vec<&'a Line>,
}

impl<'a> Spans<'a> {
    pub(super) fn new(lines: &'a [Line]) -> Spans<'a> {
        let mut spans: Vec<SpanView<'a>> = Vec::new();
        let mut places = HashMap::new();
        for line in lines {
            let Some(id) = line.id.filter(|_| line.holds_start() || line.holds_stop()) else {
                continue;
            };
            let place = *places.entry(id).or_insert_with(|| {
                spans.push(SpanView {
                    id,
                    any: line,
                    start: None,
                    stop: None,
                    records: Vec::new(),
                });
                spans.len() - 1
            });
            // No span starts or stops twice. If a file says so, the first time holds.
            let span = &mut spans[place];
            if line.holds_start() {
                span.start = span.start.or(Some(line));
            }
            if line.holds_stop() {
                span.stop = span.stop.or(Some(line));
            }
        }
        // Stable: of spans that started at the same time the one whose line comes first is first.
        spans.sort_by_key(SpanView::start_time_unix_nanos);
        for (place, span) in spans.iter().enumerate() {
            places.insert(span.id, place);
        }

        let mut loose = Vec::new();
        for line in lines {
            if line.holds_start() || line.holds_stop() || line.is_opening() || line.is_closing() {
                continue;
            }
            match line.id.and_then(|id| places.get(&id)) {
                Some(&place) => spans[place].records.push(line),
                None => loose.push(line),
            }
        }
        Spans { spans, places, loose }
    }

    /// The spans.
    pub fn iter(&self) -> std::slice::Iter<'_, SpanView<'a>> {
        self.spans.iter()
    }

    /// The span of this id.
    pub fn get(&self, id: RecordId) -> Option<&SpanView<'a>> {
        self.place(id).map(|place| &self.spans[place])
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Events, errors and telemetry data errors that belong to no span, or to one that the file
    /// does not hold. The library's opening and closing records are not among them.
    pub fn loose_records(&self) -> &[&'a Line] {
        &self.loose
    }

    pub(super) fn place(&self, id: RecordId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    pub(super) fn at(&self, place: usize) -> &SpanView<'a> {
        &self.spans[place]
    }
}

impl<'s, 'a> IntoIterator for &'s Spans<'a> {
    type Item = &'s SpanView<'a>;
    type IntoIter = std::slice::Iter<'s, SpanView<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> SpanView<'a> {
    /// The id.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The name.
    pub fn name(&self) -> &'a Name {
        &self.any.name
    }

    /// The trace. The Python library's files have none.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.any.trace_id
    }

    /// What it hangs under. The Python library's files have no parents.
    pub fn parent(&self) -> Option<ParentId> {
        self.any.parent
    }

    /// The kind.
    pub fn kind(&self) -> SpanKind {
        self.any.span_kind
    }

    /// How much detail it is.
    pub fn level(&self) -> Level {
        self.any.level
    }

    /// The group that it can be switched with.
    pub fn group(&self) -> Option<&'a Name> {
        self.any.group.as_ref()
    }

    /// Its links to other spans.
    pub fn links(&self) -> &'a [Link] {
        &self.any.links
    }

    /// The attributes at the end; of an open span those at the start.
    pub fn attributes(&self) -> &'a Attributes {
        &self.stop.unwrap_or(self.any).attributes
    }

    /// The attributes of the start event.
    pub fn start_attributes(&self) -> &'a Attributes {
        &self.start.unwrap_or(self.any).start_attributes
    }

    /// The attributes of the stop event.
    pub fn stop_attributes(&self) -> &'a Attributes {
        &self.stop.unwrap_or(self.any).stop_attributes
    }

    /// When it started, in nanoseconds since 1970. If the line with the start is missing, the stop
    /// and the duration tell.
    pub fn start_time_unix_nanos(&self) -> u64 {
        let back = |line: &Line| {
            let nanos = line.duration.map_or(0, |duration| duration.as_nanos() as u64);
            line.time_unix_nanos.saturating_sub(nanos)
        };
        self.start.map_or_else(|| back(self.any), |line| line.time_unix_nanos)
    }

    /// When it stopped, in nanoseconds since 1970; `None` for an open span.
    pub fn stop_time_unix_nanos(&self) -> Option<u64> {
        self.stop.and_then(|line| line.stop_time_unix_nanos)
    }

    /// How long it took; `None` for an open span.
    pub fn duration(&self) -> Option<Duration> {
        self.stop.and_then(|line| line.duration)
    }

    /// How it ended; `None` for an open span. The Python library's files say nothing of that, which
    /// reads as [`Outcome::Ok`].
    pub fn outcome(&self) -> Option<Outcome> {
        self.stop.map(|line| line.outcome)
    }

    /// Whether it started and never stopped.
    pub fn is_open(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether it was open when the recorder was closed, so that the library stopped it. How long
    /// it would have taken is not known.
    pub fn is_truncated(&self) -> bool {
        self.attributes().get_bool(attribute::TRUNCATED) == Ok(Some(true))
    }

    /// Whether its start and its stop are there, and the application has stopped it: then its duration is
    /// what it took. Whether events of it are missing only the run as a whole can tell
    /// ([`Run::completeness`](super::Run::completeness)).
    pub fn is_whole(&self) -> bool {
        !self.is_start_missing() && !self.is_open() && !self.is_truncated()
    }

    /// Whether the line with its start is missing.
    pub fn is_start_missing(&self) -> bool {
        self.start.is_none()
    }

    /// Whether it ended with an error or a panic, or an error was reported in it.
    pub fn has_failed(&self) -> bool {
        let is_bad = matches!(self.outcome(), Some(Outcome::Error | Outcome::Panic));
        is_bad || self.errors().next().is_some()
    }

    /// Its events.
    pub fn events(&self) -> impl Iterator<Item = &'a Line> {
        self.records_of(LineKind::Event)
    }

    /// The errors that were reported in it.
    pub fn errors(&self) -> impl Iterator<Item = &'a Line> {
        self.records_of(LineKind::Error)
    }

    /// Its events and errors, in the order of the file.
    pub fn records(&self) -> &[&'a Line] {
        &self.records
    }

    pub(super) fn first_line(&self) -> &'a Line {
        self.any
    }

    fn records_of(&self, kind: LineKind) -> impl Iterator<Item = &'a Line> {
        let records = self.records.iter().copied();
        records.filter(move |line| line.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use crate::read::from_str;

    const STOP: &str = r#"{"type":"stop","id":"00000000-0000-8000-8000-000000000001","name":"a",
        "attributes":{"k":2},"time_unix_nano":30,"duration_nano":20,"count":3}"#;

    fn one_line(text: &str) -> String {
        text.replace('\n', " ") + "\n"
    }

    #[test]
    fn the_start_of_a_span_is_known_from_its_stop() {
        let log = from_str(&one_line(STOP));
        let spans = log.runs()[0].spans();
        let span = spans.iter().next().unwrap();
        assert!(span.is_start_missing() && !span.is_open() && !span.is_whole());
        assert_eq!(span.start_time_unix_nanos(), 10);
        assert_eq!(span.stop_time_unix_nanos(), Some(30));
    }

    #[test]
    fn a_span_that_stops_twice_stopped_the_first_time() {
        let again = one_line(STOP).replace("\"k\":2", "\"k\":3").replace(":3}", ":4}");
        let log = from_str(&(one_line(STOP) + &again));
        let spans = log.runs()[0].spans();
        assert_eq!(spans.len(), 1);
        let id = "00000000-0000-8000-8000-000000000001".parse().unwrap();
        assert_eq!(spans.get(id).unwrap().attributes().get_i64("k"), Ok(Some(2)));
    }

    #[test]
    fn an_event_of_an_unknown_span_is_loose() {
        let event = r#"{"type":"event","span_id":"00000000-0000-8000-8000-000000000009","event":
            {"name":"e"},"time_unix_nano":1,"count":4}"#;
        let log = from_str(&(one_line(STOP) + &one_line(event)));
        assert_eq!(log.runs()[0].spans().loose_records()[0].name, "e");
    }
}
