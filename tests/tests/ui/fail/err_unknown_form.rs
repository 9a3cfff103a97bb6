use onelogger::timed_span;

#[timed_span(err(Debg))]
fn f() -> Result<(), String> {
    Ok(())
}

fn main() {}
