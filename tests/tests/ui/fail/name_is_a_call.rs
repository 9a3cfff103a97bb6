use onelogger::timed_span;

#[timed_span(name = format!("x"))]
fn f() {}

fn main() {}
