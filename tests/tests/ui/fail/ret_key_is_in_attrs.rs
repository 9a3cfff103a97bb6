use onelogger::timed_span;

#[timed_span(attrs(rows = 1), ret(rows = |value| *value))]
fn f() -> u32 {
    1
}

fn main() {}
