//! With the feature `off` no macro does anything. Run by `cargo xtask test` with the feature on.

#![cfg(feature = "off")]

use onelogger::testing::capture;
use onelogger::{callsite, error, event, span, timed_span};

#[timed_span(attrs(value = evaluated()))]
fn sync(value: u32) -> Result<u32, String> {
    if value > 1 { Err("an error".into()) } else { Ok(value) }
}

#[timed_span(attrs(value = evaluated()), ret)]
async fn asynchronous(value: u32) -> u32 {
    span!(async "block", value = evaluated(); { value + 1 }).await
}

fn evaluated() -> u32 {
    panic!("attributes are not evaluated")
}

#[test]
fn nothing_that_a_macro_plants_does_anything() {
    let capture = capture();
    assert!(sync(1).is_ok() && sync(2).is_err());
    let mut future = std::pin::pin!(asynchronous(1));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(future.as_mut().poll(&mut cx), std::task::Poll::Ready(2));
    let guard = span!("span", value = evaluated());
    assert!(!guard.is_recording());
    event!("event", value = evaluated());
    event!(in guard, "event", value = evaluated());
    error!("error", value = evaluated());
    assert_eq!(span!("block", value = evaluated(); { 3 }), 3);
    // What is recorded by explicit calls is the application's own affair.
    let span = onelogger::recorder().start("explicit").unwrap();
    onelogger::recorder().stop(&span).unwrap();
    assert_eq!(capture.finish().len(), 2);
    assert_eq!(callsite::all().count(), 0);
}
