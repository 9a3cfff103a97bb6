use onelogger::timed_span;

#[timed_span(lvl = debug)]
fn f() -> u32 {
    1
}

fn g() -> u32 {
    f()
}

fn main() {}
