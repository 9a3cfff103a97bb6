use onelogger::timed_span;

#[timed_span(level = wran)]
fn f() {}

fn main() {}
