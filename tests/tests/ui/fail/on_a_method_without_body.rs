use onelogger::timed_span;

trait T {
    #[timed_span]
    fn f(&self);
}

fn main() {}
