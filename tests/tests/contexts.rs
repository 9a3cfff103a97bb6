//! The current span is carried to where it is wanted, and nowhere else.

use std::thread;

use onelogger::context::{self, Context, FutureExt as _};
use onelogger::testing::capture;
use onelogger::{SpanContext, SpanId, TraceId, event, span, timed_span};
use onelogger_tests::tree::assert_tree;
use rayon::prelude::*;

#[timed_span(name = "work", attrs(n))]
fn work(n: u32) {
    event!("done");
}

const ONE_WORK: &str = "
    outer
      work n=1
        · done
    ";

#[test]
fn to_a_thread() {
    let capture = capture();
    let outer = span!("outer");
    thread::spawn(context::wrap(|| work(1))).join().unwrap();
    drop(outer);
    assert_tree(&capture.finish(), ONE_WORK);
}

#[test]
fn nowhere_by_itself() {
    let capture = capture();
    let provider = capture.provider().clone();
    let outer = span!("outer");
    thread::spawn(move || {
        let _attached = provider.attach();
        work(1);
    })
    .join()
    .unwrap();
    drop(outer);
    assert_tree(&capture.finish(), "outer\nwork n=1\n  · done");
}

#[test]
fn to_scoped_threads() {
    let capture = capture();
    let outer = span!("outer");
    let number = 1;
    thread::scope(|scope| {
        scope.spawn(context::wrap(|| work(number)));
    });
    drop(outer);
    assert_tree(&capture.finish(), ONE_WORK);
}

#[test]
fn to_tasks_and_blocking_tasks() {
    let capture = capture();
    let outer = span!("outer");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(
        async {
            tokio::spawn(async { work(1) }.with_current_context()).await.unwrap();
            tokio::task::spawn_blocking(context::wrap(|| work(2))).await.unwrap();
        }
        .with_current_context(),
    );
    drop(outer);
    let expected = "outer\n  work n=1\n    · done\n  work n=2\n    · done";
    assert_tree(&capture.finish(), expected);
}

#[test]
fn to_rayon() {
    let capture = capture();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let outer = span!("outer");
    let context = Context::capture();
    pool.install(|| {
        let (_, ()) =
            rayon::join(context.clone().wrap(|| work(1)), context.clone().wrap(|| work(2)));
        rayon::scope(|scope| scope.spawn(|_| context.run(|| work(3))));
        (4..100_u32).into_par_iter().for_each(|n| context.run(|| work(n)));
    });
    drop(outer);
    let records = capture.finish();
    let outer = records[0].clone();
    let onelogger::Record::Start(outer) = outer else { panic!("{outer:?}") };
    let under_outer = records.iter().filter(|record| match record {
        onelogger::Record::Start(span) => span.parent.is_some_and(|p| p.span_id == outer.span_id),
        _ => false,
    });
    assert_eq!(under_outer.count(), 99);
}

/// What is started hangs under a span that is over; an event, which would come too late for it, is in
/// none.
#[test]
fn what_is_spawned_may_outlive_the_span_that_it_hangs_under() {
    let capture = capture();
    let outer = span!("outer");
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let thread = thread::spawn(context::wrap(move || {
        wait.recv().unwrap();
        event!("late");
        work(1);
    }));
    drop(outer);
    go.send(()).unwrap();
    thread.join().unwrap();
    assert_tree(&capture.finish(), "outer\n  work n=1\n    · done\n· late");
}

#[test]
fn a_context_is_put_back_when_what_runs_in_it_panics() {
    let capture = capture();
    let outer = span!("outer");
    let context = Context::capture();
    drop(outer);
    let _now = span!("now");
    let before = context::current();
    let caught = std::panic::catch_unwind(|| context.run(|| panic!("as it must")));
    assert!(caught.is_err());
    assert_eq!(context::current(), before);
    drop(capture);
}

#[test]
fn a_remote_span_is_a_parent_like_any_other() {
    let capture = capture();
    let remote = SpanContext::remote(TraceId::from_u128(77), SpanId::from_u64(99));
    let server = span!(kind: server, parent: remote, "request");
    assert_eq!(context::current().unwrap().trace_id, remote.trace_id);
    work(1);
    drop(server);
    assert_tree(&capture.finish(), "request <- remote\n  work n=1\n    · done");
}
