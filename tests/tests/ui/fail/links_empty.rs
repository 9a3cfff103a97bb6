use onelogger::timed_span;

#[timed_span(links())]
fn f() {}

fn main() {}
