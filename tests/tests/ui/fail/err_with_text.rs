use onelogger::timed_span;

#[timed_span(err = "no")]
fn f() -> Result<(), String> {
    Ok(())
}

fn main() {}
