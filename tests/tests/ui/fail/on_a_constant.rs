use onelogger::timed_span;

#[timed_span]
const N: u32 = 1;

fn main() {}
