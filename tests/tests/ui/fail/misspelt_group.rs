use onelogger::timed_span;

#[timed_span(gruop = "x")]
fn f() {}

fn main() {}
