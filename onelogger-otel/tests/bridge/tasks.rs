//! Tasks on a runtime with several threads: each poll may come from another one.

use std::collections::HashMap;

use onelogger::{SpanId, event, span, timed_span};
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use tokio::task::yield_now;

use super::support::{Job, Recorded, tracer};

const TASKS: i64 = 1000;

#[timed_span(name = "outer", attrs(task))]
async fn outer(task: i64) {
    yield_now().await;
    let span = tracer().span_builder("middle").with_attributes([KeyValue::new("task", task)]);
    let cx = Context::current_with_span(span.start(&tracer()));
    inner(task).within(cx).await;
    yield_now().await;
    event!("in outer", task);
}

#[timed_span(name = "inner", attrs(task))]
async fn inner(task: i64) {
    for _ in 0..task % 4 {
        yield_now().await;
    }
    event!("in inner", task);
    // Within one poll there may be more of them.
    tracer().in_span("leaf", |cx| {
        cx.span().set_attribute(KeyValue::new("task", task));
        let _last = span!("last", task);
    });
    tokio::join!(branch(task, 1), branch(task, 2));
}

#[timed_span(name = "branch", attrs(task, number))]
async fn branch(task: i64, number: i64) {
    yield_now().await;
    let span = tracer().span_builder("twig").with_attributes([KeyValue::new("task", task)]);
    let cx = Context::current_with_span(span.start(&tracer()));
    async {
        yield_now().await;
        event!("in twig", task, number);
    }
    .within(cx)
    .await;
}

/// `with_context` of OpenTelemetry's trait, which ours has as well.
trait Within: Sized {
    fn within(self, cx: Context) -> opentelemetry::trace::WithContext<Self> {
        opentelemetry::trace::FutureExt::with_context(self, cx)
    }
}

impl<F: Future> Within for F {}

/// Of each kind of span the ids by the number of the task.
fn by_task(recorded: &Recorded, name: &str) -> HashMap<i64, Vec<SpanId>> {
    let mut ids: HashMap<i64, Vec<SpanId>> = HashMap::new();
    let stops = recorded.records.iter().filter_map(|record| match record {
        onelogger::Record::Stop(span) if span.name == name => Some(span),
        _ => None,
    });
    for span in stops {
        let task = span.attributes.get_i64("task").unwrap().unwrap();
        ids.entry(task).or_default().push(span.span_id);
    }
    ids
}

#[test]
fn in_a_thousand_tasks_each_span_has_its_parent() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let job = Job::new();
    tracer().in_span("job", |_| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..TASKS)
                .map(|task| {
                    let future = onelogger::context::FutureExt::with_current_context(outer(task));
                    tokio::spawn(future)
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    drop(runtime);
    let recorded = job.finish();
    let root = recorded.id("job");
    let parents: HashMap<SpanId, SpanId> = recorded
        .starts()
        .filter_map(|span| Some((span.span_id, span.parent.filter(|it| !it.is_remote)?.span_id)))
        .collect();
    let trace = recorded.start("job").trace_id;
    assert!(recorded.starts().all(|span| span.trace_id == trace));
    let ids: HashMap<&str, _> = ["outer", "middle", "inner", "leaf", "last", "branch", "twig"]
        .into_iter()
        .map(|name| (name, by_task(&recorded, name)))
        .collect();
    for (name, above, count) in [
        ("outer", "", 1),
        ("middle", "outer", 1),
        ("inner", "middle", 1),
        ("leaf", "inner", 1),
        ("last", "leaf", 1),
        ("branch", "inner", 2),
    ] {
        for task in 0..TASKS {
            let spans = &ids[name][&task];
            assert_eq!(spans.len(), count, "{name} of {task}");
            let expected = if above.is_empty() { root } else { ids[above][&task][0] };
            assert!(spans.iter().all(|span| parents[span] == expected), "{name} of {task}");
        }
    }
    for task in 0..TASKS {
        let (twigs, branches) = (&ids["twig"][&task], &ids["branch"][&task]);
        let mut above: Vec<_> = twigs.iter().map(|twig| parents[twig]).collect();
        above.sort_unstable();
        let mut branches = branches.clone();
        branches.sort_unstable();
        assert_eq!(above, branches, "twigs of {task}");
    }
    let mut events = 0;
    for event in recorded.events() {
        let task = event.attributes.get_i64("task").unwrap().unwrap();
        let name = event.name.as_str().trim_start_matches("in ");
        assert!(ids[name][&task].contains(&event.span_id), "{event:?}");
        events += 1;
    }
    assert_eq!(events, 4 * TASKS);
    assert_eq!(recorded.starts().count() as i64, 1 + 9 * TASKS);
}

/// A future of ours is dropped where another span is active: its end and what its destructors record
/// are its own.
#[test]
fn a_future_that_is_dropped_elsewhere_keeps_its_span() {
    struct OnDrop;
    impl Drop for OnDrop {
        fn drop(&mut self) {
            drop(span!("in the destructor"));
        }
    }
    #[timed_span(name = "cancelled")]
    async fn cancelled() {
        let _on_drop = OnDrop;
        std::future::pending::<()>().await;
    }
    let job = Job::new();
    let mut future = Box::pin(cancelled());
    tracer().in_span("where it began", |_| {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut cx).is_pending());
    });
    let around = span!("around");
    tracer().in_span("where it is dropped", |_| {
        drop(future);
        drop(span!("after it"));
    });
    drop(around);
    let recorded = job.finish();
    recorded.is_chain(&["where it began", "cancelled", "in the destructor"]);
    recorded.is_chain(&["around", "where it is dropped", "after it"]);
    assert_eq!(recorded.stop("cancelled").outcome, onelogger::Outcome::Cancelled);
}
