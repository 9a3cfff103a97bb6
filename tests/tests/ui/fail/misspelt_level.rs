use onelogger::timed_span;

#[timed_span(lvl = debug)]
fn f() {}

fn main() {}
