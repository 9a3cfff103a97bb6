use onelogger::timed_span;

#[timed_span(err(when))]
fn f() -> Result<(), String> {
    Ok(())
}

fn main() {}
