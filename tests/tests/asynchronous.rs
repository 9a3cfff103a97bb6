//! Spans of futures: their context, whatever polls them, and how they end.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use onelogger::context::FutureExt as _;
use onelogger::testing::capture;
use onelogger::{Record, error, event, span, timed_span};
use onelogger_tests::polls::yield_once;
use onelogger_tests::tree::assert_tree;

fn block_on<F: Future>(future: F) -> F::Output {
    futures::executor::block_on(future)
}

#[timed_span(name = "leaf", attrs(n))]
async fn leaf(n: u32) -> Result<u32, std::num::ParseIntError> {
    yield_once().await;
    event!("halfway", n);
    yield_once().await;
    if n == 3 { "three".parse() } else { Ok(n) }
}

#[timed_span(name = "outer")]
async fn outer() -> u32 {
    let guard_free = leaf(1).await.unwrap_or(0);
    span!(async "block", guard_free; {
        let inner = leaf(2).await?;
        Ok::<u32, std::num::ParseIntError>(inner)
    })
    .await
    .unwrap_or(0)
}

#[test]
fn spans_nest_across_awaits() {
    let capture = capture();
    assert_eq!(block_on(outer()), 2);
    assert_tree(
        &capture.finish(),
        "
        outer
          leaf n=1
            · halfway n=1
          block guard_free=1
            leaf n=2
              · halfway n=2
        ",
    );
}

#[test]
fn interleaved_futures_keep_their_own_current_span() {
    #[timed_span(name = "job")]
    async fn job() {
        let (_, results, _) = futures::join!(leaf(1), join_all([leaf(2), leaf(3)]), async {
            yield_once().await;
            event!("between");
        });
        assert!(results[1].is_err());
    }
    let capture = capture();
    block_on(job());
    assert_tree(
        &capture.finish(),
        "
        job
          leaf n=1
            · halfway n=1
          leaf n=2
            · halfway n=2
          leaf n=3 -> error
            · halfway n=3
            ! Error in leaf: invalid digit found in string [ParseIntError]
          · between
        ",
    );
}

#[test]
fn a_future_that_is_dropped_early_was_cancelled() {
    #[timed_span(name = "racing")]
    async fn racing() {
        let (mut slow, mut fast) = (pin!(leaf_of_long().fuse()), pin!(leaf(1).fuse()));
        futures::select! {
            () = slow => unreachable!(),
            result = fast => assert_eq!(result, Ok(1)),
        }
    }
    #[timed_span(name = "slow")]
    async fn leaf_of_long() {
        within_slow().await;
    }
    #[timed_span(name = "within slow")]
    async fn within_slow() {
        std::future::pending::<()>().await;
    }
    let capture = capture();
    block_on(racing());
    let never_polled = leaf(9);
    drop(never_polled);
    assert_tree(
        &capture.finish(),
        "
        racing
          slow -> cancelled
            within slow -> cancelled
          leaf n=1
            · halfway n=1
        ",
    );
}

#[test]
fn the_span_starts_at_the_first_poll() {
    let capture = capture();
    let future = leaf(1);
    capture.clock().advance(Duration::from_secs(5));
    event!("polled from here on");
    block_on(future).unwrap();
    let records = capture.finish();
    assert!(matches!(&records[0], Record::Event(event) if event.name == "polled from here on"));
    assert!(matches!(records.last(), Some(Record::Stop(span)) if span.duration_nanos == 0));
}

#[test]
fn a_panic_within_a_poll_ends_the_span_there() {
    #[timed_span(name = "fragile")]
    async fn fragile() {
        yield_once().await;
        within().await;
    }
    #[timed_span(name = "within")]
    async fn within() {
        panic!("no more");
    }
    let capture = capture();
    let mut future = Box::pin(AssertUnwindSafe(fragile()).catch_unwind());
    let mut cx = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut cx).is_pending() {}
    // The future lives on, and its spans do not.
    let records = capture.records();
    let stops = records.iter().filter(
        |record| matches!(record, Record::Stop(span) if span.outcome == onelogger::Outcome::Panic),
    );
    assert_eq!(stops.count(), 2);
    assert_eq!(onelogger::context::current(), None);
    drop(future);
    assert_eq!(capture.records().len(), records.len());
}

/// Explicit spans in a task stay with the task, and do not meet the next one on the same thread.
#[test]
fn explicit_spans_stay_with_the_future_that_started_them() {
    #[timed_span(name = "task", attrs(n))]
    async fn task(n: u32) {
        let recorder = onelogger::recorder();
        let span = recorder.start("explicit").unwrap();
        yield_once().await;
        event!("inside", n);
        recorder.stop(&span).unwrap();
        event!("after", n);
    }
    let capture = capture();
    block_on(join_all([task(1), task(2)]));
    assert_eq!(onelogger::context::current(), None);
    assert_tree(
        &capture.finish(),
        "
        task n=1
          explicit
            · inside n=1
          · after n=1
        task n=2
          explicit
            · inside n=2
          · after n=2
        ",
    );
}

#[test]
fn an_explicit_span_may_outlive_the_future_that_started_it() {
    #[timed_span(name = "open")]
    async fn open() -> onelogger::Span {
        yield_once().await;
        onelogger::recorder().start("explicit").unwrap()
    }
    #[timed_span(name = "task")]
    async fn task() {
        let span = open().await;
        event!("inside");
        yield_once().await;
        event!("still inside");
        onelogger::recorder().stop(&span).unwrap();
    }
    let capture = capture();
    block_on(task());
    assert_tree(
        &capture.finish(),
        "
        task
          open
            explicit
              · inside
              · still inside
        ",
    );
}

/// A guard may be held across an await where the future need not be `Send`.
#[test]
fn a_guard_across_an_await_stays_with_its_future() {
    #[timed_span(name = "task", attrs(n))]
    async fn task(n: u32) {
        let _guard = span!("guard");
        yield_once().await;
        event!("inside", n);
    }
    let capture = capture();
    block_on(async {
        futures::join!(task(1), task(2));
    });
    assert_tree(
        &capture.finish(),
        "
        task n=1
          guard
            · inside n=1
        task n=2
          guard
            · inside n=2
        ",
    );
}

#[test]
fn a_thousand_tasks_on_several_threads_keep_their_parents() {
    const TASKS: u32 = 1_000;
    #[timed_span(name = "request", attrs(id))]
    async fn request(id: u32) {
        for part in 0..3 {
            tokio::task::yield_now().await;
            do_part(id, part).await;
        }
        event!("done", id);
    }
    #[timed_span(name = "part", attrs(id, part))]
    async fn do_part(id: u32, part: u32) {
        tokio::task::yield_now().await;
        span!("sync", id; { event!("step", id) });
        tokio::task::yield_now().await;
        error!("as it must", id);
    }
    let capture = capture();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let all = span!("all");
    runtime.block_on(
        async {
            let tasks = (0..TASKS).map(|id| tokio::spawn(request(id).with_current_context()));
            for task in join_all(tasks).await {
                task.unwrap();
            }
        }
        .with_current_context(),
    );
    drop(all);
    drop(runtime);
    let records = capture.finish();
    let mut spans = std::collections::HashMap::new();
    for record in &records {
        if let Record::Start(span) = record {
            spans.insert(span.span_id, span);
        }
    }
    let count = |name: &str| spans.values().filter(|span| span.name == name).count();
    assert_eq!((count("request"), count("part"), count("sync")), (1_000, 3_000, 3_000));
    let id = |attributes: &onelogger::Attributes| attributes.get_i64("id").unwrap();
    for span in spans.values().filter(|span| span.name != "all") {
        let parent = spans[&span.parent.expect("a parent").span_id];
        let expected = match span.name.as_str() {
            "request" => "all",
            "part" => "request",
            _ => "part",
        };
        assert_eq!(parent.name, expected);
        assert!(expected == "all" || id(&parent.attributes) == id(&span.attributes));
    }
    for record in &records {
        if let Record::Event(event) | Record::Error(event) = record {
            let span = spans[&event.span_id];
            assert_eq!(id(&span.attributes), id(&event.attributes), "{event:?} in {span:?}");
        }
    }
    assert_eq!(records.len(), 2 + 1_000 * (2 + 3 * 2 + 3 * 2 + 3 + 3 + 1));
}

#[test]
fn tokio_cancels_and_times_out() {
    #[timed_span(name = "sleep", attrs(ms))]
    async fn sleep(ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let capture = capture();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let _ = tokio::time::timeout(Duration::from_millis(1), sleep(60_000)).await;
        tokio::select! {
            () = sleep(50_000) => {}
            () = std::future::ready(()) => {}
        }
        let task = tokio::spawn(sleep(40_000).with_current_context());
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    let records = capture.finish();
    let cancelled = records.iter().filter(|record| {
        matches!(record, Record::Stop(span) if span.outcome == onelogger::Outcome::Cancelled)
    });
    let started = records.iter().filter(|record| matches!(record, Record::Start(_))).count();
    // Whether `select!` polls the first branch at all is chance.
    assert_eq!(cancelled.count(), started);
    assert!(started >= 2);
}
