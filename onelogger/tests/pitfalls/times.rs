//! Times and values.

use std::time::Duration;

use onelogger::recorder::RecordError;
use onelogger::{
    Attributes, ErrorHandlingStrategy, Event, Record, SpanBuilder, SpanFilter, SpanStop,
    TimeWindow, Timestamp,
};

use crate::{EPOCH, Job, stop_of};

const HOUR: u64 = 3_600_000_000_000;
const STRICT: ErrorHandlingStrategy = ErrorHandlingStrategy::PropagateExceptions;

#[test]
fn p01_work_that_is_reported_late_is_accepted_and_work_of_the_future_is_not() {
    let job = Job::new(STRICT);
    let last_year = Timestamp::from_unix_nanos(EPOCH - 365 * 24 * HOUR);
    let span = job.recorder.start(SpanBuilder::new("late").start_time(last_year)).unwrap();
    job.recorder.stop(&span).unwrap();
    let ahead = Timestamp::from_unix_nanos(EPOCH + HOUR / 6);
    let refused = job.recorder.event(None, Event::new("ahead").at(ahead));
    assert!(matches!(refused, Err(RecordError::Time(_))));
    assert_eq!(stop_of(&job.close(), "late").duration_nanos, 365 * 24 * HOUR);
    // It is a setting.
    let narrow = TimeWindow { past: Duration::from_secs(1), ..TimeWindow::default() };
    let job = Job::with(STRICT, |builder| builder.time_window(narrow));
    let refused = job.recorder.start(SpanBuilder::new("late").start_time(last_year));
    assert!(matches!(refused, Err(RecordError::Time(_))));
}

#[test]
fn p02_a_reading_of_zero_is_a_reading() {
    let job = Job::with(STRICT, |builder| {
        builder.time_window(TimeWindow { past: Duration::MAX, ..TimeWindow::default() })
    });
    let at = |monotonic| Timestamp { unix_nanos: 0, monotonic_nanos: Some(monotonic) };
    let span = job.recorder.start(SpanBuilder::new("from zero").start_time(at(0))).unwrap();
    job.recorder.stop_with(&span, SpanStop::new().at(at(7))).unwrap();
    job.recorder.event(None, Event::new("at zero").at(Timestamp::from_unix_nanos(0))).unwrap();
    let records = job.close();
    let span = stop_of(&records, "from zero");
    assert_eq!((span.time_unix_nanos, span.duration_nanos), (0, 7));
    let at_zero = |record: &&Record| matches!(record, Record::Event(event) if event.name == "at zero" && event.time_unix_nanos == 0);
    assert_eq!(records.iter().filter(at_zero).count(), 1);
}

#[test]
fn p17_a_set_of_attributes_that_is_used_twice_stays_what_it_was() {
    let job = Job::new(STRICT);
    let mut set = Attributes::new().with("a", 1);
    let event = |name: &'static str, set: &Attributes| Event::new(name).attributes(set.clone());
    job.recorder.event(None, event("first", &set)).unwrap();
    let span = SpanBuilder::new("span").attributes(set.clone());
    let span = job.recorder.start(span).unwrap();
    assert_eq!(set, Attributes::new().with("a", 1), "nothing was added to it");
    set.set("a", 2);
    job.recorder.event(None, event("second", &set)).unwrap();
    job.recorder.set_attributes(&span, [("b", 3)]).unwrap();
    job.recorder.stop(&span).unwrap();
    let records = job.close();
    let of_event = |name: &str| {
        let found = records.iter().find_map(|record| match record {
            Record::Event(event) if event.name == name => Some(event.attributes.get_i64("a")),
            _ => None,
        });
        found.unwrap().unwrap()
    };
    assert_eq!((of_event("first"), of_event("second")), (Some(1), Some(2)));
    let span = stop_of(&records, "span");
    assert_eq!(span.attributes, Attributes::new().with("a", 1).with("b", 3));
}

#[onelogger::timed_span(name = Phase::Train)]
fn train() {}

enum Phase {
    Train,
}

impl onelogger::SpanName for Phase {
    fn span_name(&self) -> &'static str {
        match self {
            Phase::Train => "train",
        }
    }
}

#[test]
fn p34_a_name_is_its_text_whatever_it_was_made_of() {
    let run = |filter: SpanFilter| {
        let job = Job::with(STRICT, |builder| builder.filter(filter));
        let attached = job.provider.attach();
        train();
        for span in [SpanBuilder::new("train"), SpanBuilder::new(String::from("train"))] {
            let span = job.recorder.start(span).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        drop(attached);
        let records = job.close();
        records
            .iter()
            .filter(|record| matches!(record, Record::Stop(span) if span.name == "train"))
            .count()
    };
    assert_eq!(run(SpanFilter::all()), 3);
    assert_eq!(run(SpanFilter::only(["train"])), 3);
    assert_eq!(run(SpanFilter::except(["train"])), 0);
}
