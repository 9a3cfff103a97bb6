use onelogger::timed_span;

trait Named {
    const NAME: &'static str;
}

#[timed_span(name = T::NAME)]
fn f<T: Named>(_: T) {}

fn main() {}
