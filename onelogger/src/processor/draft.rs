use super::stage::happens_at;
use crate::data::{Attributes, EventRecord, Name, Record};
use crate::exporter::RecordRef;

/// A record as a [`Processor`](super::Processor) is shown it.
///
/// What stands in it can be changed: its name, its attributes. Which span and trace it belongs to, when it
/// happened and how the span ended cannot. It costs a copy of the record, once something is changed.
pub struct Draft<'a> {
    record: RecordRef<'a>,
    made_unix_nanos: u64,
    changed: Option<Record>,
    added: &'a mut Vec<EventRecord>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        record: RecordRef<'a>,
        made_unix_nanos: u64,
        added: &'a mut Vec<EventRecord>,
    ) -> Draft<'a> {
        Draft { record, made_unix_nanos, changed: None, added }
    }

    /// The record as it came.
    pub fn record(&self) -> RecordRef<'a> {
        self.record
    }

    /// When the record was made, in nanoseconds since 1970, whatever time it
    /// [gives](RecordRef::time_unix_nanos) for what it tells of: a clock for what goes by time.
    pub fn made_unix_nanos(&self) -> u64 {
        self.made_unix_nanos
    }

    /// The attributes: of a start those given then, of a stop or an addition of attributes all that the
    /// span has by then, of an event or an error its own. To change those of a span for good, change them
    /// in each of its records.
    pub fn attributes_mut(&mut self) -> &mut Attributes {
        match self.to_mut() {
            Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => {
                &mut span.attributes
            }
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                &mut event.attributes
            }
        }
    }

    /// Every set of attributes in the record: its own, those of the start or stop event or of the
    /// addition, and those of its links.
    pub fn all_attributes_mut(&mut self) -> Vec<&mut Attributes> {
        match self.to_mut() {
            Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => {
                let links = span.links.iter_mut().map(|link| &mut link.attributes);
                [&mut span.attributes, &mut span.event_attributes]
                    .into_iter()
                    .chain(links)
                    .collect()
            }
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                vec![&mut event.attributes]
            }
        }
    }

    /// Whether one of these sets has an attribute of which `is_wanted` says so. Costs no copy.
    pub fn has_attribute(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        let record = self.record;
        let own = record.attributes().iter().chain(record.event_attributes().iter());
        let mut links = record.links().iter().flat_map(|(_, attributes)| attributes.iter());
        own.map(|(key, _)| key).any(&is_wanted) || links.any(|(key, _)| is_wanted(key))
    }

    /// Gives the span or the event another name. That of a span is to be changed in each of its records.
    pub fn set_name(&mut self, new: impl Into<Name>) {
        let new = new.into();
        match self.to_mut() {
            Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => span.name = new,
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                event.name = new;
            }
        }
    }

    /// Adds an event: after this record, or before it if this is a stop. One that belongs to a span is
    /// held back with that span, waits with it, is lost with it. One that gives no time (0) gets this
    /// record's.
    pub fn add_event(&mut self, mut event: EventRecord) {
        happens_at(&mut event, self.record.time_unix_nanos());
        self.added.push(event);
    }

    /// The record, if it was changed.
    pub(super) fn into_changed(self) -> Option<Record> {
        self.changed
    }

    fn to_mut(&mut self) -> &mut Record {
        let record = self.record;
        self.changed.get_or_insert_with(|| record.to_owned())
    }
}
