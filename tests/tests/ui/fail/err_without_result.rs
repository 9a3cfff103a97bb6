use onelogger::timed_span;

#[timed_span(err(Debug))]
fn f() -> u32 {
    1
}

fn main() {}
