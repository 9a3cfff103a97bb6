use onelogger::timed_span;

#[timed_span]
fn f() -> u32 {
    let x = ;
    1
}

fn main() {}
