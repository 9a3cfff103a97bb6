//! What once went wrong.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use onelogger::exporter::{MemoryExporter, MemoryRecords};
use onelogger::testing::capture;
use onelogger::{
    DefaultRecorder, ErrorHandlingStrategy, OneLoggerConfig, OneLoggerGuard, OneLoggerProvider,
    Outcome, Record, context, event, span, timed_span,
};
use onelogger_tests::polls::yield_once;
use onelogger_tests::tree::assert_tree;

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn configure(
    provider: &OneLoggerProvider,
    strategy: ErrorHandlingStrategy,
) -> (OneLoggerGuard, MemoryRecords) {
    let (exporter, records) = MemoryExporter::new();
    let recorder = DefaultRecorder::builder().exporter(exporter).synchronous().build().unwrap();
    let config = OneLoggerConfig::builder("regressions").session_tag("").world_size(1);
    let config = config.error_handling_strategy(strategy).build().unwrap();
    (provider.configure(config, recorder).unwrap(), records)
}

/// The records without the library's own.
fn taken(records: &MemoryRecords) -> Vec<Record> {
    let mut records = records.take();
    records.retain(|record| {
        !matches!(record, Record::Event(event) if event.name.as_str().starts_with("onelogger."))
    });
    records
}

#[test]
fn what_outlives_its_span_hangs_under_that_and_not_under_the_one_above() {
    let capture = capture();
    let app = span!("app");
    let request = span!("request");
    let late = context::wrap(|| {
        event!("late event");
        drop(span!("late span"));
    });
    drop(request);
    thread::spawn(late).join().unwrap();
    drop(app);
    assert_tree(&capture.finish(), "app\n  request\n    late span\n· late event");
}

#[test]
fn a_span_that_a_failed_task_left_open_is_not_the_parent_of_the_next() {
    #[timed_span(name = "task")]
    async fn task() -> Result<(), String> {
        let _left_open = onelogger::recorder().start("explicit");
        yield_once().await;
        Err("before the stop".into())
    }
    let capture = capture();
    for _ in 0..3 {
        let mut task = Box::pin(task());
        assert!(poll(&mut task).is_pending() && poll(&mut task).is_ready());
    }
    assert!(context::active_spans().is_empty());
    drop(span!("another"));
    let records = capture.finish();
    let is_root = |name: &str| {
        let starts = records.iter().filter_map(|record| match record {
            Record::Start(span) if span.name == *name => Some(span),
            _ => None,
        });
        starts.into_iter().all(|span| span.parent.is_none())
    };
    assert!(is_root("task") && is_root("another"));
}

#[test]
fn a_poll_leaves_the_stack_as_it_found_it_also_across_a_close() {
    #[timed_span(name = "job")]
    async fn job() {
        yield_once().await;
        let _left_open = onelogger::recorder().start("of job");
        pending::<()>().await;
    }
    let provider = OneLoggerProvider::new();
    let strategy = ErrorHandlingStrategy::ReportAndContinue;
    let (first, _) = configure(&provider, strategy);
    let attached = provider.attach();
    let mut job = Box::pin(job());
    assert!(poll(&mut job).is_pending());
    drop(first);
    let (second, records) = configure(&provider, strategy);
    let again = provider.attach();
    assert!(poll(&mut job).is_pending());
    assert!(context::active_spans().is_empty());
    drop(span!("unrelated"));
    drop((job, again, attached, second));
    let records = taken(&records);
    let unrelated = records.iter().find_map(|record| match record {
        Record::Start(span) if span.name == "unrelated" => Some(span),
        _ => None,
    });
    assert_eq!(unrelated.unwrap().parent, None);
}

#[test]
fn an_event_in_a_span_of_the_run_before_is_quiet() {
    let provider = OneLoggerProvider::new();
    let strategy = ErrorHandlingStrategy::DisableQuietlyAndReportMetricError;
    let (first, _) = configure(&provider, strategy);
    let attached = provider.attach();
    let guard = span!("of the first run");
    drop(first);
    let (second, records) = configure(&provider, strategy);
    let again = provider.attach();
    event!(in guard, "too late");
    event!("in time");
    assert!(onelogger::recorder().is_enabled());
    drop((guard, again, attached, second));
    assert_tree(&taken(&records), "· in time");
}

#[test]
fn an_event_in_a_span_goes_where_the_span_went() {
    let capture = capture();
    let guard = span!("span");
    // No context is carried, and the span is lent.
    let span = guard.span();
    thread::scope(|scope| {
        scope.spawn(|| event!(in span, "from a thread"));
    });
    drop(guard);
    assert_tree(&capture.finish(), "span\n  · from a thread");
}

#[test]
fn a_parent_that_is_switched_off_is_as_if_it_were_not_there() {
    let capture = capture();
    let _train = span!("train");
    let epoch = span!(level: trace, "epoch, which is off");
    drop(span!(parent: &epoch, links: [&epoch], "step"));
    drop(_train);
    let records = capture.finish();
    assert_tree(&records, "train\n  step");
    assert!(records.iter().all(|r| !matches!(r, Record::Start(s) if !s.links.is_empty())));
}

#[test]
fn a_panic_that_no_hook_tells_of_is_not_taken_for_an_older_one() {
    let capture = capture();
    assert!(catch_unwind(|| panic!("long ago")).is_err());
    let caught = catch_unwind(|| {
        let _span = span!("train");
        resume_unwind(Box::new("of another thread"));
    });
    assert!(caught.is_err());
    assert_tree(&capture.finish(), "train -> panic\n  ! panic in train [panic]");
}

#[test]
fn a_panic_while_a_value_is_formatted_is_not_the_panic_that_ends_a_span() {
    struct Broken;
    impl std::fmt::Debug for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in Debug")
        }
    }
    struct Reports;
    impl Drop for Reports {
        fn drop(&mut self) {
            event!("cleanup", value = ?Broken);
        }
    }
    let capture = capture();
    let caught = catch_unwind(|| {
        let _span = span!("job");
        let _reports = Reports;
        panic!("of the job");
    });
    assert!(caught.is_err());
    let records = capture.finish();
    let message = records.iter().find_map(|record| match record {
        Record::Error(error) => error.attributes.get_str("error_message").unwrap(),
        _ => None,
    });
    assert_eq!(message, Some("panic in job: of the job"));
}

#[test]
fn a_span_that_was_stopped_by_hand_fails_quietly() {
    #[timed_span(name = "f", ret)]
    fn f() -> Result<u32, String> {
        let recorder = onelogger::recorder();
        recorder.stop(&context::current_span().unwrap()).unwrap();
        Err("after the stop".into())
    }
    let capture = capture();
    f().unwrap_err();
    assert_tree(&capture.finish(), "f");
}

#[test]
fn destructors_in_a_cancelled_future_record_in_its_span() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            event!("cleanup");
        }
    }
    #[timed_span(name = "download")]
    async fn download() {
        let _cleanup = Cleanup;
        pending::<()>().await;
    }
    let capture = capture();
    let mut future = Box::pin(download());
    assert!(poll(&mut future).is_pending());
    let unrelated = span!("unrelated");
    drop(future);
    drop(unrelated);
    assert_tree(&capture.finish(), "download -> cancelled\n  · cleanup\nunrelated");
}

#[test]
fn a_panic_has_the_last_word_but_not_over_a_future_that_is_ready() {
    #[timed_span(name = "ready")]
    async fn ready() {
        yield_once().await;
    }
    struct Finishes(Pin<Box<dyn Future<Output = ()>>>);
    impl Drop for Finishes {
        fn drop(&mut self) {
            assert!(poll(&mut self.0).is_ready());
        }
    }
    let capture = capture();
    let caught = catch_unwind(|| {
        let mut span = span!("span");
        span.set_outcome(Outcome::Cancelled);
        panic!("after all");
    });
    assert!(caught.is_err());
    let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(ready());
    assert!(poll(&mut future).is_pending());
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _finishes = Finishes(future);
        panic!("elsewhere");
    }));
    assert!(caught.is_err());
    let records = capture.finish();
    let ends = records.iter().filter_map(|record| match record {
        Record::Stop(span) => Some((span.name.as_str(), span.outcome)),
        _ => None,
    });
    let expected = [("span", Outcome::Panic), ("ready", Outcome::Ok)];
    assert_eq!(ends.collect::<Vec<_>>(), expected);
}

#[test]
fn a_boxed_future_belongs_to_the_run_in_which_it_is_polled() {
    #[timed_span(name = "boxed")]
    fn boxed() -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async { event!("inside") })
    }
    let provider = OneLoggerProvider::new();
    let strategy = ErrorHandlingStrategy::ReportAndContinue;
    let (first, _) = configure(&provider, strategy);
    let attached = provider.attach();
    let mut future = boxed();
    drop(first);
    let (second, records) = configure(&provider, strategy);
    let again = provider.attach();
    assert!(poll(&mut future).is_ready());
    drop((again, attached, second));
    assert_tree(&taken(&records), "boxed\n  · inside");
}
