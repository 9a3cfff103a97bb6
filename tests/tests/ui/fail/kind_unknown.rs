use onelogger::timed_span;

#[timed_span(kind = clint)]
fn f() {}

fn main() {}
