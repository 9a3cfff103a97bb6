use onelogger::timed_span;

#[timed_span(name)]
fn f() {}

fn main() {}
