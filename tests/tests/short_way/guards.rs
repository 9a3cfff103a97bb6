//! What guards do, and what is done with them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use onelogger::context::{self, Context};
use onelogger::{
    ErrorHandlingStrategy, Outcome, Record, Sampler, SpanFilter, SpanGuard, SpanRecord, event,
    span, timed_span,
};
use onelogger_tests::tree::assert_tree;

use crate::annotated;
use crate::job::{PATIENCE, Run, assert_both_ways, configure, stops, taken, twice};

#[test]
fn guards_may_be_dropped_in_any_order() {
    twice(|| {
        let run = Run::begin();
        let outer = span!("outer");
        let middle = span!("middle");
        let inner = span!("inner");
        drop(outer);
        event!("in inner");
        let below = span!("below");
        drop(inner);
        event!("in below");
        drop(middle);
        drop(span!("under below"));
        drop(below);
        event!("in none");
        drop(span!("root"));
        let (records, counts) = run.end();
        assert_tree(
            &records,
            "
        outer
          middle
            inner
              · in inner
              below
                · in below
                under below
        · in none
        root
        ",
        );
        assert_eq!((counts.recorded, counts.lost_total()), (15, 0));
    });
}

#[test]
fn a_span_whose_guard_is_forgotten_stays_the_parent_until_the_close_stops_it() {
    twice(|| {
        let run = Run::begin();
        let outer = span!("outer");
        std::mem::forget(span!("forgotten"));
        drop(span!("below"));
        drop(outer);
        drop(span!("still below"));
        let (records, counts) = run.end();
        let expected = "
        outer
          forgotten onelogger.truncated=true
            below
            still below
        ";
        assert_tree(&records, expected);
        assert_eq!((counts.recorded, counts.lost_total()), (8, 0));
    });
}

#[test]
fn two_recorders_with_the_same_ids_know_their_spans_apart() {
    twice(|| {
        let first = Run::begin();
        let of_first = (span!("first"), span!("below first"));
        let second = Run::begin();
        let of_second = (span!("second"), span!("below second"));
        {
            let _attached = first.provider.attach();
            let _third = span!("first again");
            drop(of_first.0);
            drop(of_second.1);
            event!("to the first");
        }
        drop(of_first.1);
        event!("to the second");
        drop(of_second.0);
        let (of_second, _) = second.end();
        let (of_first, _) = first.end();
        assert_tree(&of_second, "second\n  below second\n  · to the second");
        assert_tree(&of_first, "first\n  below first\nfirst again\n  · to the first");
        assert_eq!(of_first[0], {
            let Record::Start(span) = &of_second[0] else { panic!("{of_second:?}") };
            Record::Start(SpanRecord { name: "first".into(), ..span.clone() })
        });
    });
}

#[test]
fn a_close_stops_what_is_open_and_counts_who_stops_it_again() {
    twice(|| {
        let run = Run::begin();
        let mut guards = vec![span!("outer"), span!("middle"), span!("inner", n = 1)];
        run.provider.close(PATIENCE).unwrap();
        assert!(!guards[2].is_recording() && context::current().is_none());
        guards[2].set("late", 1);
        event!("late");
        assert!(!span!("late").is_recording());
        drop(guards.remove(0));
        drop(guards);
        assert_eq!(run.recorder.health().stopped_after_close, 3);
        let (records, counts) = run.end();
        let expected =
            "outer\n  middle\n    inner n=1".replace('\n', " onelogger.truncated=true\n");
        assert_tree(&records, &(expected + " onelogger.truncated=true"));
        assert_eq!((counts.recorded, counts.delivered), (6, 6));
    });
}

#[test]
fn a_provider_that_is_configured_anew_has_nothing_of_what_was_open_before() {
    twice(|| {
        let run = Run::begin();
        let outer = span!("outer");
        let inner = span!("inner");
        run.provider.close(PATIENCE).unwrap();
        let strategy = ErrorHandlingStrategy::ReportAndContinue;
        let (_, records, second) = configure(&run.provider, strategy, |it| it);
        let recorder = run.provider.recorder();
        let attached = run.provider.attach();
        let root = span!("root");
        drop(outer);
        event!("in root");
        drop(inner);
        drop(span!("below"));
        drop((root, attached, second));
        assert_eq!(run.recorder.health().stopped_after_close, 2);
        assert_eq!(recorder.health().stopped_after_close, 0);
        assert_tree(&taken(&records), "root\n  · in root\n  below");
        let expected = "outer onelogger.truncated=true\n  inner onelogger.truncated=true";
        assert_tree(&run.end().0, expected);
    });
}

#[test]
fn a_guard_in_a_thread_local_ends_its_span_with_the_thread() {
    twice(|| {
        thread_local! {
            static KEPT: RefCell<Vec<SpanGuard>> = const { RefCell::new(Vec::new()) };
        }
        let run = Run::begin();
        let context = Context::capture();
        thread::spawn(move || {
            // Met before anything that is recorded with, so it goes after that.
            KEPT.with_borrow_mut(Vec::clear);
            std::mem::forget(context.attach());
            let (first, second) = (span!("first"), span!("second"));
            KEPT.with_borrow_mut(|kept| kept.extend([first, second]));
            let _looked_at = context::current();
            let third = span!("third");
            KEPT.with_borrow_mut(|kept| kept.push(third));
        })
        .join()
        .unwrap();
        run.flush();
        let stopped = run.records.to_vec();
        assert_eq!(stops(&stopped).len(), 3);
        let (records, counts) = run.end();
        assert_tree(&records, "first\n  second\n    third");
        assert_eq!((counts.recorded, counts.lost_total()), (6, 0));
    });
}

#[test]
fn an_error_of_a_span_that_was_stopped_is_none() {
    twice(|| {
        #[timed_span(name = "stopped within")]
        fn stopped_within() -> Result<(), String> {
            let span = context::current_span().unwrap();
            onelogger::recorder().stop(&span).unwrap();
            let _next = span!("next");
            Err("too late".into())
        }
        // A misuse would be a panic.
        let run = Run::of(ErrorHandlingStrategy::PropagateExceptions, |it| it);
        stopped_within().unwrap_err();
        assert_tree(&run.end().0, "stopped within\nnext");
    });
}

/// Panics, or goes on with an older panic, while it is dropped.
struct Unwinds<F: FnMut()>(F);

impl<F: FnMut()> Drop for Unwinds<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_panic_ends_the_spans_that_it_unwinds_through_and_no_others() {
    assert_both_ways(
        |it| it,
        |_| {
            let _around = span!("around");
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let mut outer = span!("outer");
                outer.set_outcome(Outcome::Cancelled);
                let _inner = span!("inner");
                drop(span!("over"));
                let caught = catch_unwind(|| {
                    let _caught = span!("caught");
                    panic!("the first one")
                });
                let payload = caught.unwrap_err();
                let _in_destructor = Unwinds(|| {
                    let _orderly = span!("orderly");
                    event!("while it unwinds");
                    let nested = catch_unwind(|| {
                        let _nested = span!("nested");
                        panic!("the second one")
                    });
                    nested.unwrap_err();
                    drop(span!("after it"));
                });
                let _later = span!("later");
                resume_unwind(payload)
            }));
            unwound.unwrap_err();
            drop(span!("goes on"));
        },
    );
}

#[test]
fn guards_of_tasks_that_take_turns_end_their_own_spans() {
    async fn turn(name: usize) {
        let mut outer = span!("outer", name);
        tokio::task::yield_now().await;
        let inner = span!("inner", name);
        tokio::task::yield_now().await;
        drop(inner);
        outer.set("late", name);
        tokio::task::yield_now().await;
        event!("event", name);
    }
    #[timed_span(name = "timed", attrs(name))]
    async fn timed(name: usize) {
        turn(name).await;
    }
    assert_both_ways(
        |it| it,
        |_| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let tasks = tokio::task::LocalSet::new();
            for name in 0..3 {
                tasks.spawn_local(turn(name));
                tasks.spawn_local(timed(name));
            }
            let _outside = span!("outside");
            runtime.block_on(tasks);
        },
    );
}

#[test]
fn filters_samplers_and_other_providers_are_asked_as_ever() {
    let work = |run: &Run| {
        let _outer = span!("outer");
        let _noisy = span!("noisy");
        event!("in noisy");
        drop(span!("inner", n = 1));
        let other = Run::begin();
        let _of_other = span!("of other");
        {
            let _attached = run.provider.attach();
            drop(span!("again"));
        }
        event!("of other");
        drop(other);
        let _ = annotated(2);
    };
    let only = || SpanFilter::except(["noisy"]);
    assert_both_ways(|it| it.filter(only()), work);
    for sampler in [
        Sampler::AlwaysOff,
        Sampler::TraceIdRatioBased(0.5),
        Sampler::parent_based(Sampler::AlwaysOn),
    ] {
        assert_both_ways(|it| it.sampler(sampler.clone()), work);
    }
}

#[cfg(unix)]
#[test]
fn a_forked_child_has_no_part_in_what_is_open() {
    twice(|| {
        let run = Run::begin();
        let outer = span!("outer");
        let mut inner = span!("inner");
        // SAFETY: the child ends without cleaning up, whatever other threads were doing.
        let child = unsafe { libc::fork() };
        if child == 0 {
            inner.set("late", 1);
            event!("in the child");
            let is_right = !inner.is_recording() && context::current().is_none();
            drop((outer, inner));
            drop(span!("of the child"));
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(!is_right)) };
        }
        let mut status = -1;
        // SAFETY: `status` is valid for writing, and the child is ours.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        drop((inner, outer));
        let (records, counts) = run.end();
        assert_tree(&records, "outer\n  inner");
        assert_eq!((counts.recorded, counts.lost_total()), (4, 0));
    });
}

#[test]
fn a_guard_tells_of_its_span_as_long_as_that_is_open() {
    twice(|| {
        let run = Run::begin();
        let mut outer = span!("outer");
        let inner = span!("inner");
        assert!(outer.is_recording() && inner.is_recording());
        assert_eq!(inner.span(), &context::current_span().unwrap());
        assert_eq!(outer.context().trace_id, inner.context().trace_id);
        drop(span!("below"));
        run.recorder.stop(inner.span()).unwrap();
        assert!(outer.is_recording() && !inner.is_recording());
        outer.set("after", 1);
        outer.set_outcome(Outcome::Error);
        drop((outer, inner));
        let (records, counts) = run.end();
        assert_tree(&records, "outer after=1 -> error\n  inner\n    below");
        assert_eq!((counts.recorded, counts.lost_total()), (7, 0));
    });
}
