//! The processors that the library has.

use std::time::Duration;

use onelogger::processor::{
    EditAttributes, EventStatistics, RateLimit, RecordFilter, SampleTraces, SecretKeys,
};
use onelogger::{
    Attributes, ErrorEvent, Event, Level, Record, SpanBuilder, SpanStop, Timestamp, Value,
};

use crate::support::{EPOCH, Job, MODES, Mode, boxed, words};

#[test]
fn a_filter_holds_back_by_a_condition() {
    for mode in MODES {
        let job = Job::new(
            mode,
            vec![
                boxed(RecordFilter::except(r#"kind = span and name ~ "step_*""#.parse().unwrap())),
                boxed(RecordFilter::only(
                    "kind != event or level <= info or .loss > 3".parse().unwrap(),
                )),
            ],
        );
        let recorder = &job.recorder;
        let epoch = recorder.start("epoch").unwrap();
        let step = recorder.start(SpanBuilder::new("step_1").parent(&epoch)).unwrap();
        recorder.event(&step, Event::new("in step")).unwrap();
        recorder.stop(&step).unwrap();
        recorder.event(&epoch, Event::new("said")).unwrap();
        for loss in [1, 5] {
            let event = Event::new(format!("loss {loss}")).with("loss", loss).level(Level::Debug);
            recorder.event(&epoch, event).unwrap();
        }
        recorder.stop(&epoch).unwrap();
        let left = job.finish();
        assert_eq!(words(&left.processed), ["+epoch", "said", "loss 5", "-epoch"], "{mode:?}");
        assert_eq!(left.counts[1].withheld, 4);
    }
}

/// All sets of attributes of all records, but for the library's own keys.
fn sets(records: &[Record]) -> Vec<Attributes> {
    records
        .iter()
        .flat_map(|record| match record {
            Record::Start(span) | Record::Stop(span) | Record::Attributes(span) => {
                let links = span.links.iter().map(|link| link.attributes.clone());
                [span.attributes.clone(), span.event_attributes.clone()]
                    .into_iter()
                    .chain(links)
                    .collect()
            }
            Record::Event(event) | Record::Error(event) | Record::TelemetryDataError(event) => {
                vec![event.attributes.clone()]
            }
        })
        .collect()
}

/// A span with the same attributes in every place where some may stand, an event and an error.
fn everywhere(job: &Job, attributes: &Attributes) {
    let recorder = &job.recorder;
    let other = recorder.start(SpanBuilder::new("other").root()).unwrap();
    let span = SpanBuilder::new("s")
        .root()
        .attributes(attributes.clone())
        .start_attributes(attributes.clone())
        .link(other.context(), attributes.clone());
    let span = recorder.start(span).unwrap();
    recorder.set_attributes(&span, attributes.clone()).unwrap();
    recorder.event(&span, Event::new("e").attributes(attributes.clone())).unwrap();
    let error = attributes
        .iter()
        .fold(ErrorEvent::new("!"), |error, (name, value)| error.with(name.clone(), value.clone()));
    recorder.error(&span, error).unwrap();
    recorder.stop_with(&span, SpanStop::new().attributes(attributes.clone())).unwrap();
    recorder.stop(&other).unwrap();
}

#[test]
fn attributes_are_edited_wherever_they_stand() {
    for mode in MODES {
        let edit = EditAttributes::new()
            .rename("host", "host.name")
            .drop("dump")
            .hash("user")
            .redact("query")
            .when("kind != span or name = s".parse().unwrap());
        let set = EditAttributes::new().set("color", "blue").when("kind = event".parse().unwrap());
        let job = Job::new(mode, vec![boxed(edit), boxed(set)]);
        let given = Attributes::new()
            .with("host", "node-1")
            .with("dump", "0xff")
            .with("user", "ada")
            .with("query", "select 1")
            .with("rows", 3);
        everywhere(&job, &given);
        let left = job.finish();
        let sets = sets(&left.processed);
        let full: Vec<_> = sets.iter().filter(|set| !set.is_empty()).collect();
        // The start's three sets, the addition's two and its links, the event, the error, the stop's.
        assert_eq!(full.len(), 3 + 3 + 1 + 1 + 3, "{mode:?}");
        let mut hashes = std::collections::HashSet::new();
        for set in full {
            assert_eq!((set.get("host"), set.get("dump")), (None, None));
            assert_eq!(set.get_str("host.name").unwrap(), Some("node-1"));
            assert_eq!(set.get_str("query").unwrap(), Some("<redacted>"));
            assert_eq!(set.get_i64("rows").unwrap(), Some(3));
            let hash = set.get_str("user").unwrap().unwrap().to_owned();
            assert!(hash.len() == 16 && hash.chars().all(|digit| digit.is_ascii_hexdigit()));
            hashes.insert(hash);
        }
        assert_eq!(hashes.len(), 1);
        let colors: Vec<_> = sets.iter().filter_map(|set| set.get("color")).collect();
        assert_eq!(colors, [&Value::from("blue")]);
    }
}

#[test]
fn secrets_are_redacted_by_their_names() {
    for mode in MODES {
        let job = Job::new(mode, vec![boxed(SecretKeys::new().and("license"))]);
        let given = Attributes::new()
            .with("api_key", "s3cret")
            .with("db.password", vec!["s3cret"])
            .with("license", "s3cret")
            .with("tokens", 12);
        everywhere(&job, &given);
        let left = job.finish();
        let text = format!("{:?}", left.processed);
        assert!(
            !text.contains("s3cret") && text.contains("<redacted>") && text.contains("I64(12)")
        );
        let text = format!("{:?}", left.all);
        assert_eq!(text.contains("s3cret"), mode != Mode::All);
    }
}

#[test]
fn so_many_of_each_name_in_a_second() {
    for mode in MODES {
        let job = Job::new(mode, vec![boxed(RateLimit::per_second(2.0).burst(3))]);
        for round in 0..2 {
            for _ in 0..5 {
                job.recorder.event(None, Event::new("often")).unwrap();
                let span = job.recorder.start(SpanBuilder::new("often").root()).unwrap();
                job.recorder.event(&span, Event::new("inner")).unwrap();
                job.recorder.stop(&span).unwrap();
            }
            job.recorder.event(None, Event::new(format!("rare {round}"))).unwrap();
            job.advance(1_000);
        }
        let left = job.finish();
        let count = |word: &str| words(&left.processed).iter().filter(|it| *it == word).count();
        // Three at once, and two of a second later.
        assert_eq!([count("often"), count("+often"), count("-often")], [5, 5, 5], "{mode:?}");
        assert_eq!([count("inner"), count("rare 0"), count("rare 1")], [5, 1, 1]);
    }
}

#[test]
fn names_that_are_made_up_share_a_bucket() {
    let job = Job::new(Mode::Synchronous, vec![boxed(RateLimit::per_second(0.0))]);
    let names = RateLimit::MOST_NAMES + 100;
    for name in 0..names {
        job.recorder.event(None, Event::new(format!("n{name}"))).unwrap();
    }
    let left = job.finish();
    assert_eq!(left.processed.len(), RateLimit::MOST_NAMES + 1);
}

#[test]
fn a_part_of_all_traces_is_kept_as_a_whole() {
    for mode in MODES {
        let job = Job::new(mode, vec![boxed(SampleTraces::ratio(0.5))]);
        for _ in 0..200 {
            let root = job.recorder.start(SpanBuilder::new("root").root()).unwrap();
            let child = job.recorder.start(SpanBuilder::new("child").parent(&root)).unwrap();
            job.recorder.event(&child, Event::new("e")).unwrap();
            job.recorder.stop(&child).unwrap();
            job.recorder.stop(&root).unwrap();
        }
        job.recorder.event(None, Event::new("of no trace")).unwrap();
        let left = job.finish();
        let kept = left.processed.len() - 1;
        assert!(kept.is_multiple_of(5) && (5 * 50..=5 * 150).contains(&kept), "{kept}");
        for record in &left.processed {
            if let Record::Start(span) = record {
                // The standard: the last seven bytes decide.
                assert!(span.trace_id.to_u128() as u64 % (1 << 56) >= 1 << 55);
            }
        }
    }
}

fn statistics(records: &[Record]) -> Vec<(&Attributes, u64)> {
    let mut said = Vec::new();
    for record in records {
        if let Record::Event(event) = record
            && event.name == "onelogger.statistics"
        {
            said.push((&event.attributes, event.time_unix_nanos - EPOCH));
        }
    }
    said
}

#[test]
fn statistics_over_all_events_of_a_name() {
    for mode in MODES {
        let of = EventStatistics::of("save_checkpoint", "duration").every_events(100);
        let job = Job::new(mode, vec![boxed(of)]);
        for duration in 1..=250 {
            let event = Event::new("save_checkpoint").with("duration", duration);
            job.recorder.event(None, event).unwrap();
            job.recorder.event(None, Event::new("other").with("duration", 1e9)).unwrap();
        }
        for odd in [Value::from("long"), Value::from(f64::NAN)] {
            job.recorder.event(None, Event::new("save_checkpoint").with("duration", odd)).unwrap();
        }
        job.recorder.event(None, Event::new("save_checkpoint")).unwrap();
        let left = job.finish();
        let said = statistics(&left.processed);
        let number = |said: &Attributes, name: &str| match said.get(name) {
            Some(Value::F64(value)) => *value,
            Some(Value::I64(value)) => *value as f64,
            other => panic!("{name}: {other:?}"),
        };
        let counts: Vec<_> =
            said.iter().map(|(said, _)| number(said, "onelogger.statistics.count")).collect();
        assert_eq!(counts, [100.0, 200.0, 250.0], "{mode:?}");
        let last = said[2].0;
        assert_eq!(last.get_str("onelogger.statistics.event").unwrap(), Some("save_checkpoint"));
        assert_eq!(last.get_str("onelogger.statistics.attribute").unwrap(), Some("duration"));
        let exactly = |name: &str| number(last, &format!("onelogger.statistics.{name}"));
        assert_eq!(
            [exactly("ignored"), exactly("min"), exactly("max"), exactly("average")],
            [3.0, 1.0, 250.0, 125.5]
        );
        for (name, value) in [("p50", 125.0), ("p90", 225.0), ("p95", 238.0), ("p99", 248.0)] {
            assert!((exactly(name) / value - 1.0).abs() < 0.0101, "{name}: {}", exactly(name));
        }
        let counts = left.counts[1];
        assert_eq!((counts.recorded, counts.added, counts.delivered), (503, 3, 506));
    }
}

#[test]
fn statistics_are_said_when_their_time_has_come() {
    for mode in MODES {
        let of = EventStatistics::of("e", "n").every(Duration::from_secs(60)).windowed();
        let job = Job::new(mode, vec![boxed(of)]);
        for second in 0..150 {
            job.recorder.event(None, Event::new("e").with("n", second)).unwrap();
            job.advance(1_000);
        }
        // Nothing new to say: only an event of another name.
        job.advance(100_000);
        let left = {
            job.so_far();
            job.recorder.event(None, Event::new("other")).unwrap();
            job.advance(100_000);
            job.recorder.event(None, Event::new("other")).unwrap();
            job.finish()
        };
        let said = statistics(&left.processed);
        let told: Vec<_> = said
            .iter()
            .map(|(said, time)| {
                let number = |name| said.get_f64(name).unwrap();
                (
                    said.get_i64("onelogger.statistics.count").unwrap(),
                    number("onelogger.statistics.min"),
                    number("onelogger.statistics.max"),
                    time / 1_000_000_000,
                )
            })
            .collect();
        let expected = [
            (Some(61), Some(0.0), Some(60.0), 60),
            (Some(60), Some(61.0), Some(120.0), 120),
            (Some(29), Some(121.0), Some(149.0), 250),
        ];
        assert_eq!(told, expected, "{mode:?}");
    }
}

#[test]
fn times_that_are_given_move_no_clock() {
    for mode in MODES {
        let of = EventStatistics::of("e", "n").every(Duration::from_secs(10));
        let limit = RateLimit::per_second(1.0).burst(2);
        let job = Job::new(mode, vec![boxed(of), boxed(limit)]);
        let ahead = Timestamp::from_unix_nanos(EPOCH + 50_000_000_000);
        job.recorder.event(None, Event::new("e").with("n", 0).at(ahead)).unwrap();
        for second in 1..=20 {
            let long_ago = Timestamp::from_unix_nanos(EPOCH - 3_600_000_000_000);
            job.advance(1_000);
            job.recorder.event(None, Event::new("e").with("n", second)).unwrap();
            job.recorder.event(None, Event::new("old").at(long_ago)).unwrap();
        }
        let left = job.finish();
        let said: Vec<_> = statistics(&left.processed)
            .iter()
            .map(|(said, time)| {
                (said.get_i64("onelogger.statistics.count").unwrap(), time / 1_000_000_000)
            })
            .collect();
        assert_eq!(said, [(Some(11), 10), (Some(21), 20)], "{mode:?}");
        let count = |word: &str| words(&left.processed).iter().filter(|it| *it == word).count();
        assert_eq!([count("e"), count("old")], [21, 20]);
    }
}

#[test]
fn after_a_clock_is_set_back_time_passes_as_before() {
    for mode in MODES {
        let of = EventStatistics::of("e", "n").every(Duration::from_secs(10)).windowed();
        let limit = RateLimit::per_second(1.0).burst(2);
        let job = Job::new(mode, vec![boxed(of), boxed(limit)]);
        job.advance(24 * 3600 * 1_000);
        job.recorder.event(None, Event::new("e").with("n", 0)).unwrap();
        job.so_far();
        job.clock.set_elapsed(Duration::ZERO);
        for second in 1..=20 {
            job.advance(1_000);
            job.recorder.event(None, Event::new("e").with("n", second)).unwrap();
        }
        let left = job.finish();
        let said = statistics(&left.processed);
        let counts =
            said.iter().map(|(said, _)| said.get_i64("onelogger.statistics.count").unwrap());
        assert_eq!(counts.collect::<Vec<_>>(), [Some(12), Some(9)], "{mode:?}");
        assert_eq!(words(&left.processed).iter().filter(|it| *it == "e").count(), 21);
    }
}
