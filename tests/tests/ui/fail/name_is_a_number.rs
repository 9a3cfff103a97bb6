use onelogger::timed_span;

#[timed_span(name = 3)]
fn f() {}

fn main() {}
