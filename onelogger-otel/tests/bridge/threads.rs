//! Spans that go to other threads, by the context of either world.

use std::sync::{Arc, Barrier};

use onelogger::context::{self, Context as OurContext};
use onelogger::{event, span};
use opentelemetry::Context;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _};

use super::support::{Job, tracer};

#[test]
fn the_contexts_of_both_worlds_carry_the_parent_to_other_threads() {
    let job = Job::new();
    let provider = job.provider.clone();
    tracer().in_span("theirs", |cx| {
        // Ours captures OpenTelemetry's span.
        std::thread::scope(|scope| {
            scope.spawn(context::wrap(|| {
                event!("elsewhere");
                tracer().in_span("by our context", |_| drop(span!("below")));
            }));
        });
        // OpenTelemetry's own way.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _provider = provider.attach();
                let _attached = cx.clone().attach();
                drop(span!("by their context"));
            });
        });
        let ours = span!("ours");
        // Theirs with the inner span of both.
        let both = onelogger_otel::current_context();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _provider = provider.attach();
                let _attached = both.attach();
                tracer().in_span("by both", |_| drop(span!("below both")));
            });
            scope.spawn(context::wrap(|| {
                tracer().in_span("ours elsewhere", |_| drop(span!("below ours")));
            }));
        });
        drop(ours);
    });
    let recorded = job.finish();
    recorded.is_chain(&["theirs", "by our context", "below"]);
    recorded.is_chain(&["theirs", "by their context"]);
    recorded.is_chain(&["theirs", "ours", "by both", "below both"]);
    recorded.is_chain(&["theirs", "ours", "ours elsewhere", "below ours"]);
    assert_eq!(recorded.event("elsewhere").2, recorded.id("theirs"));
}

/// Many threads at once, each with a trace of its own, and a span that is ended elsewhere.
#[test]
fn sixteen_threads_do_not_mix() {
    const THREADS: usize = 16;
    const ROUNDS: usize = 50;
    let job = Job::new();
    let context = OurContext::capture();
    let barrier = Arc::new(Barrier::new(THREADS));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (context, barrier) = (context.clone(), Arc::clone(&barrier));
            scope.spawn(move || {
                let _attached = context.attach();
                barrier.wait();
                for round in 0..ROUNDS {
                    let name = format!("{thread}.{round}");
                    let cx = Context::new().with_span(tracer().start(format!("{name} outer")));
                    let _active = cx.clone().attach();
                    let ours = onelogger::recorder().start(format!("{name} ours")).unwrap();
                    let mut inner = tracer().start(format!("{name} inner"));
                    onelogger::recorder().stop(&ours).unwrap();
                    std::thread::spawn(move || inner.end()).join().unwrap();
                }
            });
        }
    });
    let recorded = job.finish();
    for thread in 0..THREADS {
        for round in 0..ROUNDS {
            let levels = ["outer", "ours", "inner"];
            let names = levels.map(|level| format!("{thread}.{round} {level}"));
            recorded.is_chain(&names.each_ref().map(String::as_str));
        }
    }
    assert_eq!(recorded.starts().count(), THREADS * ROUNDS * 3);
}
