//! Spans stay whole, whatever a processor says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use onelogger::exporter::{ExportError, Exporter, RecordKind, Records};
use onelogger::processor::{Processor, Processors, Verdict};
use onelogger::{
    Attributes, ErrorEvent, Event, EventRecord, LossReason, Record, Span, SpanBuilder,
    TelemetryDataError,
};

use crate::support::{Job, MODES, Mode, Under, boxed, does, parents, words};

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

/// One that panics wherever it can: when it is let go, and when it is asked how much may wait or what it is
/// called once it is at work.
struct Rude(Arc<AtomicUsize>);

impl Rude {
    fn panics_at_work(&self) {
        assert!(self.0.load(Ordering::Relaxed) == 0, "a processor's fault");
    }
}

impl Processor for Rude {
    fn name(&self) -> &str {
        self.panics_at_work();
        "rude"
    }

    fn process(&mut self, draft: &mut onelogger::processor::Draft<'_>) -> Verdict {
        self.0.store(1, Ordering::Relaxed);
        assert!(draft.record().name() != "panics", "a processor's fault");
        Verdict::Hold
    }

    fn memory_bytes(&self) -> usize {
        self.panics_at_work();
        1 << 20
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("a processor's fault");
    }
}

#[test]
fn no_panic_of_a_processor_reaches_the_application_or_ends_a_thread_of_the_library() {
    for mode in MODES {
        let state = Arc::new(AtomicUsize::new(0));
        let job = Job::new(mode, vec![boxed(Rude(Arc::clone(&state)))]);
        for name in ["a", "panics", "b"] {
            let span = job.recorder.start(SpanBuilder::new(name).root()).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        let left = job.finish();
        assert_eq!(words(&left.processed), ["+a", "-a", "+b", "-b"], "{mode:?}");
        assert_eq!(left.counts[1].lost(LossReason::ProcessorFailed), 2);
    }
}

#[test]
fn a_processor_that_panics_again_and_again_holds_nobody_up() {
    for is_synchronous in [false, true] {
        let (exporter, records) = onelogger::MemoryExporter::new();
        let builder = onelogger::DefaultRecorder::builder().exporter(exporter).boxed_processor(
            does(|draft| {
                assert!(draft.record().name() != "panics", "a processor's fault");
                Verdict::Keep
            }),
        );
        let builder = if is_synchronous { builder.synchronous() } else { builder };
        let config = onelogger::OneLoggerConfig::builder("p").session_tag("").world_size(1);
        // The one of the process: a panic of the application flushes it.
        let provider = onelogger::OneLoggerProvider::instance();
        let guard = provider.configure(config.build().unwrap(), builder.build().unwrap()).unwrap();
        let begin = std::time::Instant::now();
        for _ in 0..5 {
            provider.recorder().event(None, Event::new("panics")).unwrap();
            provider.recorder().event(None, Event::new("fine")).unwrap();
        }
        provider.recorder().force_flush(crate::support::PATIENCE).unwrap();
        let took = begin.elapsed();
        drop(guard);
        assert!(took < std::time::Duration::from_millis(900), "{took:?}");
        let is_fine = |record: &Record| matches!(record, Record::Event(it) if it.name == "fine");
        assert_eq!(records.to_vec().into_iter().filter(is_fine).count(), 5);
    }
}

#[test]
fn an_event_that_is_added_shares_the_fate_of_its_span() {
    for mode in MODES {
        // Says something of each span, in it: with its start, in between, and with its stop.
        let job = Job::new(
            mode,
            vec![does(|draft| {
                let record = draft.record();
                let name = format!("{:?} of {}", record.kind(), record.name()).into();
                let (trace_id, span_id) = (record.trace_id(), record.span_id());
                draft.add_event(EventRecord { name, trace_id, span_id, ..EventRecord::default() });
                match (record.kind(), record.name()) {
                    (RecordKind::Start, "no") => Verdict::Withhold,
                    (RecordKind::Start, "fails") => panic!("a processor's fault"),
                    (RecordKind::Start, "waits" | "waits in vain") => Verdict::Hold,
                    (RecordKind::Stop, "waits in vain") => Verdict::Withhold,
                    _ => Verdict::Keep,
                }
            })],
        );
        for name in ["yes", "no", "fails", "waits", "waits in vain"] {
            let span = job.recorder.start(SpanBuilder::new(name).root()).unwrap();
            job.advance(5);
            job.recorder.event(&span, Event::new("e")).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        let left = job.finish();
        let of = |name: &str| {
            ["+{}", "Start of {}", "e", "Event of e", "Stop of {}", "-{}"]
                .map(|word| word.replace("{}", name))
        };
        let expected = [of("yes"), of("waits")].concat();
        assert_eq!(words(&left.processed), expected, "{mode:?}");
        let counts = left.counts[1];
        // Three of each span, but of `no`, of which only the start is asked, and of `fails`.
        assert_eq!((counts.added, counts.withheld), (10, 3 + 1 + 3 + 3), "{mode:?}");
        // They bear the times of the records that they were added with.
        let times = left.processed.iter().filter_map(|record| match record {
            Record::Event(event) => Some(event.time_unix_nanos),
            _ => None,
        });
        assert!(times.into_iter().all(|time| time >= crate::support::EPOCH));
    }
}

/// Adds an event at the end.
struct Last;

impl Processor for Last {
    fn name(&self) -> &str {
        "last"
    }

    fn process(&mut self, _: &mut onelogger::processor::Draft<'_>) -> Verdict {
        Verdict::Keep
    }

    fn finish(&mut self, _: u64) -> Vec<EventRecord> {
        ["last", "fails"]
            .map(|name| EventRecord { name: name.into(), ..EventRecord::default() })
            .to_vec()
    }
}

#[test]
fn what_is_added_at_the_end_goes_through_the_processors_after_it_and_is_counted() {
    for mode in MODES {
        for is_withheld in [false, true] {
            let judge = does(move |draft| match draft.record().name() {
                "fails" => panic!("a processor's fault"),
                _ if is_withheld => Verdict::Withhold,
                _ => Verdict::Keep,
            });
            let job = Job::new(mode, vec![boxed(Last), judge]);
            job.advance(7);
            let left = job.finish();
            let counts = left.counts[1];
            let lost = counts.lost(LossReason::ProcessorFailed);
            let seen = (counts.added, counts.withheld, counts.delivered, lost);
            let (withheld, delivered) = if is_withheld { (1, 0) } else { (0, 1) };
            assert_eq!(seen, (2, withheld, delivered, 1), "{mode:?}");
            for record in left.processed {
                let Record::Event(event) = record else { panic!() };
                let time = event.time_unix_nanos - crate::support::EPOCH;
                assert_eq!((event.name.as_str(), time), ("last", 7_000_000));
            }
        }
    }
}

/// Refuses what [`Last`] adds.
struct Picky(onelogger::MemoryExporter);

impl Exporter for Picky {
    fn name(&self) -> &str {
        "picky"
    }

    fn export_batch(&mut self, records: Records<'_>) -> Result<(), ExportError> {
        match records.iter().any(|record| record.name() == "last") {
            true => Err(ExportError::new("not that").with_refused(records.len())),
            false => self.0.export_batch(records),
        }
    }
}

#[test]
fn an_exporter_that_fails_over_what_comes_last_is_told_how_it_ends_all_the_same() {
    let (exporter, records) = onelogger::MemoryExporter::new();
    let builder = onelogger::DefaultRecorder::builder()
        .exporter_with(Picky(exporter), Processors::new().then(Last))
        .disable_rule(onelogger::DisableRule::AfterConsecutive(1))
        .synchronous();
    let config = onelogger::OneLoggerConfig::builder("p").session_tag("").world_size(1);
    let provider = onelogger::OneLoggerProvider::new();
    drop(provider.configure(config.build().unwrap(), builder.build().unwrap()).unwrap());
    let records = records.take();
    let Some(Record::Event(closing)) = records.last() else { panic!("{records:?}") };
    assert_eq!(closing.name, "onelogger.close");
    assert_eq!(closing.attributes.get_i64("onelogger.lost.export_failed"), Ok(Some(2)));
}
