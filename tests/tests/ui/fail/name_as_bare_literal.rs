use onelogger::timed_span;

#[timed_span("step")]
fn f() {}

fn main() {}
