//! A program of 300 annotated functions of every shape gives the tree that a table predicts. The
//! table, and what makes the program of it, is `build.rs`.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_must_use,
    reason = "a program that was written by a program, to be run and not to be read"
)]

use onelogger::testing::capture;
use onelogger::{Record, span, timed_span};
use onelogger_tests::tree::assert_tree;

mod program {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use onelogger_tests::polls::yield_once as yielded;

    use super::{span, timed_span};

    include!(concat!(env!("OUT_DIR"), "/three_hundred.rs"));

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
        }
    }

    /// Polls a future that is never ready, drives what is in it, and drops it.
    async fn dropped_after_one_poll(mut future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..1_000 {
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
    }

    pub(super) fn run() {
        f0();
    }
}

#[test]
fn the_tree_is_as_predicted() {
    let capture = capture();
    program::run();
    let mut records = capture.finish();
    // Where each panic was is another test's matter.
    records.retain(|record| match record {
        Record::Error(error) => error.attributes.get_str("exception_type") != Ok(Some("panic")),
        _ => true,
    });
    assert_tree(&records, include_str!(concat!(env!("OUT_DIR"), "/three_hundred.tree")));
}
