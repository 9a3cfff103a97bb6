use onelogger::timed_span;

struct S;

#[timed_span]
impl S {
    fn f(&self) {}
}

fn main() {}
