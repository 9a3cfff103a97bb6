use onelogger::timed_span;

#[timed_span(parent = x, root)]
fn f() {}

fn main() {}
