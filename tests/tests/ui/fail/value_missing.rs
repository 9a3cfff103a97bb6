use onelogger::timed_span;

#[timed_span(attrs(a = ))]
fn f() {}

fn main() {}
