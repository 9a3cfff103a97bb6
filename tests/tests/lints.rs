//! Expansions are silent under the strictest lints, and lints still find what is in annotated code.
//!
//! The compiler and clippy (both with these settings) are the test: a lint that fires is an error, and
//! so is an expectation of one that does not.

#![deny(warnings, clippy::pedantic, clippy::nursery)]
#![deny(missing_docs, missing_debug_implementations, unused_qualifications, unused_lifetimes)]
#![deny(single_use_lifetimes, let_underscore_drop, trivial_casts, unsafe_code, unreachable_pub)]
#![deny(clippy::let_underscore_untyped, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![deny(clippy::default_numeric_fallback, clippy::as_conversions, clippy::shadow_unrelated)]

use onelogger::testing::capture;
use onelogger::{error, event, span, timed_span};

/// A unit.
#[timed_span]
fn unit() {}

/// With all that an attribute can have.
#[timed_span(
    name = "all",
    attrs(a, b = a + 1, %text, debug = ?list, list),
    start_attrs(cause = text),
    level = debug,
    group = "lints",
    kind = client,
    root,
    links(),
    err(Display, when = |error| !error.is_empty()),
    ret(length = |value| *value)
)]
fn all(a: i64, text: &str, list: &[i64], (left, right): (u8, u8), _: u8) -> Result<usize, String> {
    if text.is_empty() {
        return Err(format!("{left} {right}"));
    }
    Ok(list.len() + usize::from(left))
}

/// Asynchronous.
#[timed_span(attrs(a), ret)]
async fn asynchronous(a: u32, text: &str) -> Result<u32, String> {
    let waited = std::future::ready(a).await;
    let inner = span!(async "inner", text; { std::future::ready(waited).await }).await;
    Ok(inner)
}

/// A boxed future.
#[timed_span]
fn boxed(a: u32) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move { a })
}

/// Never returns.
#[timed_span]
fn never() -> ! {
    std::process::exit(0)
}

struct Job {
    step: u32,
}

impl Job {
    #[timed_span(attrs(self.step))]
    fn next(&mut self) -> u32 {
        self.step += 1;
        self.step
    }
}

/// The function-like macros.
#[timed_span]
fn macros(job: &mut Job) -> Option<u32> {
    let _guard = span!("guard", step = job.step);
    event!("event", step = job.next());
    let step = job.step;
    error!("error {step}");
    let value = span!("block"; { Some(job.next()) })?;
    Some(value)
}

#[test]
fn they_run() {
    let records = capture();
    unit();
    assert_eq!(all(1, "text", &[1], (1, 2), 0), Ok(2));
    assert_eq!(futures::executor::block_on(asynchronous(1, "x")), Ok(1));
    assert_eq!(futures::executor::block_on(boxed(2)), 2);
    assert_eq!(macros(&mut Job { step: 0 }), Some(2));
    if records.records().is_empty() {
        never();
    }
}

/// What lints find in annotated functions. Each expectation is unfulfilled, and so an error, where its
/// lint is silent.
mod found {
    use super::{span, timed_span};

    #[timed_span]
    #[expect(unused_variables, reason = "it is not used")]
    fn unused_variables(unused: u32) -> Result<u32, String> {
        let also_unused = 1_u32;
        Ok(1)
    }

    #[timed_span]
    #[expect(unused_mut, reason = "it is not changed")]
    fn unused_mut(mut list: Vec<u32>) -> Result<Vec<u32>, String> {
        Ok(list)
    }

    #[timed_span]
    #[expect(unused_variables, reason = "it is not used")]
    async fn unused_in_async(unused: u32) -> u32 {
        std::future::ready(1).await
    }

    #[timed_span]
    #[expect(dead_code, reason = "nobody calls it")]
    fn dead_code() -> Result<u32, String> {
        Ok(1)
    }

    #[timed_span]
    #[expect(clippy::needless_return, reason = "it is not needed")]
    fn needless_return() -> Result<u32, String> {
        return Ok(1);
    }

    #[timed_span]
    #[expect(clippy::needless_return, reason = "it is not needed")]
    fn needless_return_of_a_number() -> u32 {
        return 1;
    }

    #[timed_span]
    #[must_use]
    fn must_use() -> u32 {
        1
    }

    #[timed_span]
    #[expect(unreachable_code, reason = "it is not reached")]
    fn unreachable() -> Result<u32, String> {
        return Ok(1);
        Ok(2)
    }

    #[test]
    #[expect(unused_must_use, reason = "the results are not looked at")]
    fn they_run() {
        unused_variables(1);
        unused_mut(Vec::new());
        needless_return();
        needless_return_of_a_number();
        must_use();
        unreachable();
        span!("not bound, so it ends at once");
        unused_in_async(1);
    }
}
