use onelogger::timed_span;

#[timed_span]
async fn f() -> u32 {
    "text"
}

fn main() {}
