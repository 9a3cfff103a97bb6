use onelogger::timed_span;

struct Opaque;

#[timed_span(attrs(value))]
fn f(value: Opaque) {
    drop(value);
}

fn main() {}
