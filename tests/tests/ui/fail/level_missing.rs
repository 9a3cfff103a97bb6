use onelogger::timed_span;

#[timed_span(level)]
fn f() {}

fn main() {}
