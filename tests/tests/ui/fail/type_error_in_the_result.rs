use onelogger::timed_span;

#[timed_span]
fn f() -> Result<u32, String> {
    Ok("text")
}

fn main() {}
