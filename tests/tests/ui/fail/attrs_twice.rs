use onelogger::timed_span;

#[timed_span(attrs(a = 1), attrs(b = 2))]
fn f() {}

fn main() {}
