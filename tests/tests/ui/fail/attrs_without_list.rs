use onelogger::timed_span;

#[timed_span(attrs)]
fn f() {}

fn main() {}
