//! Expansions name everything by paths that no one can shadow.

#![allow(dead_code, unused_macros, non_camel_case_types, reason = "what shadows is not used")]

use onelogger::{error, event, span, timed_span};

mod core {}
mod std {}
mod alloc {}
mod onelogger_macros {}
struct Ok;
struct Err;
struct Some;
struct None;
struct Vec;
struct String;
struct Box;
struct Option;
struct Result;
struct Callsite;
struct SpanGuard;
struct bool;
struct str;
struct u32;
struct i64;
struct usize;
trait Future {}
trait Drop {}
trait Fn {}
trait FnOnce {}
trait Send {}
trait Into {}
trait Iterator {}
trait Default {}
macro_rules! format_args {
    ($($anything:tt)*) => {
        compile_error!("shadowed")
    };
}
macro_rules! module_path {
    ($($anything:tt)*) => {
        compile_error!("shadowed")
    };
}
macro_rules! concat {
    ($($anything:tt)*) => {
        compile_error!("shadowed")
    };
}

type Outcome<T> = ::core::result::Result<T, ::std::string::String>;

#[timed_span(attrs(a, b = %a, c = ?a), start_attrs(a), err(when = |_| true), ret(x = |x| *x), links())]
fn sync(a: i32) -> Outcome<i32> {
    let _span = span!("guard", a);
    event!("event", a);
    error!("error {a}");
    let value = span!("block"; { a });
    Outcome::Ok(value)
}

#[timed_span(attrs(a), ret)]
async fn asynchronous(a: i32) -> Outcome<i32> {
    span!(async "block", a; { ::core::future::ready(a).await }).await;
    Outcome::Ok(a)
}

#[timed_span]
fn boxed(a: i32) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = i32>>> {
    ::std::boxed::Box::pin(async move { a })
}

#[test]
fn they_run() {
    let capture = ::onelogger::testing::capture();
    assert_eq!(sync(1), Outcome::Ok(1));
    assert_eq!(::futures::executor::block_on(asynchronous(2)), Outcome::Ok(2));
    assert_eq!(::futures::executor::block_on(boxed(3)), 3);
    assert!(capture.finish().len() > 8);
}
