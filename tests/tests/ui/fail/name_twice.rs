use onelogger::timed_span;

#[timed_span(name = "a", name = "b")]
fn f() {}

fn main() {}
