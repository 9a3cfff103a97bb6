use onelogger::timed_span;

#[timed_span(level = verbose)]
fn f() {}

fn main() {}
