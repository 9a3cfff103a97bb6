use onelogger::timed_span;

#[timed_span(attr(a = 1))]
fn f() {}

fn main() {}
