use onelogger::timed_span;

#[timed_span(attrs("a.b"))]
fn f() {}

fn main() {}
