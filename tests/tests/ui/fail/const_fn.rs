use onelogger::timed_span;

#[timed_span]
const fn f() -> u32 {
    1
}

fn main() {}
