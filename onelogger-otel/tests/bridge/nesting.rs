//! Our spans and OpenTelemetry's, within each other in any way.

use onelogger::context::{self, Context as OurContext};
use onelogger::{event, span, timed_span};
use opentelemetry::Context;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, mark_span_as_active,
};

use super::support::{Job, tracer};

/// The names of the levels, so that each is a span of its own.
const NAMES: [&str; 4] = ["0", "1", "2", "3"];

/// The ways to open a span.
#[derive(Clone, Copy)]
enum Way {
    Annotated,
    Explicit,
    InSpan,
    MarkedActive,
    Attached,
}

const WAYS: [Way; 5] =
    [Way::Annotated, Way::Explicit, Way::InSpan, Way::MarkedActive, Way::Attached];

#[timed_span(name = "0")]
fn level_0(ways: &[Way]) {
    nest(ways);
}
#[timed_span(name = "1")]
fn level_1(ways: &[Way]) {
    nest(ways);
}
#[timed_span(name = "2")]
fn level_2(ways: &[Way]) {
    nest(ways);
}
#[timed_span(name = "3")]
fn level_3(ways: &[Way]) {
    nest(ways);
}

/// Opens a span of each way, one within the other, and says something in the innermost.
fn nest(ways: &[Way]) {
    let Some((way, rest)) = ways.split_first() else {
        event!("said");
        return;
    };
    let level = NAMES.len() - ways.len();
    match way {
        Way::Annotated => [level_0, level_1, level_2, level_3][level](rest),
        Way::Explicit => {
            let recorder = onelogger::recorder();
            let span = recorder.start(NAMES[level]).unwrap();
            nest(rest);
            recorder.stop(&span).unwrap();
        }
        Way::InSpan => tracer().in_span(NAMES[level], |_| nest(rest)),
        Way::MarkedActive => {
            let _active = mark_span_as_active(tracer().start(NAMES[level]));
            nest(rest);
        }
        Way::Attached => {
            let span = tracer().start(NAMES[level]);
            let _attached = Context::current().with_span(span).attach();
            nest(rest);
        }
    }
}

#[test]
fn four_levels_are_one_trace_in_all_625_orders() {
    for number in 0..5_usize.pow(4) {
        let ways = [0, 1, 2, 3].map(|level| WAYS[number / 5_usize.pow(level) % 5]);
        let job = Job::new();
        nest(&ways);
        // Nothing stays current.
        assert_eq!(context::current(), None);
        let recorded = job.finish();
        recorded.is_chain(&NAMES);
        assert_eq!(recorded.event("said").2, recorded.id("3"));
        assert_eq!(recorded.records.len(), 4 * 2 + 1 + 1);
    }
}

#[test]
fn siblings_and_what_was_started_but_is_not_active() {
    let job = Job::new();
    {
        let _outer = span!("outer");
        let tracer = tracer();
        // To start a span does not make it active.
        let idle = tracer.start("idle");
        drop(span!("beside idle"));
        tracer.in_span("first", |_| drop(span!("in first")));
        tracer.in_span("second", |_| drop(span!("in second")));
        drop(idle);
        drop(span!("last"));
    }
    let recorded = job.finish();
    for name in ["idle", "beside idle", "first", "second", "last"] {
        assert_eq!(recorded.parent(name), Some(recorded.id("outer")), "{name}");
    }
    recorded.is_chain(&["outer", "first", "in first"]);
    recorded.is_chain(&["outer", "second", "in second"]);
}

#[test]
fn an_explicit_parent_is_the_parent() {
    let job = Job::new();
    let tracer = tracer();
    {
        let x = Context::new().with_span(tracer.start("x"));
        let y = Context::new().with_span(tracer.start("y"));
        let _ours = span!("ours");
        tracer.start_with_context("under x", &x).end();
        let _active = x.clone().attach();
        tracer.start_with_context("under y", &y).end();
        tracer.in_span_with_context("under y as well", &y, |_| drop(span!("below")));
        // The active span by another context is not explicit.
        tracer.start_with_context("under active x", &Context::current()).end();
        tracer.start_with_context("root", &Context::new()).end();
        let _inner = span!("inner");
        tracer.start_with_context("under inner", &Context::current()).end();
        let remote = SpanContext::new(
            TraceId::from(7),
            SpanId::from(9),
            TraceFlags::SAMPLED,
            true,
            TraceState::from_key_value([("a", "b")]).unwrap(),
        );
        let far = Context::new().with_remote_span_context(remote);
        let span = tracer.start_with_context("under far", &far);
        assert_eq!(span.span_context().trace_id(), TraceId::from(7));
        assert_eq!(span.span_context().trace_state().get("a"), Some("b"));
        assert!(span.span_context().is_sampled() && !span.span_context().is_remote());
    }
    let recorded = job.finish();
    recorded.is_chain(&["x", "under x"]);
    recorded.is_chain(&["y", "under y"]);
    recorded.is_chain(&["y", "under y as well", "below"]);
    recorded.is_chain(&["x", "under active x"]);
    recorded.is_chain(&["x", "inner", "under inner"]);
    recorded.is_chain(&["ours"]);
    recorded.is_chain(&["root"]);
    assert_ne!(recorded.start("root").trace_id, recorded.start("x").trace_id);
    let far = recorded.start("under far");
    assert_eq!(far.trace_id.to_u128(), 7);
    assert!(far.parent.is_some_and(|it| it.is_remote && it.span_id.to_u64() == 9));
}

/// A parent that is over, and of which nobody holds a context any more.
#[test]
fn ids_alone_are_a_local_parent() {
    let job = Job::new();
    let tracer = tracer();
    let known = tracer.start("over").span_context().clone();
    let cx = Context::new().with_remote_span_context(known);
    tracer.start_with_context("late", &cx).end();
    {
        let _active = cx.attach();
        drop(span!("late as well"));
        event!("later");
    }
    let recorded = job.finish();
    recorded.is_chain(&["over", "late"]);
    recorded.is_chain(&["over", "late as well"]);
    assert_eq!(recorded.event("later").2, recorded.id("over"));
}

#[test]
fn guards_that_are_dropped_out_of_order_leave_the_open_spans() {
    let job = Job::new();
    let tracer = tracer();
    // OpenTelemetry's first.
    let active = mark_span_as_active(tracer.start("a"));
    let ours = span!("b");
    drop(active);
    drop(span!("in b"));
    tracer.start("in b as well").end();
    drop(ours);
    assert_eq!(context::current(), None);

    // Ours first.
    let ours = span!("c");
    let active = mark_span_as_active(tracer.start("d"));
    drop(ours);
    drop(span!("in d"));
    event!("in d");
    drop(active);
    assert_eq!(context::current(), None);

    // Two of OpenTelemetry's, the outer one first.
    let outer = mark_span_as_active(tracer.start("e"));
    let inner = mark_span_as_active(tracer.start("f"));
    drop(outer);
    drop(span!("in f"));
    drop(inner);
    assert_eq!(context::current(), None);
    let recorded = job.finish();
    recorded.is_chain(&["a", "b", "in b"]);
    recorded.is_chain(&["a", "b", "in b as well"]);
    recorded.is_chain(&["c", "d", "in d"]);
    recorded.is_chain(&["e", "f", "in f"]);
    assert_eq!(recorded.event("in d").2, recorded.id("d"));
}

/// A context of ours that is attached within an active span is further in; one that is attached around
/// it is further out.
#[test]
fn contexts_of_both_kinds_are_attached_within_each_other() {
    let job = Job::new();
    let tracer = tracer();
    let ours = {
        let _ours = span!("ours");
        OurContext::capture()
    };
    let theirs = Context::new().with_span(tracer.start("theirs"));
    {
        let _outer = theirs.clone().attach();
        ours.run(|| tracer.in_span("under ours", |_| drop(span!("below ours"))));
        drop(span!("under theirs"));
    }
    ours.run(|| {
        let _inner = theirs.attach();
        drop(span!("under theirs, inside"));
    });
    let recorded = job.finish();
    recorded.is_chain(&["ours", "under ours", "below ours"]);
    recorded.is_chain(&["theirs", "under theirs"]);
    recorded.is_chain(&["theirs", "under theirs, inside"]);
}

/// The contexts of both worlds as each other.
#[test]
fn a_context_of_one_world_is_one_of_the_other() {
    let job = Job::new();
    let tracer = tracer();
    {
        let theirs = Context::new().with_span(tracer.start("theirs"));
        let _ours = span!("ours");
        onelogger_otel::context_of(&theirs).run(|| drop(span!("under theirs")));
        onelogger_otel::context_of(&Context::current()).run(|| drop(span!("under ours")));
        let cx = onelogger_otel::current_context();
        let _active = theirs.attach();
        onelogger_otel::context_of(&Context::new()).run(|| drop(span!("root")));
        tracer.start_with_context("under ours as well", &cx).end();
        let _inner = span!("inner");
        let cx = onelogger_otel::current_context();
        tracer.start_with_context("under inner", &cx).end();
    }
    let recorded = job.finish();
    recorded.is_chain(&["theirs", "under theirs"]);
    recorded.is_chain(&["ours", "under ours"]);
    recorded.is_chain(&["ours", "under ours as well"]);
    recorded.is_chain(&["theirs", "inner", "under inner"]);
    recorded.is_chain(&["root"]);
}
