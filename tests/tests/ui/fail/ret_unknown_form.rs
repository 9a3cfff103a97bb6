use onelogger::timed_span;

#[timed_span(ret(Dbg))]
fn f() {}

fn main() {}
