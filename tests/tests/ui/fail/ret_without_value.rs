use onelogger::timed_span;

#[timed_span(ret)]
fn f() {}

fn main() {}
