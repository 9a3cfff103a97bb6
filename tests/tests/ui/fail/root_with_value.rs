use onelogger::timed_span;

#[timed_span(root = true)]
fn f() {}

fn main() {}
