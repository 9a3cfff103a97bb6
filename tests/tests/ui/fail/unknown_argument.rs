use onelogger::timed_span;

#[timed_span(colour = "red")]
fn f() {}

fn main() {}
