use onelogger::span;

fn main() {
    let (x, problem) = (1, "y".parse::<u32>().unwrap_err());
    let _future = span!(async "a");
    drop((x, problem));
}
