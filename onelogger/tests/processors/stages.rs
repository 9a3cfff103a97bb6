//! Spans stay whole, whatever a processor says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use onelogger::exporter::RecordKind;
use onelogger::processor::{Processor, Verdict};
use onelogger::{
    Attributes, ErrorEvent, Event, EventRecord, LossReason, Record, Span, SpanBuilder,
    TelemetryDataError,
};

use crate::support::{Job, MODES, Mode, Under, does, parents, words};

/// `a > b > c`, with an event, an error and an addition of attributes in each.
fn nested(job: &Job) {
    let recorder = &job.recorder;
    let mut open: Vec<Span> = Vec::new();
    for name in ["a", "b", "c"] {
        let span = recorder.start(SpanBuilder::new(name).under(open.last())).unwrap();
        recorder.event(&span, Event::new(format!("in {name}"))).unwrap();
        recorder.error(&span, ErrorEvent::new(format!("of {name}"))).unwrap();
        recorder.set_attributes(&span, Attributes::from([("of", name)])).unwrap();
        open.push(span);
    }
    for span in open {
        recorder.stop(&span).unwrap();
    }
}

fn withhold(name: &'static str, kind: RecordKind) -> Box<dyn Processor> {
    does(move |draft| match draft.record().name() == name && draft.record().kind() == kind {
        true => Verdict::Withhold,
        false => Verdict::Keep,
    })
}

#[test]
fn a_span_is_withheld_as_a_whole_and_what_is_below_moves_up() {
    for mode in MODES {
        let job = Job::new(mode, vec![withhold("b", RecordKind::Start)]);
        nested(&job);
        let left = job.finish();
        let expected = ["+a", "in a", "!of a", "~a", "+c", "in c", "!of c", "~c", "-a", "-c"];
        assert_eq!(words(&left.processed), expected, "{mode:?}");
        let above = [("a".to_owned(), None), ("c".to_owned(), Some("a".to_owned()))];
        assert_eq!(parents(&left.processed), above);
        let [all, processed] = left.counts;
        assert_eq!((processed.recorded, processed.withheld, processed.delivered), (15, 5, 10));
        assert_eq!(processed.delivered_updates, 2);
        assert_eq!(all.withheld, if mode == Mode::All { 5 } else { 0 });
    }
}

#[test]
fn a_span_below_two_that_are_withheld_moves_up_by_two_and_a_root_stays_one() {
    for mode in MODES {
        let job = Job::new(
            mode,
            vec![withhold("a", RecordKind::Start), withhold("b", RecordKind::Start)],
        );
        nested(&job);
        let left = job.finish();
        assert_eq!(parents(&left.processed), [("c".to_owned(), None)]);
        assert_eq!(left.counts[1].withheld, 10);
    }
}

#[test]
fn a_start_that_was_let_through_has_its_stop_and_a_report_is_let_through() {
    for mode in MODES {
        let job = Job::new(
            mode,
            vec![does(|draft| match draft.record().kind() {
                RecordKind::Start => Verdict::Keep,
                _ => Verdict::Withhold,
            })],
        );
        nested(&job);
        job.recorder.telemetry_data_error(TelemetryDataError::new("strange")).unwrap();
        let left = job.finish();
        assert_eq!(words(&left.processed), ["+a", "+b", "+c", "-a", "-b", "-c", "?strange"]);
        assert_eq!((left.counts[1].withheld, left.counts[1].lost_total()), (9, 0));
    }
}

#[test]
fn each_processor_sees_what_those_before_it_have_left() {
    for mode in MODES {
        let seen = Arc::new(AtomicUsize::new(0));
        let (first, second) = (Arc::clone(&seen), Arc::clone(&seen));
        let job = Job::new(
            mode,
            vec![
                does(move |draft| {
                    if draft.record().kind() == RecordKind::Event {
                        draft.set_name("renamed");
                        draft.attributes_mut().set("place", first.fetch_add(1, Ordering::Relaxed));
                        let name = "added".into();
                        draft.add_event(EventRecord { name, ..EventRecord::default() });
                    }
                    Verdict::Keep
                }),
                does(move |draft| {
                    let record = draft.record();
                    let is_known = record.kind() != RecordKind::Event
                        || record.name() == "renamed" && record.attributes().get("place").is_some();
                    match is_known {
                        true => Verdict::Keep,
                        false => {
                            assert_eq!(record.name(), "added");
                            second.fetch_add(100, Ordering::Relaxed);
                            Verdict::Withhold
                        }
                    }
                }),
            ],
        );
        job.recorder.event(None, Event::new("e").with("own", 1)).unwrap();
        job.recorder.event(None, Event::new("f")).unwrap();
        let left = job.finish();
        assert_eq!(words(&left.processed), ["renamed", "renamed"]);
        let Record::Event(event) = &left.processed[0] else { panic!() };
        assert_eq!(event.attributes, Attributes::new().with("own", 1).with("place", 0));
        let counts = left.counts[1];
        assert_eq!(
            (counts.recorded, counts.added, counts.withheld, counts.delivered),
            (2, 2, 2, 2)
        );
        assert_eq!(seen.load(Ordering::Relaxed) / 100, 2);
    }
}

#[test]
fn what_a_processor_changes_leaves_identity_time_and_outcome_alone() {
    let job = Job::new(
        Mode::One,
        vec![does(|draft| {
            draft.attributes_mut().set("new", true);
            draft.set_name("other");
            Verdict::Keep
        })],
    );
    let span = job.recorder.start(SpanBuilder::new("s").with("old", 1)).unwrap();
    job.advance(7);
    job.recorder.stop(&span).unwrap();
    let left = job.finish();
    for (before, after) in left.all.iter().zip(&left.processed) {
        let (
            Record::Start(before) | Record::Stop(before),
            Record::Start(after) | Record::Stop(after),
        ) = (before, after)
        else {
            panic!()
        };
        let mut expected = before.clone();
        expected.name = "other".into();
        expected.attributes.set("new", true);
        assert_eq!(*after, expected);
    }
    assert_eq!(left.processed.len(), 2);
}

#[test]
fn a_panic_loses_the_record_and_is_counted() {
    for mode in MODES {
        let job = Job::new(
            mode,
            vec![does(|draft| {
                let name = draft.record().name();
                assert!(name != "b" && name != "in c", "a processor's fault");
                Verdict::Keep
            })],
        );
        nested(&job);
        let left = job.finish();
        let expected = ["+a", "in a", "!of a", "~a", "+c", "!of c", "~c", "-a", "-c"];
        assert_eq!(words(&left.processed), expected);
        let counts = left.counts[1];
        assert_eq!((counts.lost(LossReason::ProcessorFailed), counts.lost_total()), (6, 6));
        assert_eq!(parents(&left.processed)[1], ("c".to_owned(), Some("a".to_owned())));
    }
}

#[test]
fn a_stop_that_is_lost_to_a_panic_is_counted() {
    let job = Job::new(
        Mode::One,
        vec![does(|draft| {
            assert!(draft.record().kind() != RecordKind::Stop, "a processor's fault");
            Verdict::Hold
        })],
    );
    let (_, counts) = {
        nested(&job);
        job.so_far()
    };
    // The starts waited with what followed them; now nothing does.
    assert_eq!((counts.withheld, counts.lost(LossReason::ProcessorFailed)), (0, 15));
    job.finish();
}
