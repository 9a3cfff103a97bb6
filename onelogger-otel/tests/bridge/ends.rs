//! Ends: twice, by a drop, elsewhere, by a panic, after the recorder's; and spans that a filter holds
//! back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use onelogger::{Outcome, Record, event, span, timed_span};
use opentelemetry::trace::{
    Span as _, Status, TraceContextExt as _, Tracer as _, mark_span_as_active,
};
use opentelemetry::{Context, KeyValue};

use super::support::{Job, tracer};

#[test]
fn a_span_ends_once_however_often_it_is_told_to() {
    let job = Job::new();
    let tracer = tracer();
    let mut span = tracer.start("twice");
    span.end();
    span.end();
    span.set_attribute(KeyValue::new("late", true));
    span.add_event("late", Vec::new());
    span.set_status(Status::error("late"));
    span.update_name("late");
    span.add_link(span.span_context().clone(), Vec::new());
    drop(span);
    tracer.in_span("within", |cx| {
        cx.span().end();
        // It is active as long as its context is.
        tracer.start("after the end").end();
        drop(span!("after the end as well"));
    });
    drop(tracer.start("dropped"));
    let mut elsewhere = tracer.start("elsewhere");
    std::thread::spawn(move || elsewhere.end()).join().unwrap();
    let recorded = job.finish();
    for name in ["twice", "within", "dropped", "elsewhere"] {
        let stop = recorded.stop(name);
        assert_eq!((stop.outcome, stop.attributes.len()), (Outcome::Ok, 0), "{name}");
    }
    recorded.is_chain(&["within", "after the end"]);
    recorded.is_chain(&["within", "after the end as well"]);
    assert_eq!(recorded.records.len(), 6 * 2 + 1);
}

#[test]
fn a_panic_ends_all_spans_and_leaves_nothing_current() {
    #[timed_span(name = "annotated")]
    fn annotated() {
        tracer().in_span("in annotated", |_| panic!("on purpose"));
    }
    let job = Job::new();
    let work = || {
        let _active = mark_span_as_active(tracer().start("outer"));
        annotated();
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_err();
    assert_eq!(onelogger::context::current(), None);
    // A span that begins and ends while the thread unwinds works like any other.
    struct OnUnwind;
    impl Drop for OnUnwind {
        fn drop(&mut self) {
            tracer().in_span("cleanup", |_| {});
        }
    }
    let work = || {
        let _on_unwind = OnUnwind;
        panic!("on purpose");
    };
    catch_unwind(AssertUnwindSafe(work)).unwrap_err();
    tracer().start("afterwards").end();
    let recorded = job.finish();
    recorded.is_chain(&["outer", "annotated", "in annotated"]);
    recorded.is_chain(&["afterwards"]);
    for name in ["outer", "annotated", "in annotated"] {
        assert_eq!(recorded.stop(name).outcome, Outcome::Panic, "{name}");
    }
    for name in ["cleanup", "afterwards"] {
        assert_eq!(recorded.stop(name).outcome, Outcome::Ok, "{name}");
    }
    // The panic is told once, by the annotated function.
    assert_eq!(recorded.errors().len(), 1);
}

#[test]
fn a_recorder_that_is_closed_meanwhile_does_no_harm() {
    let job = Job::new();
    let tracer = tracer();
    let (provider, recorder) = (job.provider.clone(), onelogger::recorder());
    let mut kept = tracer.start("kept");
    let active = mark_span_as_active(tracer.start("active"));
    provider.close(Duration::from_secs(60)).unwrap();
    assert!(!kept.is_recording());
    kept.add_event("late", Vec::new());
    kept.set_attribute(KeyValue::new("late", true));
    kept.record_error(&std::io::Error::other("late"));
    kept.set_status(Status::error("late"));
    let late = tracer.start("late");
    assert!(!late.is_recording());
    drop((late, span!("late as well")));
    event!("late");
    kept.end();
    drop(active);
    assert_eq!(recorder.refused_calls(), 0);
    assert_eq!(recorder.health().stopped_after_close, 2);
    let recorded = job.finish();
    for name in ["kept", "active"] {
        let truncated = recorded.stop(name).attributes.get_bool("onelogger.truncated");
        assert_eq!(truncated, Ok(Some(true)), "{name}");
    }
    assert_eq!(recorded.records.len(), 2 * 2 + 1);
}

#[test]
fn what_hangs_under_a_span_that_is_held_back_hangs_under_the_next_one_above() {
    let job = Job::without(&["held back"]);
    let tracer = tracer();
    tracer.in_span("outer", |outer| {
        tracer.in_span("held back", |cx| {
            assert!(!cx.span().is_recording());
            assert_eq!(cx.span().span_context(), outer.span().span_context());
            cx.span().add_event("held back as well", Vec::new());
            tracer.in_span("theirs", |_| {});
            drop(span!("ours"));
            event!("goes to the one above");
            // The same in a context that is carried elsewhere.
            let context = onelogger::context::Context::capture();
            std::thread::scope(|scope| {
                scope.spawn(|| context.run(|| drop(span!("elsewhere"))));
            });
        });
    });
    // One of ours around it, and another one within.
    let around = span!("around");
    tracer.in_span("held back", |_| {
        let within = span!("within");
        tracer.in_span("held back", |_| {
            event!("goes to within");
            tracer.in_span("inmost", |_| {});
        });
        drop(within);
        drop(span!("beside"));
    });
    drop(around);
    let recorded = job.finish();
    for name in ["theirs", "ours", "elsewhere"] {
        recorded.is_chain(&["outer", name]);
    }
    recorded.is_chain(&["around", "within", "inmost"]);
    recorded.is_chain(&["around", "beside"]);
    assert_eq!(recorded.event("goes to the one above").2, recorded.id("outer"));
    assert_eq!(recorded.event("goes to within").2, recorded.id("within"));
    assert_eq!(recorded.events().count(), 2);
    // Three starts, three stops, one event.
    assert_eq!(recorded.withheld(), 7);
}

#[test]
fn below_a_root_that_is_held_back_there_are_roots_of_one_trace() {
    let job = Job::without(&["held back"]);
    let tracer = tracer();
    tracer.in_span("held back", |cx| {
        assert!(cx.span().span_context().is_valid());
        tracer.in_span("theirs", |_| drop(span!("in theirs")));
        drop(span!("ours"));
        event!("held back as well");
        let explicit = Context::new().with_remote_span_context(cx.span().span_context().clone());
        tracer.start_with_context("explicit", &explicit).end();
    });
    let recorded = job.finish();
    let trace = recorded.start("theirs").trace_id;
    for name in ["theirs", "ours", "explicit"] {
        recorded.is_chain(&[name]);
        assert_eq!(recorded.start(name).trace_id, trace, "{name}");
    }
    recorded.is_chain(&["theirs", "in theirs"]);
    assert_eq!((recorded.withheld(), recorded.events().count()), (3, 0));
}

/// A job that is killed leaves the spans behind that were open: they are seen while they last.
#[test]
fn a_span_is_recorded_when_it_starts_and_not_when_it_ends() {
    let job = Job::new();
    let mut span = tracer().start("open");
    span.add_event("while it is open", Vec::new());
    onelogger::recorder().force_flush(Duration::from_secs(60)).unwrap();
    let seen = job.records();
    assert!(seen.iter().any(|it| matches!(it, Record::Start(span) if span.name == "open")));
    assert!(seen.iter().any(|it| matches!(it, Record::Event(e) if e.name == "while it is open")));
    assert!(!seen.iter().any(|it| matches!(it, Record::Stop(_))));
    span.end();
    job.finish();
}
