use onelogger::timed_span;

struct S;

impl S {
    const NAME: &'static str = "s";

    #[timed_span(name = Self::NAME)]
    fn f(&self) {}
}

fn main() {}
