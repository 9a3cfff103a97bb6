use onelogger::timed_span;

#[timed_span(attrs(1 + 2))]
fn f() {}

fn main() {}
