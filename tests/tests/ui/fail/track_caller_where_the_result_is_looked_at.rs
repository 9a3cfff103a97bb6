use onelogger::timed_span;

#[timed_span]
#[track_caller]
fn f() -> Result<(), String> {
    Ok(())
}

fn main() {}
