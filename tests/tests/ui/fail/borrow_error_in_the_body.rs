use onelogger::timed_span;

#[timed_span]
fn f(mut list: Vec<u32>) -> Result<(), String> {
    let first = &list[0];
    list.push(*first);
    println!("{first}");
    Ok(())
}

fn main() {}
