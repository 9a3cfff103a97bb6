use onelogger::timed_span;

#[timed_span(lvl = debug, kind = srever)]
fn f() {}

fn main() {}
