use onelogger::timed_span;

#[timed_span(attrs(a = 1, b = 2, a = 3))]
fn f() {}

fn main() {}
