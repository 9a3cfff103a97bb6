use onelogger::timed_span;

#[timed_span(parent)]
fn f() {}

fn main() {}
