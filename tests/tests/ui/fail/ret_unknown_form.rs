use onelogger::timed_span;

#[timed_span(ret(Dbg))]
fn f() -> u32 {
    1
}

fn main() {}
