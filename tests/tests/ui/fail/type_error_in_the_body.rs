use onelogger::timed_span;

#[timed_span]
fn f() -> Result<u32, String> {
    let x: u32 = "text";
    Ok(x)
}

fn main() {}
