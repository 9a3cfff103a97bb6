use onelogger::timed_span;

#[timed_span]
struct S {
    field: u32,
}

fn main() {}
