use onelogger::timed_span;

#[timed_span(start_attr(a = 1))]
fn f() {}

fn main() {}
