use onelogger::timed_span;

use std::rc::Rc;

#[timed_span]
async fn f() {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
}

fn spawn(_: impl Future + Send) {}

fn g() {
    spawn(f());
}

fn main() {}
