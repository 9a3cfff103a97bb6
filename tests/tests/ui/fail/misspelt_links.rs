use onelogger::timed_span;

#[timed_span(link(a))]
fn f() {}

fn main() {}
