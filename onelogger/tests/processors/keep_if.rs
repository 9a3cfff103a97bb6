//! Spans that are judged when they end.

use std::time::Duration;

use onelogger::processor::KeepIf;
use onelogger::{ErrorEvent, Event, Outcome, SpanBuilder, SpanStop};

use crate::support::{Job, MODES, boxed, words};

#[test]
fn an_open_span_is_not_shown_and_one_that_is_kept_comes_with_all_that_belongs_to_it() {
    for mode in MODES {
        let rule = KeepIf::error().or_longer_than(Duration::from_millis(250));
        let job = Job::new(mode, vec![boxed(rule)]);
        let recorder = &job.recorder;
        recorder.event(None, Event::new("in none")).unwrap();
        let long = recorder.start("long").unwrap();
        let short = recorder.start(SpanBuilder::new("short").parent(&long)).unwrap();
        recorder.event(&short, Event::new("in short")).unwrap();
        recorder.event(&long, Event::new("in long")).unwrap();
        let (shown, counts) = job.so_far();
        assert_eq!((words(&shown), counts.withheld), (vec!["in none".to_owned()], 4), "{mode:?}");
        job.advance(250);
        recorder.stop(&short).unwrap();
        let (shown, counts) = job.so_far();
        assert_eq!((shown.len(), counts.withheld), (1, 5));
        job.advance(1);
        recorder.stop(&long).unwrap();
        let failed = recorder.start("failed").unwrap();
        recorder.stop_with(&failed, SpanStop::new().outcome(Outcome::Error)).unwrap();
        let panicked = recorder.start("panicked").unwrap();
        recorder.stop_with(&panicked, SpanStop::new().outcome(Outcome::Panic)).unwrap();
        let cancelled = recorder.start("cancelled").unwrap();
        recorder.stop_with(&cancelled, SpanStop::new().outcome(Outcome::Cancelled)).unwrap();
        let erring = recorder.start("erring").unwrap();
        recorder.error(&erring, ErrorEvent::new("it")).unwrap();
        recorder.stop(&erring).unwrap();
        let left = job.finish();
        let expected = [
            "in none",
            "+long",
            "in long",
            "-long",
            "+failed",
            "-failed",
            "+panicked",
            "-panicked",
            "+erring",
            "!it",
            "-erring",
        ];
        assert_eq!(words(&left.processed), expected);
        assert_eq!((left.counts[1].withheld, left.counts[1].lost_total()), (5, 0));
    }
}

#[test]
fn a_condition_decides_as_well_and_a_span_that_the_close_stops_is_judged() {
    for mode in MODES {
        let rule =
            KeepIf::matches(r#"name = "important" or .onelogger.truncated"#.parse().unwrap());
        let job = Job::new(mode, vec![boxed(rule)]);
        for name in ["important", "other"] {
            let span = job.recorder.start(name).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        let _open = job.recorder.start("open").unwrap();
        let left = job.finish();
        assert_eq!(words(&left.processed), ["+important", "-important", "+open", "-open"]);
        assert_eq!(left.counts[1].withheld, 2);
    }
}

#[test]
fn what_finds_no_room_to_wait_is_let_through() {
    for mode in MODES {
        let rule = KeepIf::error().memory(4_000);
        let job = Job::new(mode, vec![boxed(rule)]);
        let outer = job.recorder.start("outer").unwrap();
        let text = "x".repeat(1_000);
        for place in 0..4 {
            job.recorder
                .event(&outer, Event::new(format!("e{place}")).with("text", text.as_str()))
                .unwrap();
        }
        // By now it is shown; so it is to its end.
        let (shown, counts) = job.so_far();
        assert_eq!(words(&shown), ["+outer", "e0", "e1", "e2", "e3"], "{mode:?}");
        assert_eq!(counts.withheld, 0);
        job.recorder.stop(&outer).unwrap();
        // Its memory is free again.
        for _ in 0..100 {
            let span = job.recorder.start(SpanBuilder::new("s").root()).unwrap();
            job.recorder.stop(&span).unwrap();
        }
        let left = job.finish();
        assert_eq!(left.processed.len(), 6);
        assert_eq!(left.counts[1].withheld, 200);
    }
}
