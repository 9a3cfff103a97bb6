use onelogger::timed_span;

#[timed_span(crate = 1)]
fn f() {}

fn main() {}
