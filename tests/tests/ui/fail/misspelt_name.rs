use onelogger::timed_span;

#[timed_span(nmae = "x")]
fn f() {}

fn main() {}
