use onelogger::timed_span;

#[timed_span(group = per_step)]
fn f() {}

fn main() {}
