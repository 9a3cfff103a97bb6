use onelogger::timed_span;

#[timed_span]
mod m {
    fn f() {}
}

fn main() {}
