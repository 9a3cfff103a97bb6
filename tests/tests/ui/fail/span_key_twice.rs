use onelogger::span;

fn main() {
    let (x, problem) = (1, "y".parse::<u32>().unwrap_err());
    let _span = span!("a", x, x = 2);
    drop((x, problem));
}
