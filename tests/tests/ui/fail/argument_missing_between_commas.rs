use onelogger::timed_span;

#[timed_span(name = "a",, level = info)]
fn f() {}

fn main() {}
